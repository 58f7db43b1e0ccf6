//! Name conflicts of a change: which items have one, what replacing would do, and the request that carries out the
//! user's answer.

use shared::{Change, Conflict, Entry, ErrorCode, Outcome};

use crate::ui::resolution::Resolution;

/// What `Resolution::Replace` would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// A file replaces a file, which goes to the trash.
    File,
    /// The entries of one folder are added to those of the other.
    Merge,
    /// A file and a folder cannot replace each other.
    Impossible,
}

/// Indexes of the items that failed because an entry exists at their own destination.
pub fn conflicting_items(outcomes: &[Outcome]) -> Vec<usize> {
    let exists =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed { code: ErrorCode::AlreadyExists, path: None, .. });
    outcomes.iter().enumerate().filter(|(_, outcome)| exists(outcome)).map(|(index, _)| index).collect()
}

/// What replacing `existing` by `new` would do. An unknown entry counts as a file, because the server checks again.
pub fn replacement(new: Option<&Entry>, existing: Option<&Entry>) -> Replacement {
    match (new.is_some_and(Entry::is_folder), existing.is_some_and(Entry::is_folder)) {
        (true, true) => Replacement::Merge,
        (false, false) => Replacement::File,
        _ => Replacement::Impossible,
    }
}

/// The request for the items at `indices` with `resolution`. `None` if nothing is left to request.
pub fn retry(change: &Change, indices: &[usize], resolution: Resolution) -> Option<Change> {
    let conflict = match resolution {
        Resolution::KeepBoth => Conflict::KeepBoth,
        Resolution::Replace => Conflict::Replace,
        Resolution::Skip => return None,
    };
    select(change, indices).map(|change| match change {
        Change::Move { items, .. } => Change::Move { items, conflict },
        Change::Copy { items, .. } => Change::Copy { items, conflict },
        Change::Restore { items, .. } => Change::Restore { items, conflict },
        other => other,
    })
}

/// The change reduced to the items at `indices`. `None` if there are none.
pub fn select(change: &Change, indices: &[usize]) -> Option<Change> {
    fn of<T: Clone>(items: &[T], indices: &[usize]) -> Vec<T> {
        indices.iter().filter_map(|index| items.get(*index).cloned()).collect()
    }
    let selected = match change {
        Change::MakeFolder { paths, existing_ok } => {
            Change::MakeFolder { paths: of(paths, indices), existing_ok: *existing_ok }
        }
        Change::Move { items, conflict } => Change::Move { items: of(items, indices), conflict: *conflict },
        Change::Copy { items, conflict } => Change::Copy { items: of(items, indices), conflict: *conflict },
        Change::Trash { items } => Change::Trash { items: of(items, indices) },
        Change::Delete { items } => Change::Delete { items: of(items, indices) },
        Change::Restore { items, conflict } => Change::Restore { items: of(items, indices), conflict: *conflict },
        Change::Purge { ids } => Change::Purge { ids: ids.as_ref().map(|ids| of(ids, indices)) },
    };
    (!selected.is_empty()).then_some(selected)
}

#[cfg(test)]
mod tests {
    use shared::VPath;
    use shared::change::PathPair;

    use super::*;
    use crate::folder::model::sample;

    fn copy(names: &[&str], conflict: Conflict) -> Change {
        let pair = |name: &&str| PathPair {
            from: VPath::parse(&format!("x/{name}")).unwrap(),
            to: VPath::parse(name).unwrap(),
            if_etag: None,
        };
        Change::Copy { items: names.iter().map(pair).collect(), conflict }
    }

    #[test]
    fn only_items_whose_own_destination_exists_are_conflicts() {
        let failed = |code, path| Outcome::Failed { code, path, message: String::new(), incomplete: false };
        let outcomes = [
            Outcome::Skipped,
            failed(ErrorCode::AlreadyExists, None),
            failed(ErrorCode::NoSpace, None),
            failed(ErrorCode::AlreadyExists, Some(VPath::root())),
        ];
        assert_eq!(conflicting_items(&outcomes), [1]);
    }

    #[test]
    fn a_retry_contains_only_the_resolved_items() {
        let change = copy(&["a", "b", "c"], Conflict::Fail);
        assert_eq!(retry(&change, &[0, 2], Resolution::Replace), Some(copy(&["a", "c"], Conflict::Replace)));
        assert_eq!(retry(&change, &[1], Resolution::KeepBoth), Some(copy(&["b"], Conflict::KeepBoth)));
        assert_eq!(retry(&change, &[1], Resolution::Skip), None);
        assert_eq!(select(&change, &[]), None);
    }

    #[test]
    fn folders_merge_and_a_file_never_replaces_a_folder() {
        let (file, folder) = (sample::file("a", 1), sample::folder("a"));
        assert_eq!(replacement(Some(&file), Some(&file)), Replacement::File);
        assert_eq!(replacement(Some(&folder), Some(&folder)), Replacement::Merge);
        assert_eq!(replacement(Some(&file), Some(&folder)), Replacement::Impossible);
    }
}
