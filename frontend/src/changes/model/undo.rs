//! Undo and redo. A change is undone by another change, computed from the outcomes of its items and conditional on
//! their entity tags, so that undo never overwrites later work of another user. Undoing an undo is a redo.

use std::collections::{HashMap, VecDeque};

use shared::change::{PathItem, PathPair, RestoreItem};
use shared::{Change, Conflict, ETag, Entry, Outcome, TrashId, VPath};

use super::verb::Verb;

/// Most steps that can be undone.
const STEPS_MAX: usize = 50;

/// A change, or several requested together, that undo or redo performs.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the original change did, for its message.
    pub verb: Verb,
    /// The requests, in order.
    pub changes: Vec<Change>,
}

/// The steps to undo and to redo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    undo: VecDeque<Step>,
    redo: Vec<Step>,
}

/// How the user requested a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// As a new change.
    New,
    /// By undo.
    Undo,
    /// By redo.
    Redo,
}

impl History {
    /// Removes and returns the step that undoes the last change.
    pub fn take_undo(&mut self) -> Option<Step> {
        self.undo.pop_back()
    }

    /// Removes and returns the step that redoes what was undone last.
    pub fn take_redo(&mut self) -> Option<Step> {
        self.redo.pop()
    }

    /// True if there is a step to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// True if there is a step to redo.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Records the inverse of a change that ended. `None` for a change without an inverse. A new change clears redo.
    pub fn record(&mut self, origin: Origin, inverse: Option<Step>) {
        if origin == Origin::New {
            self.redo.clear();
        }
        let Some(step) = inverse else { return };
        match origin {
            Origin::New | Origin::Redo => self.push_undo(step),
            Origin::Undo => self.redo.push(step),
        }
    }

    /// Puts back what was not attempted of a step that undo or redo took, so that it can be repeated.
    pub fn put_back(&mut self, origin: Origin, rest: Step) {
        match origin {
            Origin::New => {}
            Origin::Undo => self.push_undo(rest),
            Origin::Redo => self.redo.push(rest),
        }
    }

    fn push_undo(&mut self, step: Step) {
        self.undo.push_back(step);
        if self.undo.len() > STEPS_MAX {
            self.undo.pop_front();
        }
    }

    /// Sets the entity tags that the steps expect to those of `entries`. Renaming alone changes a file's entity tag,
    /// and earlier steps must not mistake the user's own undo for the work of another user.
    pub fn update_etags<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) {
        let etags: HashMap<_, _> = entries.map(|entry| (&entry.path, entry.etag)).collect();
        for step in self.undo.iter_mut().chain(&mut self.redo) {
            for change in &mut step.changes {
                visit_conditions(change, |path, etag| {
                    if let Some(current) = etags.get(path) {
                        *etag = *current;
                    }
                });
            }
        }
    }
}

/// The requests that undo a change with these outcomes, in order. Empty if the change has no inverse.
pub fn inverse(change: &Change, outcomes: &[Outcome]) -> Vec<Change> {
    let (mut moves, mut trash, mut restores, mut replaced) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut exchanged = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let Outcome::Done { entry, trash: trashed, replaced: old, .. } = outcome else { continue };
        // The server restores in place of a file in one step, so there is no moment without the file.
        if let (Change::Restore { conflict: Conflict::Replace, .. }, Some(entry), [id]) = (change, entry, &old[..])
            && entry.is_file()
        {
            exchanged.push(restore_item(*id));
            continue;
        }
        replaced.extend(old.iter().map(|id| restore_item(*id)));
        match (change, entry) {
            (Change::Move { items, conflict }, Some(entry)) if !was_merged(entry, *conflict) => {
                let from = items.get(index).map(|pair| pair.from.clone());
                moves.extend(from.map(|to| PathPair { from: entry.path.clone(), to, if_etag: file_etag(entry) }));
            }
            (Change::Copy { conflict, .. } | Change::Restore { conflict, .. }, Some(entry))
                if !was_merged(entry, *conflict) =>
            {
                trash.push(PathItem { path: entry.path.clone(), if_etag: file_etag(entry) });
            }
            (Change::MakeFolder { .. }, Some(entry)) => {
                trash.push(PathItem { path: entry.path.clone(), if_etag: None });
            }
            // With its path, by which the page knows the events about it as those of its own change.
            (Change::Trash { items }, _) => {
                let to = items.get(index).map(|item| item.path.clone());
                restores.extend(trashed.map(|id| RestoreItem { id, to }));
            }
            _ => {}
        }
    }
    // A replaced entry can return only once its path is free again.
    let changes = [
        Change::Move { items: moves, conflict: Conflict::Fail },
        Change::Trash { items: trash },
        Change::Restore { items: restores, conflict: Conflict::Fail },
        Change::Restore { items: replaced, conflict: Conflict::Fail },
        Change::Restore { items: exchanged, conflict: Conflict::Replace },
    ];
    changes.into_iter().filter(|change| !change.is_empty()).collect()
}

