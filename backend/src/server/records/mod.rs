//! The file server's own records: uploads, changes, the trash's marks and digests, in one SQLite database.

pub(in crate::server) mod database;
pub(in crate::server) mod group_commit;
pub(in crate::server) mod jobs;
pub(in crate::server) mod uploads;
