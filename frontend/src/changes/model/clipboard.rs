//! The page's clipboard of entries, and the changes that pasting or dropping entries into a folder requests.

use std::collections::HashSet;

use shared::change::PathPair;
use shared::{Change, Conflict, Outcome, Rights, VPath};

use super::change_result::ChangeResult;
use crate::folder::model::permission;

/// Entries that were cut or copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Clipboard {
    paths: Vec<VPath>,
    /// True if the entries were cut: pasting moves them.
    pub cut: bool,
    /// The paths of cut entries, so that rendering a row looks up its own path in constant time.
    cut_paths: HashSet<VPath>,
}

impl Clipboard {
    /// A clipboard with entries that were cut, or else copied.
    pub fn new(paths: Vec<VPath>, cut: bool) -> Self {
        Self { cut_paths: if cut { paths.iter().cloned().collect() } else { HashSet::new() }, paths, cut }
    }

    /// The clipboard after moves of its entries: without those that were moved, or that the user chose to skip.
    pub fn after_moves(&self, results: &[ChangeResult]) -> Self {
        let mut moved = HashSet::new();
        for ChangeResult { change, outcomes } in results {
            if let Change::Move { items, .. } = change {
                let settled = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. } | Outcome::Skipped);
                moved.extend(
                    items.iter().zip(outcomes).filter(|(_, outcome)| settled(outcome)).map(|(pair, _)| &pair.from),
                );
            }
        }
        Self::new(self.paths.iter().filter(|path| !moved.contains(path)).cloned().collect(), self.cut)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// True if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The names, one a line, for programs that paste text.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.paths.iter().map(VPath::display_name).collect();
        names.join("\n")
    }

    /// The rights that pasting needs.
    pub fn needed(&self) -> Rights {
        if self.cut { permission::MOVE } else { permission::COPY }
    }

    /// True if the entry was cut, which its row shows.
    pub fn is_cut(&self, path: &VPath) -> bool {
        self.cut_paths.contains(path)
    }

    /// The change that pasting into `folder` requests. `None` if every entry is in `folder` already.
    pub fn paste(&self, folder: &VPath) -> Option<Change> {
        transfer(&self.paths, folder, !self.cut)
    }
}

/// The change that moves or copies `paths` into `folder`. A copy within its own folder gets a numbered name. `None` if
/// every entry to move is in `folder` already.
pub fn transfer(paths: &[VPath], folder: &VPath, copy: bool) -> Option<Change> {
    let pair = |path: &VPath| Some(PathPair { from: path.clone(), to: folder.join(path.name()).ok()?, if_etag: None });
    let items: Vec<_> = paths.iter().filter_map(pair).filter(|pair| copy || pair.from != pair.to).collect();
    if items.is_empty() {
        return None;
    }
    let duplicates = items.iter().all(|pair| pair.from == pair.to);
    let conflict = if duplicates { Conflict::KeepBoth } else { Conflict::Fail };
    Some(if copy { Change::Copy { items, conflict } } else { Change::Move { items, conflict } })
}

/// True if `folder` may receive `paths`: a folder cannot go into itself, and moving entries to where they are has no
/// effect.
pub fn accepts(paths: &[VPath], folder: &VPath, copy: bool) -> bool {
    let contains_folder = |path: &VPath| path.strip_prefix_of(folder).is_some();
    let is_in_folder = |path: &VPath| path.parent().as_ref() == Some(folder);
    !paths.is_empty() && !paths.iter().any(contains_folder) && (copy || !paths.iter().all(is_in_folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn pasting_moves_cut_entries_and_copies_copied_ones() {
        let cut = Clipboard::new(vec![path("a/x"), path("b/y")], true);
        let Some(Change::Move { items, conflict: Conflict::Fail }) = cut.paste(&path("c")) else { panic!() };
        assert_eq!(items.iter().map(|pair| pair.to.encoded()).collect::<Vec<_>>(), ["c/x", "c/y"]);
        assert!(cut.is_cut(&path("a/x")) && !cut.is_cut(&path("a")));
        let copied = Clipboard::new(vec![path("a/x")], false);
        assert!(matches!(copied.paste(&path("c")), Some(Change::Copy { conflict: Conflict::Fail, .. })));
        assert!(!copied.is_cut(&path("a/x")));
    }

    #[test]
    fn entries_that_could_not_be_moved_stay_cut() {
        let cut = Clipboard::new(["a/x", "a/y", "a/z", "a/w"].map(path).to_vec(), true);
        let change = cut.paste(&path("c")).unwrap();
        let failed = Outcome::failed(shared::ErrorCode::NoSpace);
        let done = Outcome::done(None);
        // The last item was not attempted.
        let outcomes = [done, failed, Outcome::Skipped];
        let left = cut.after_moves(&[ChangeResult { change, outcomes: outcomes.to_vec() }]);
        assert_eq!(left, Clipboard::new(["a/y", "a/w"].map(path).to_vec(), true));
        assert!(!left.is_cut(&path("a/x")) && left.is_cut(&path("a/y")));
    }

    #[test]
    fn pasting_into_the_same_folder_duplicates_copied_entries_and_leaves_cut_ones() {
        let here = path("a");
        assert!(matches!(
            Clipboard::new(vec![path("a/x")], false).paste(&here),
            Some(Change::Copy { conflict: Conflict::KeepBoth, .. })
        ));
        assert_eq!(Clipboard::new(vec![path("a/x")], true).paste(&here), None);
    }

    #[test]
    fn accepts_refuses_to_put_a_folder_into_itself() {
        assert!(!accepts(&[path("a")], &path("a/b"), false));
        assert!(!accepts(&[path("a")], &path("a"), true));
        assert!(!accepts(&[path("a/x")], &path("a"), false), "already in that folder");
        assert!(accepts(&[path("a/x")], &path("a"), true));
        assert!(accepts(&[path("a/x"), path("y")], &path("a"), false));
        assert!(accepts(&[path("ab")], &path("abc"), false));
    }
}
