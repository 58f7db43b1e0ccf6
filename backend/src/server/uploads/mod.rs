//! Uploads: bytes that are not a file yet.

pub(in crate::server) mod commit;
pub(in crate::server) mod decide;
pub(in crate::server) mod registry;
pub(in crate::server) mod stage;
pub(in crate::server) mod store;
pub(in crate::server) mod sweep;
pub(in crate::server) mod write;
