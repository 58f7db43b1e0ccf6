//! `Pace`: the requests of a change of many entries, how large they are and how many are sent before the first is answered.

use std::mem::discriminant;

use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Change, Conflict, VPath};

/// How the requests of a change of many entries follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// Most items of a request.
    pub items_max: usize,
    /// Most requests that are not answered yet.
    pub in_flight_max: usize,
}

impl Pace {
    /// For items that cost the server a sync each: few in a request, so that rows leave every few seconds on a slow disk.
    pub const ITEMS: Self = Self { items_max: 250, in_flight_max: 1 };
    /// For items that share syncs. While one request waits for the disk, the server works on the other.
    pub const GROUPS: Self = Self { items_max: CHANGE_ITEMS_MAX, in_flight_max: 2 };

    /// True if one request may depend on another, so that a failure ends the requests that follow.
    pub fn may_depend(self) -> bool {
        self != Self::GROUPS
    }

    /// The pace of these requests. Only those that move entries of one folder to the trash, or back, are
    /// sure not to depend on one another.
    pub fn of(changes: &[Change]) -> Self {
        let mut groups = changes.iter().map(|change| Some((discriminant(change), folder_of_group(change)?)));
        match groups.next() {
            Some(Some(first)) if groups.all(|group| group.as_ref() == Some(&first)) => Self::GROUPS,
            _ => Self::ITEMS,
        }
    }
}

/// The folder of the entries that a request moves to the trash, or back to free names; `None` if it does something else,
/// or there are several.
fn folder_of_group(change: &Change) -> Option<VPath> {
    match change {
        Change::Trash { items } => common_parent(items.iter().map(|item| Some(&item.path))),
        Change::Restore { items, conflict: Conflict::Fail } => common_parent(items.iter().map(|item| item.to.as_ref())),
        _ => None,
    }
}

fn common_parent<'a>(mut paths: impl Iterator<Item = Option<&'a VPath>>) -> Option<VPath> {
    let parent = paths.next()??.parent()?;
    paths.all(|path| path.is_some_and(|path| path.is_in(&parent))).then_some(parent)
}

#[cfg(test)]
mod tests {
    use shared::TrashId;
    use shared::change::{PathItem, RestoreItem};

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn trash(paths: &[&str]) -> Change {
        Change::Trash { items: paths.iter().map(|text| PathItem { path: path(text), if_etag: None }).collect() }
    }

    fn restore(paths: &[Option<&str>], conflict: Conflict) -> Change {
        let item = |to: &Option<&str>| RestoreItem { id: TrashId([1; 16]), to: to.map(path) };
        Change::Restore { items: paths.iter().map(item).collect(), conflict }
    }

    #[test]
    fn requests_that_share_a_folder_overlap() {
        let back = |paths: &[&str]| restore(&paths.iter().map(|text| Some(*text)).collect::<Vec<_>>(), Conflict::Fail);
        let (there, elsewhere) = (trash(&["a/1", "a/2"]), trash(&["b/1"]));
        for (changes, expected) in [
            (vec![there.clone(), trash(&["a/3"])], Pace::GROUPS),
            (vec![back(&["1", "2"]), back(&["3"])], Pace::GROUPS),
            (vec![there.clone(), elsewhere], Pace::ITEMS),
            (vec![trash(&["a/1", "a"])], Pace::ITEMS),
            (vec![there, back(&["a/3"])], Pace::ITEMS),
            (vec![restore(&[Some("1"), None], Conflict::Fail)], Pace::ITEMS),
            (vec![restore(&[Some("1")], Conflict::Replace)], Pace::ITEMS),
            (vec![Change::Purge { ids: None }], Pace::ITEMS),
            (vec![], Pace::ITEMS),
        ] {
            assert_eq!(Pace::of(&changes), expected, "{changes:?}");
        }
    }

    #[test]
    fn a_failure_ends_only_requests_that_may_depend_on_one_another() {
        assert!(Pace::ITEMS.may_depend());
        assert!(!Pace::GROUPS.may_depend());
    }
}
