//! Uploads through the client: bytes arrive, survive crashes once acknowledged, and become files in one step or not at
//! all.

mod commits;
mod connections;
mod content_checks;
mod digests;
mod failing_disks;
mod finishing;
mod fixtures;
mod kept_records;
mod limits;
mod races;
mod stage_and_commit;
mod store;

pub(crate) use fixtures::{commit, error_code, put, stage, store_request};
