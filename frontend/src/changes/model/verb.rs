//! What a person did, for the sentences that tell of it.

use shared::change::Leg;
use shared::{Change, VPath};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A folder was made.
    Made,
    /// Something has another name.
    Renamed,
    /// Something is elsewhere.
    Moved,
    /// There is another one.
    Copied,
    /// It is in the trash.
    Trashed,
    /// It is no more.
    Deleted,
    /// It is back.
    Restored,
}

impl Verb {
    /// What a change does.
    pub fn of(change: &Change) -> Self {
        let renames = |leg: &Leg| leg.from.parent() == leg.to.parent();
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

/// The path of an item, as the person knows it; none for an item of the trash.
pub fn subject(change: &Change, index: usize) -> Option<&VPath> {
    match change {
        Change::MakeFolder { paths, .. } => paths.get(index),
        Change::Move { items, .. } | Change::Copy { items, .. } => items.get(index).map(|leg| &leg.from),
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
    fn a_move_within_a_folder_is_a_rename() {
        let change = |from: &str, to: &str| {
            let [from, to] = [from, to].map(|text| VPath::parse(text).unwrap());
            Change::Move { items: vec![Leg { from, to, if_etag: None }], conflict: Conflict::Fail }
        };
        assert_eq!(Verb::of(&change("x/a", "x/b")), Verb::Renamed);
        assert_eq!(Verb::of(&change("x/a", "y/a")), Verb::Moved);
        assert_eq!(subject(&change("x/a", "y/a"), 0), Some(&VPath::parse("x/a").unwrap()));
    }
}
