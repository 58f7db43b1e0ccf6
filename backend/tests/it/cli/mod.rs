//! The client verbs: the real program against a file server in this process, and once against `passerelle serve`.

mod changes;
mod get;
mod hostile_server;
mod inspect;
mod keys;
mod lost_responses;
mod put;
pub(crate) mod shell;
