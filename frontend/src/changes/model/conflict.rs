//! Something stood in the way: which items wait for an answer, which answers there are, and what to ask the server for
//! once there is one.

use shared::{Change, Conflict, Entry, ErrorCode, Outcome};

/// What a person may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Put the new one beside it.
    KeepBoth,
    /// Put the new one in its place.
    Replace,
    /// Leave it.
    Skip,
}

/// What replacing would mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacing {
    /// A file in the place of a file, which goes to the trash.
    File,
    /// What is in one folder joins what is in the other.
    Merge,
    /// A file and a folder do not replace each other.
    Impossible,
}

/// Which items failed because something stands at their destination.
pub fn waiting(outcomes: &[Outcome]) -> Vec<usize> {
    let taken =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed { code: ErrorCode::AlreadyExists, path: None, .. });
    outcomes.iter().enumerate().filter(|(_, outcome)| taken(outcome)).map(|(index, _)| index).collect()
}

/// What replacing one by the other would mean; what is unknown counts as a file, and the server has the last word.
pub fn replacing(new: Option<&Entry>, old: Option<&Entry>) -> Replacing {
    match (new.is_some_and(Entry::is_folder), old.is_some_and(Entry::is_folder)) {
        (true, true) => Replacing::Merge,
        (false, false) => Replacing::File,
        _ => Replacing::Impossible,
    }
}

/// Some items of a change again, with an answer; none where there is nothing to ask for.
pub fn again(change: &Change, indices: &[usize], answer: Answer) -> Option<Change> {
    let conflict = match answer {
        Answer::KeepBoth => Conflict::KeepBoth,
        Answer::Replace => Conflict::Replace,
        Answer::Skip => return None,
    };
    pick(change, indices).map(|change| match change {
        Change::Move { items, .. } => Change::Move { items, conflict },
        Change::Copy { items, .. } => Change::Copy { items, conflict },
        Change::Restore { items, .. } => Change::Restore { items, conflict },
        other => other,
    })
}

/// Some items of a change.
pub fn pick(change: &Change, indices: &[usize]) -> Option<Change> {
    fn of<T: Clone>(items: &[T], indices: &[usize]) -> Vec<T> {
        indices.iter().filter_map(|index| items.get(*index).cloned()).collect()
    }
    let picked = match change {
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
    (!picked.is_empty()).then_some(picked)
}

#[cfg(test)]
mod tests {
    use shared::VPath;
    use shared::change::Leg;

    use super::*;
    use crate::folder::model::sample;

    fn copy(names: &[&str], conflict: Conflict) -> Change {
        let leg = |name: &&str| Leg {
            from: VPath::parse(&format!("x/{name}")).unwrap(),
            to: VPath::parse(name).unwrap(),
            if_etag: None,
        };
        Change::Copy { items: names.iter().map(leg).collect(), conflict }
    }

    #[test]
    fn only_what_stands_at_the_very_destination_is_asked_about() {
        let failed = |code, path| Outcome::Failed { code, path, message: String::new() };
        let outcomes = [
            Outcome::Skipped,
            failed(ErrorCode::AlreadyExists, None),
            failed(ErrorCode::NoSpace, None),
            failed(ErrorCode::AlreadyExists, Some(VPath::root())),
        ];
        assert_eq!(waiting(&outcomes), [1]);
    }

    #[test]
    fn the_answer_is_asked_for_with_those_items_alone() {
        let change = copy(&["a", "b", "c"], Conflict::Fail);
        assert_eq!(again(&change, &[0, 2], Answer::Replace), Some(copy(&["a", "c"], Conflict::Replace)));
        assert_eq!(again(&change, &[1], Answer::KeepBoth), Some(copy(&["b"], Conflict::KeepBoth)));
        assert_eq!(again(&change, &[1], Answer::Skip), None);
        assert_eq!(pick(&change, &[]), None);
    }

    #[test]
    fn folders_merge_and_kinds_do_not_mix() {
        let (file, folder) = (sample::file("a", 1), sample::folder("a"));
        assert_eq!(replacing(Some(&file), Some(&file)), Replacing::File);
        assert_eq!(replacing(Some(&folder), Some(&folder)), Replacing::Merge);
        assert_eq!(replacing(Some(&file), Some(&folder)), Replacing::Impossible);
    }
}
