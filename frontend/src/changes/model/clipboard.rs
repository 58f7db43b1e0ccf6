//! What was cut or copied in the list, and what pasting it somewhere means.

use std::collections::HashSet;

use shared::change::Leg;
use shared::{Change, Conflict, Outcome, Rights, VPath};

use crate::folder::model::permission;

/// What was cut or copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Clipboard {
    paths: Vec<VPath>,
    /// It was cut: pasting moves it.
    pub cut: bool,
    set: HashSet<VPath>,
}

impl Clipboard {
    /// Takes these.
    pub fn new(paths: Vec<VPath>, cut: bool) -> Self {
        Self { set: if cut { paths.iter().cloned().collect() } else { HashSet::new() }, paths, cut }
    }

    /// What is left of it after moves: all that they were not asked for, or could not be done for. What was skipped
    /// was the person's decision.
    pub fn left_by<'a>(&self, done: impl Iterator<Item = (&'a Change, &'a [Outcome])>) -> Self {
        let mut gone = HashSet::new();
        for (change, outcomes) in done {
            if let Change::Move { items, .. } = change {
                let settled = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. } | Outcome::Skipped);
                gone.extend(
                    items.iter().zip(outcomes).filter(|(_, outcome)| settled(outcome)).map(|(leg, _)| &leg.from),
                );
            }
        }
        Self::new(self.paths.iter().filter(|path| !gone.contains(path)).cloned().collect(), self.cut)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The names, a line each, for programs that paste text.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.paths.iter().map(VPath::display_name).collect();
        names.join("\n")
    }

    /// The rights that pasting needs.
    pub fn needed(&self) -> Rights {
        if self.cut { permission::MOVE } else { permission::COPY }
    }

    /// True for what waits to be moved away.
    pub fn is_cut(&self, path: &VPath) -> bool {
        self.set.contains(path)
    }

    /// What pasting into a folder asks for; none where there is nothing to do.
    pub fn paste(&self, folder: &VPath) -> Option<Change> {
        transfer(&self.paths, folder, !self.cut)
    }
}

/// Moves or copies entries into a folder. Copies of what is there already get names beside it; moving something to
/// where it is does nothing.
pub fn transfer(paths: &[VPath], folder: &VPath, copy: bool) -> Option<Change> {
    let leg = |path: &VPath| Some(Leg { from: path.clone(), to: folder.join(path.name()).ok()?, if_etag: None });
    let items: Vec<_> = paths.iter().filter_map(leg).filter(|leg| copy || leg.from != leg.to).collect();
    if items.is_empty() {
        return None;
    }
    let beside = items.iter().all(|leg| leg.from == leg.to);
    let conflict = if beside { Conflict::KeepBoth } else { Conflict::Fail };
    Some(if copy { Change::Copy { items, conflict } } else { Change::Move { items, conflict } })
}

/// True if dropping these into the folder could do something: a folder does not go into itself.
pub fn accepts(paths: &[VPath], folder: &VPath, copy: bool) -> bool {
    let inside = |path: &VPath| path.strip_prefix_of(folder).is_some();
    let there = |path: &VPath| path.parent().as_ref() == Some(folder);
    !paths.is_empty() && !paths.iter().any(inside) && (copy || !paths.iter().all(there))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn cut_moves_and_copied_copies() {
        let cut = Clipboard::new(vec![path("a/x"), path("b/y")], true);
        let Some(Change::Move { items, conflict: Conflict::Fail }) = cut.paste(&path("c")) else { panic!() };
        assert_eq!(items.iter().map(|leg| leg.to.encoded()).collect::<Vec<_>>(), ["c/x", "c/y"]);
        assert!(cut.is_cut(&path("a/x")) && !cut.is_cut(&path("a")));
        let copied = Clipboard::new(vec![path("a/x")], false);
        assert!(matches!(copied.paste(&path("c")), Some(Change::Copy { conflict: Conflict::Fail, .. })));
        assert!(!copied.is_cut(&path("a/x")));
    }

    #[test]
    fn what_could_not_be_moved_is_still_cut() {
        let cut = Clipboard::new(["a/x", "a/y", "a/z", "a/w"].map(path).to_vec(), true);
        let change = cut.paste(&path("c")).unwrap();
        let failed = Outcome::Failed { code: shared::ErrorCode::NoSpace, path: None, message: String::new() };
        let done = Outcome::Done { entry: None, trash: None, replaced: Vec::new() };
        // The last one was not even tried.
        let outcomes = [done, failed, Outcome::Skipped];
        let left = cut.left_by([(&change, &outcomes[..])].into_iter());
        assert_eq!(left, Clipboard::new(["a/y", "a/w"].map(path).to_vec(), true));
        assert!(!left.is_cut(&path("a/x")) && left.is_cut(&path("a/y")));
    }

    #[test]
    fn pasting_where_it_is_duplicates_a_copy_and_leaves_a_cut() {
        let here = path("a");
        assert!(matches!(
            Clipboard::new(vec![path("a/x")], false).paste(&here),
            Some(Change::Copy { conflict: Conflict::KeepBoth, .. })
        ));
        assert_eq!(Clipboard::new(vec![path("a/x")], true).paste(&here), None);
    }

    #[test]
    fn a_folder_does_not_go_into_itself() {
        assert!(!accepts(&[path("a")], &path("a/b"), false));
        assert!(!accepts(&[path("a")], &path("a"), true));
        assert!(!accepts(&[path("a/x")], &path("a"), false), "it is there already");
        assert!(accepts(&[path("a/x")], &path("a"), true));
        assert!(accepts(&[path("a/x"), path("y")], &path("a"), false));
        assert!(accepts(&[path("ab")], &path("abc"), false));
    }
}
