//! `Submission`: what the user requested by one action, with what is known of it before its requests are made. Renders
//! nothing.

#![cfg(target_arch = "wasm32")]

use shared::{Change, Rights};

use super::model::scheduler::PathAccess;
use super::model::{Command, Entries, Pace, Verb};
use crate::folder::model::permission;

/// A change of more entries is a change of many.
pub(super) const BULK_ITEMS_MIN: usize = 1_000;

/// A change that the user requested.
#[derive(Clone)]
pub(super) struct Submission {
    pub(super) requests: Requests,
    /// Number of items.
    pub(super) count: usize,
    pub(super) verb: Verb,
    /// The paths that it accesses.
    pub(super) access: PathAccess,
    /// The rights that it needs.
    pub(super) needed: Rights,
}

/// The requests of a change.
#[derive(Clone)]
pub(super) enum Requests {
    Made(Vec<Change>),
    /// Made one by one, because there are many entries.
    Of(Entries, Command),
}

impl Submission {
    /// The requests of one action.
    pub(super) fn of(changes: Vec<Change>, verb: Verb) -> Self {
        Self {
            count: changes.iter().map(Change::len).sum(),
            verb,
            access: PathAccess::of_any(&changes),
            needed: changes.iter().map(Change::rights_needed).fold(Rights::NONE, Rights::union),
            requests: Requests::Made(changes),
        }
    }

    /// A command for entries.
    pub(super) fn of_entries(entries: Entries, command: Command) -> Self {
        let (verb, needed) = match &command {
            Command::Trash => (Verb::Trashed, permission::REMOVE),
            Command::Delete => (Verb::Deleted, permission::REMOVE),
            Command::Move(_) => (Verb::Moved, permission::MOVE),
            Command::Copy(_) => (Verb::Copied, permission::COPY),
        };
        let count = entries.len();
        if count <= BULK_ITEMS_MIN {
            return Self::of(vec![command.request(&entries)], verb);
        }
        let access = command.access_of_folders(entries.folder());
        Self { requests: Requests::Of(entries, command), count, verb, access, needed }
    }
}

impl Requests {
    /// How they follow each other, where there are many entries.
    pub(super) fn pace(&self) -> Pace {
        match self {
            Self::Made(changes) => Pace::of(changes),
            Self::Of(_, command) => command.pace(),
        }
    }
}

impl IntoIterator for Requests {
    type Item = Change;
    type IntoIter = Box<dyn Iterator<Item = Change>>;

    fn into_iter(self) -> Self::IntoIter {
        match self {
            Self::Made(changes) => Box::new(changes.into_iter()),
            Self::Of(entries, command) => Box::new(command.requests(entries)),
        }
    }
}
