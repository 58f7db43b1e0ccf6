//! LIST: a sorted folder in pages. The names come from a snapshot of the folder; what is said of each name is looked up
//! as its page is sent, so it is never older than the request.

mod cursor;
mod names;
mod page;
mod read_names;
pub(in crate::server) mod request;
mod shown;
pub(in crate::server) mod snapshots;
mod sorted_names;
