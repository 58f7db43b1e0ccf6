//! Entries that are moved or copied.

pub(in crate::server) mod copy;
pub(in crate::server) mod item;
