//! Changes, which are jobs.

pub(in crate::server) mod decide;
pub(in crate::server) mod purge;
pub(in crate::server) mod registry;
pub(in crate::server) mod restore;
pub(in crate::server) mod runner;
pub(in crate::server) mod simple;
pub(in crate::server) mod transfer;
