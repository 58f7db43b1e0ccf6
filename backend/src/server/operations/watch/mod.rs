//! WATCH: the events of a folder.

pub(in crate::server) mod fingerprint;
pub(in crate::server) mod folder_watch;
pub(in crate::server) mod ring;
pub(in crate::server) mod watches;
