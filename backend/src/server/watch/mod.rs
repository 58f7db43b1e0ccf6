//! WATCH: the events of a folder, for all clients that have it open. Each folder is watched once, however many clients
//! there are.

mod fingerprint;
mod folder_watch;
mod pending;
pub(in crate::server) mod request;
mod ring;
pub(in crate::server) mod watches;
mod worker;
