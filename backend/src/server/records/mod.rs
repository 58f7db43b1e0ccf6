//! The file server's own records in SQLite: uploads, jobs, purges and digests. Only this folder names the database. It
//! knows no network and decides nothing. Every call may block on a disk.

mod column;
pub(super) mod database;
pub(super) mod digest_cache;
mod digests;
mod ended;
pub(super) mod error;
mod file_identity;
#[cfg(test)]
mod full_disk_tests;
mod group_commit;
pub(super) mod jobs;
mod owners_to_sweep;
mod purges;
mod reserve;
mod schema;
pub(super) mod uploads;
