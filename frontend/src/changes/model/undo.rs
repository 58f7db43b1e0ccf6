//! Undo and redo. What undoes a change is another change, made from what became of each item: it is conditional on what
//! that left behind, so that it never takes away somebody else's work. Undoing is itself undone the same way.

use std::collections::VecDeque;

use shared::change::{Chosen, Leg, Return};
use shared::{Change, Conflict, ETag, Entry, Outcome, TrashId, VPath};

use super::verb::Verb;

/// How many steps are remembered.
const STEPS_MAX: usize = 50;

/// Something that can be undone or done again.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the person did, for the words.
    pub verb: Verb,
    /// What to ask for, in order.
    pub changes: Vec<Change>,
}

/// What can be undone, and what of that can be done again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    undo: VecDeque<Step>,
    redo: Vec<Step>,
}

/// Where a step came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person's new change.
    New,
    /// Undoing one.
    Undo,
    /// Doing one again.
    Redo,
}

impl History {
    /// What to do to undo the last change.
    pub fn take_undo(&mut self) -> Option<Step> {
        self.undo.pop_back()
    }

    /// What to do to do again what was undone last.
    pub fn take_redo(&mut self) -> Option<Step> {
        self.redo.pop()
    }

    /// True if there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// True if there is something to do again.
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// Remembers what would take back a change that was just made; none for one that cannot be taken back.
    pub fn record(&mut self, origin: Origin, inverse: Option<Step>) {
        if origin == Origin::New {
            self.redo.clear();
        }
        let Some(step) = inverse else { return };
        match origin {
            Origin::New | Origin::Redo => {
                self.undo.push_back(step);
                if self.undo.len() > STEPS_MAX {
                    self.undo.pop_front();
                }
            }
            Origin::Undo => self.redo.push(step),
        }
    }

    /// Entries are as they are now: what the steps expect of them follows. A rename alone gives a file another
    /// validator, and the steps before it must not take that for somebody else's work.
    pub fn renew(&mut self, entries: &[Entry]) {
        for step in self.undo.iter_mut().chain(&mut self.redo) {
            for change in &mut step.changes {
                conditions(change, |path, etag| {
                    if let Some(entry) = entries.iter().find(|entry| entry.path == *path) {
                        *etag = entry.etag;
                    }
                });
            }
        }
    }
}

/// What takes back a change of which this became, in the order in which to ask for it; empty where nothing can.
pub fn inverse(change: &Change, outcomes: &[Outcome]) -> Vec<Change> {
    let (mut back, mut away, mut returns, mut replaced) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, outcome) in outcomes.iter().enumerate() {
        let Outcome::Done { entry, trash, replaced: old } = outcome else { continue };
        replaced.extend(old.iter().map(|id| returning(*id)));
        match (change, entry) {
            (Change::Move { items, conflict }, Some(entry)) if !merges(entry, *conflict) => {
                let from = items.get(index).map(|leg| leg.from.clone());
                back.extend(from.map(|to| Leg { from: entry.path.clone(), to, if_etag: condition(entry) }));
            }
            (Change::Copy { conflict, .. } | Change::Restore { conflict, .. }, Some(entry))
                if !merges(entry, *conflict) =>
            {
                away.push(Chosen { path: entry.path.clone(), if_etag: condition(entry) });
            }
            (Change::MakeFolder { .. }, Some(entry)) => {
                away.push(Chosen { path: entry.path.clone(), if_etag: None });
            }
            (Change::Trash { .. }, _) => returns.extend(trash.map(returning)),
            _ => {}
        }
    }
    // What was replaced can only return once its place is free again.
    let changes = [
        Change::Move { items: back, conflict: Conflict::Fail },
        Change::Trash { items: away },
        Change::Restore { items: returns, conflict: Conflict::Fail },
        Change::Restore { items: replaced, conflict: Conflict::Fail },
    ];
    changes.into_iter().filter(|change| !change.is_empty()).collect()
}

/// Every entry that the outcomes tell of.
pub fn entries(outcomes: &[Outcome]) -> impl Iterator<Item = &Entry> {
    outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Done { entry, .. } => entry.as_ref(),
        _ => None,
    })
}

/// A folder that was merged into another cannot be told from it any more.
fn merges(entry: &Entry, conflict: Conflict) -> bool {
    entry.is_folder() && conflict == Conflict::Replace
}

/// A folder's validator changes with what is in it, which its own way back does not depend on.
fn condition(entry: &Entry) -> Option<ETag> {
    entry.etag.filter(|_| entry.is_file())
}

fn returning(id: TrashId) -> Return {
    Return { id, to: None }
}

