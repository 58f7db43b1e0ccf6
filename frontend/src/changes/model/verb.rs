//! What a change does, for choosing the sentence that reports it.

use shared::change::PathPair;
use shared::{Change, VPath};

use crate::failure::Operation;

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Made a folder.
    Made,
    /// Renamed entries within their folder.
    Renamed,
    /// Moved entries to another folder.
    Moved,
    /// Copied entries.
    Copied,
    /// Moved entries to the trash.
    Trashed,
    /// Deleted entries permanently.
    Deleted,
    /// Restored entries from the trash.
    Restored,
    /// Replaced files by uploads.
    Replaced,
}

impl Verb {
    /// The verb of a change.
    pub fn of(change: &Change) -> Self {
        let renames = |pair: &PathPair| pair.from.parent() == pair.to.parent();
        match change {
            Change::MakeFolder { .. } => Self::Made,
            Change::Move { items, .. } if items.iter().all(renames) => Self::Renamed,
            Change::Move { .. } => Self::Moved,
            Change::Copy { .. } => Self::Copied,
            Change::Trash { .. } => Self::Trashed,
            Change::Delete { .. } | Change::Purge { .. } => Self::Deleted,
            Change::Restore { .. } => Self::Restored,
        }
    }
}

impl From<Verb> for Operation {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Made => Self::Create,
            Verb::Renamed => Self::Rename,
            Verb::Moved => Self::Move,
            Verb::Copied => Self::Copy,
            Verb::Trashed => Self::Trash,
            Verb::Deleted => Self::Delete,
            Verb::Restored | Verb::Replaced => Self::Restore,
        }
    }
}

/// The folder that the items of a change go to, if it is the same for all of them.
pub fn destination(change: &Change) -> Option<VPath> {
    let (Change::Move { items, .. } | Change::Copy { items, .. }) = change else { return None };
    let folder = items.first()?.to.parent()?;
    items.iter().all(|pair| pair.to.is_in(&folder)).then_some(folder)
}

/// The path of an item before the change. `None` for an item of the trash that returns to its original path.
pub fn item_path(change: &Change, index: usize) -> Option<&VPath> {
    match change {
        Change::MakeFolder { paths, .. } => paths.get(index),
        Change::Move { items, .. } | Change::Copy { items, .. } => items.get(index).map(|pair| &pair.from),
        Change::Trash { items } | Change::Delete { items } => items.get(index).map(|item| &item.path),
        Change::Restore { items, .. } => items.get(index).and_then(|item| item.to.as_ref()),
        Change::Purge { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use shared::Conflict;

    use super::*;

    #[test]
    fn a_move_within_one_folder_is_a_rename() {
        let change = |from: &str, to: &str| {
            let [from, to] = [from, to].map(|text| VPath::parse(text).unwrap());
            Change::Move { items: vec![PathPair { from, to, if_etag: None }], conflict: Conflict::Fail }
        };
        assert_eq!(Verb::of(&change("x/a", "x/b")), Verb::Renamed);
        assert_eq!(Verb::of(&change("x/a", "y/a")), Verb::Moved);
        assert_eq!(item_path(&change("x/a", "y/a"), 0), Some(&VPath::parse("x/a").unwrap()));
    }
}
