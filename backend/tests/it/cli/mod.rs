//! The client verbs: the real program against a file server in this process, and once against `passerelle serve`.

mod changes;
mod get;
mod inspect;
mod lost_answers;
mod put;
pub(crate) mod shell;
