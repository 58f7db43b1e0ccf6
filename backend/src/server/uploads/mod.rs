//! Uploads: bytes that are not a file yet. One request at a time works on an upload, under its lock; a newer request
//! takes the lock over from an older one, so that a dead connection locks nothing.

mod before_crash;
mod begin;
pub(super) mod commit;
mod decide;
mod destination;
mod drop_box;
mod finish;
mod publish;
pub(super) mod put;
pub(super) mod registry;
pub(super) mod requests;
mod similar;
mod slot;
mod so_far;
pub(super) mod store;
mod stored;
mod sweep;
mod unfinished;
mod writer;
