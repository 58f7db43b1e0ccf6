//! The client verbs of the command line: each is one file, or a folder if it transfers files.
//!
//! `dispatch` runs the verb; `connect` reads address, key and paths; `failure` holds exit codes and errors; `format`
//! and `output` produce text. `get` and `put` share `workers`, `report`, `progress` and `destination_notes`; the verbs that change files
//! share `job` and `summary`.

mod connect;
mod destination_notes;
mod dispatch;
mod failure;
mod format;
mod get;
mod interrupt;
mod job;
mod key;
mod ls;
mod mkdir;
mod move_copy;
mod output;
mod ping;
mod progress;
mod put;
mod report;
mod retry;
mod rm;
mod stat;
mod summary;
mod trash;
mod workers;

pub use dispatch::{fail, run, run_key};
