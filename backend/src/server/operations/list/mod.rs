//! LIST: the pages of a sorted folder.

pub(in crate::server) mod page;
pub(in crate::server) mod read_names;
pub(in crate::server) mod snapshots;
pub(in crate::server) mod sorted_names;