fn conditions(change: &mut Change, mut visit: impl FnMut(&VPath, &mut Option<ETag>)) {
    let mut known = |path: &VPath, etag: &mut Option<ETag>| {
        if etag.is_some() {
            visit(path, etag);
        }
    };
    match change {
        Change::Move { items, .. } | Change::Copy { items, .. } => {
            items.iter_mut().for_each(|leg| known(&leg.from, &mut leg.if_etag));
        }
        Change::Trash { items } | Change::Delete { items } => {
            items.iter_mut().for_each(|item| known(&item.path, &mut item.if_etag));
        }
        Change::MakeFolder { .. } | Change::Restore { .. } | Change::Purge { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::model::sample;
    use shared::ErrorCode;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn entry(text: &str, etag: u8) -> Entry {
        Entry { etag: Some(ETag([etag; 16])), ..sample::file(text, 1) }
    }

    fn done(entry: Option<Entry>) -> Outcome {
        Outcome::Done { entry, trash: None, replaced: Vec::new() }
    }

    fn rename(from: &str, to: &str, etag: Option<u8>) -> Change {
        let if_etag = etag.map(|etag| ETag([etag; 16]));
        Change::Move { items: vec![Leg { from: path(from), to: path(to), if_etag }], conflict: Conflict::Fail }
    }

    fn step(changes: Vec<Change>) -> Option<Step> {
        Some(Step { verb: Verb::Renamed, changes })
    }

    #[test]
    fn a_move_is_moved_back_if_it_is_still_that_file() {
        let change = rename("a", "b", None);
        assert_eq!(inverse(&change, &[done(Some(entry("b", 7)))]), [rename("b", "a", Some(7))]);
        let failed = Outcome::Failed { code: ErrorCode::NoSpace, path: None, message: String::new() };
        assert_eq!(inverse(&change, &[failed]), []);
        let mut folder = entry("b", 7);
        folder.kind = shared::Kind::Folder;
        assert_eq!(inverse(&change, &[done(Some(folder))]), [rename("b", "a", None)]);
    }

    #[test]
    fn what_was_made_goes_to_the_trash_and_what_was_trashed_returns() {
        let made = Change::MakeFolder { paths: vec![path("n")], existing_ok: false };
        let away = Change::Trash { items: vec![Chosen { path: path("n"), if_etag: None }] };
        assert_eq!(inverse(&made, &[done(Some(sample::folder("n")))]), std::slice::from_ref(&away));

        let id = TrashId([3; 16]);
        let trashed = Outcome::Done { entry: None, trash: Some(id), replaced: Vec::new() };
        let restore = Change::Restore { items: vec![returning(id)], conflict: Conflict::Fail };
        assert_eq!(inverse(&away, std::slice::from_ref(&trashed)), std::slice::from_ref(&restore));
        let again = Change::Trash { items: vec![Chosen { path: path("n"), if_etag: Some(ETag([4; 16])) }] };
        assert_eq!(inverse(&restore, &[done(Some(entry("n", 4)))]), [again]);
        let items = vec![Chosen { path: path("n"), if_etag: None }];
        assert_eq!(inverse(&Change::Delete { items }, &[done(None)]), [], "for ever is for ever");
    }

    #[test]
    fn what_was_replaced_returns_after_its_place_is_free() {
        let items = vec![Leg { from: path("x/a"), to: path("a"), if_etag: None }];
        let change = Change::Move { items, conflict: Conflict::Replace };
        let old = TrashId([9; 16]);
        let outcome = Outcome::Done { entry: Some(entry("a", 1)), trash: None, replaced: vec![old] };
        let restore = Change::Restore { items: vec![returning(old)], conflict: Conflict::Fail };
        assert_eq!(inverse(&change, &[outcome]), [rename("a", "x/a", Some(1)), restore]);
    }

    #[test]
    fn a_merged_folder_stays() {
        let items = vec![Leg { from: path("x/f"), to: path("f"), if_etag: None }];
        let change = Change::Copy { items, conflict: Conflict::Replace };
        assert_eq!(inverse(&change, &[done(Some(sample::folder("f")))]), []);
    }

    #[test]
    fn undo_and_redo_are_two_stacks_of_bounded_length() {
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
        assert!(!history.can_redo(), "a new change is another way");
    }

    #[test]
    fn the_steps_before_follow_a_validator_that_changed() {
        let mut history = History::default();
        history.record(Origin::New, step(vec![rename("b", "a", Some(1))]));
        // Then b became c, and that was undone: b is back, with a validator of its own.
        history.renew(&[entry("b", 3), entry("unrelated", 9)]);
        assert_eq!(history.take_undo().unwrap().changes, [rename("b", "a", Some(3))]);
    }
}