/// The entries that the outcomes contain.
pub fn entries(outcomes: &[Outcome]) -> impl Iterator<Item = &Entry> {
    outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Done { entry, .. } => entry.as_ref(),
        _ => None,
    })
}

/// True for a folder that may have been merged into an existing one: its entries can no longer be distinguished.
fn was_merged(entry: &Entry, conflict: Conflict) -> bool {
    entry.is_folder() && conflict == Conflict::Replace
}

/// The entity tag of a file. `None` for a folder, whose entity tag changes with its contents.
fn file_etag(entry: &Entry) -> Option<ETag> {
    entry.etag.filter(|_| entry.is_file())
}

fn restore_item(id: TrashId) -> RestoreItem {
    RestoreItem { id, to: None }
}

/// Calls `visit` with the path and the entity tag of each conditional item.
fn visit_conditions(change: &mut Change, mut visit: impl FnMut(&VPath, &mut Option<ETag>)) {
    let mut conditional = |path: &VPath, etag: &mut Option<ETag>| {
        if etag.is_some() {
            visit(path, etag);
        }
    };
    match change {
        Change::Move { items, .. } | Change::Copy { items, .. } => {
            items.iter_mut().for_each(|pair| conditional(&pair.from, &mut pair.if_etag));
        }
        Change::Trash { items } | Change::Delete { items } => {
            items.iter_mut().for_each(|item| conditional(&item.path, &mut item.if_etag));
        }
        Change::MakeFolder { .. } | Change::Restore { .. } | Change::Purge { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::model::sample;
    use shared::ErrorCode;
    use shared::job::LeftOut;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn entry(text: &str, etag: u8) -> Entry {
        Entry { etag: Some(ETag([etag; 16])), ..sample::file(text, 1) }
    }

    fn done(entry: Option<Entry>) -> Outcome {
        Outcome::done(entry)
    }

    fn rename(from: &str, to: &str, etag: Option<u8>) -> Change {
        let if_etag = etag.map(|etag| ETag([etag; 16]));
        Change::Move { items: vec![PathPair { from: path(from), to: path(to), if_etag }], conflict: Conflict::Fail }
    }

    fn step(changes: Vec<Change>) -> Option<Step> {
        Some(Step { verb: Verb::Renamed, changes })
    }

    #[test]
    fn inverse_moves_a_file_back_if_its_etag_is_unchanged() {
        let change = rename("a", "b", None);
        assert_eq!(inverse(&change, &[done(Some(entry("b", 7)))]), [rename("b", "a", Some(7))]);
        let failed = Outcome::failed(ErrorCode::NoSpace);
        assert_eq!(inverse(&change, &[failed]), []);
        let mut folder = entry("b", 7);
        folder.kind = shared::Kind::Folder;
        assert_eq!(inverse(&change, &[done(Some(folder))]), [rename("b", "a", None)]);
    }

    #[test]
    fn inverse_trashes_new_folders_and_restores_trashed_entries() {
        let made = Change::MakeFolder { paths: vec![path("n")], existing_ok: false };
        let away = Change::Trash { items: vec![PathItem { path: path("n"), if_etag: None }] };
        assert_eq!(inverse(&made, &[done(Some(sample::folder("n")))]), std::slice::from_ref(&away));

        let id = TrashId([3; 16]);
        let trashed =
            Outcome::Done { entry: None, trash: Some(id), replaced: Vec::new(), left_out: LeftOut::default() };
        let items = vec![RestoreItem { id, to: Some(path("n")) }];
        let restore = Change::Restore { items, conflict: Conflict::Fail };
        assert_eq!(inverse(&away, std::slice::from_ref(&trashed)), std::slice::from_ref(&restore));
        let again = Change::Trash { items: vec![PathItem { path: path("n"), if_etag: Some(ETag([4; 16])) }] };
        assert_eq!(inverse(&restore, &[done(Some(entry("n", 4)))]), [again]);
        let items = vec![PathItem { path: path("n"), if_etag: None }];
        assert_eq!(inverse(&Change::Delete { items }, &[done(None)]), [], "a permanent deletion has no inverse");
    }

    #[test]
    fn inverse_restores_a_replaced_entry_after_its_path_is_free() {
        let items = vec![PathPair { from: path("x/a"), to: path("a"), if_etag: None }];
        let change = Change::Move { items, conflict: Conflict::Replace };
        let old = TrashId([9; 16]);
        let outcome = Outcome::Done {
            entry: Some(entry("a", 1)),
            trash: None,
            replaced: vec![old],
            left_out: LeftOut::default(),
        };
        let restore = Change::Restore { items: vec![restore_item(old)], conflict: Conflict::Fail };
        assert_eq!(inverse(&change, &[outcome]), [rename("a", "x/a", Some(1)), restore]);
    }

    #[test]
    fn inverse_leaves_a_merged_folder() {
        let items = vec![PathPair { from: path("x/f"), to: path("f"), if_etag: None }];
        let change = Change::Copy { items, conflict: Conflict::Replace };
        assert_eq!(inverse(&change, &[done(Some(sample::folder("f")))]), []);
    }

    #[test]
    fn inverse_of_a_restore_in_place_of_a_file_restores_that_file_in_place() {
        let restore = |id| Change::Restore { items: vec![restore_item(id)], conflict: Conflict::Replace };
        let (old, new) = (TrashId([1; 16]), TrashId([2; 16]));
        let outcome = Outcome::Done {
            entry: Some(entry("a", 1)),
            trash: None,
            replaced: vec![new],
            left_out: LeftOut::default(),
        };
        assert_eq!(inverse(&restore(old), &[outcome]), [restore(new)]);
    }

    #[test]
    fn history_keeps_two_stacks_of_bounded_length() {
        let mut history = History::default();
        for index in 0..60 {
            history.record(Origin::New, step(vec![rename("b", &format!("a{index}"), None)]));
        }
        let undone = history.take_undo().unwrap();
        assert_eq!(undone.changes, [rename("b", "a59", None)]);
        history.record(Origin::Undo, step(vec![rename("a59", "b", None)]));
        assert_eq!(history.take_redo().unwrap().changes, [rename("a59", "b", None)]);
        history.record(Origin::Redo, Some(undone));
        assert_eq!(std::iter::from_fn(|| history.take_undo()).count(), STEPS_MAX);

        history.record(Origin::Undo, step(vec![]));
        assert!(history.can_redo());
        history.record(Origin::New, None);
        assert!(!history.can_redo(), "a new change clears redo");
    }

    #[test]
    fn history_keeps_what_a_step_did_not_come_to() {
        let mut history = History::default();
        history.record(Origin::New, step(vec![rename("b", "a", None), rename("d", "c", None)]));
        let Step { verb, mut changes } = history.take_undo().unwrap();
        history.record(Origin::Undo, step(vec![rename("a", "b", None)]));
        history.put_back(Origin::Undo, Step { verb, changes: changes.split_off(1) });
        assert!(history.can_redo());
        assert_eq!(history.take_undo().unwrap().changes, [rename("d", "c", None)]);

        let again = history.take_redo().unwrap();
        history.put_back(Origin::Redo, again.clone());
        assert_eq!(history.take_redo(), Some(again));
    }

    #[test]
    fn update_etags_changes_the_conditions_of_earlier_steps() {
        let mut history = History::default();
        history.record(Origin::New, step(vec![rename("b", "a", Some(1))]));
        // b was renamed to c and back, which gave b a new entity tag.
        history.update_etags([entry("b", 3), entry("unrelated", 9)].iter());
        assert_eq!(history.take_undo().unwrap().changes, [rename("b", "a", Some(3))]);
    }
}
