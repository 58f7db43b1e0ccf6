//! The page's clipboard of entries.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use shared::{Change, Outcome, Rights, VPath};

use super::change_result::ChangeResult;
use super::entries::{Command, Entries};
use crate::folder::model::permission;

/// Entries that were cut or copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Clipboard {
    entries: Entries,
    /// True if the entries were cut: pasting moves them.
    pub cut: bool,
    /// The sorted hashes of the names of cut entries, which a row searches when it is drawn: to fill a hash table with a
    /// hundred thousand names takes longer than a frame. If two names have one hash, a row that is not cut is drawn as
    /// cut; pasting uses the names.
    cut_names: Vec<u64>,
}

impl Clipboard {
    /// A clipboard with entries that were cut, or else copied.
    pub fn new(entries: Entries, cut: bool) -> Self {
        let mut cut_names: Vec<_> = if cut { entries.names().map(hash).collect() } else { Vec::new() };
        cut_names.sort_unstable();
        Self { entries, cut, cut_names }
    }

    /// The clipboard after moves of its entries: without those that were moved, or that the user chose to skip.
    pub fn after_moves(&self, results: &[ChangeResult]) -> Self {
        let mut settled = HashSet::new();
        for ChangeResult { change, outcomes } in results {
            if let Change::Move { items, .. } = change {
                let is_settled = |outcome: &Outcome| matches!(outcome, Outcome::Done { .. } | Outcome::Skipped);
                let pairs = items.iter().zip(outcomes).filter(|(_, outcome)| is_settled(outcome));
                settled.extend(pairs.map(|(pair, _)| pair.from.name()));
            }
        }
        Self::new(self.entries.filtered(|name| !settled.contains(name)), self.cut)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names, one a line, for programs that paste text.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.entries.names().map(String::from_utf8_lossy).collect();
        names.join("\n")
    }

    /// The rights that pasting needs.
    pub fn needed(&self) -> Rights {
        if self.cut { permission::MOVE } else { permission::COPY }
    }

    /// True if the entry was cut, which its row shows.
    pub fn is_cut(&self, path: &VPath) -> bool {
        self.cut_names.binary_search(&hash(path.name())).is_ok() && path.is_in(self.entries.folder())
    }

    /// What pasting into `folder` does with which entries. `None` if they are to be moved to where they are.
    pub fn paste(&self, folder: &VPath) -> Option<(Entries, Command)> {
        let stays = self.cut && folder == self.entries.folder();
        (!stays).then(|| (self.entries.clone(), Command::transfer(folder.clone(), !self.cut)))
    }
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::entries::sample::entries;
    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    #[test]
    fn pasting_moves_cut_entries_and_copies_copied_ones() {
        let cut = Clipboard::new(entries("a", &["x", "y"]), true);
        assert_eq!(cut.paste(&path("c")), Some((entries("a", &["x", "y"]), Command::Move(path("c")))));
        assert!(cut.is_cut(&path("a/x")) && !cut.is_cut(&path("a")) && !cut.is_cut(&path("b/x")));
        let copied = Clipboard::new(entries("a", &["x"]), false);
        assert_eq!(copied.paste(&path("c")), Some((entries("a", &["x"]), Command::Copy(path("c")))));
        assert!(!copied.is_cut(&path("a/x")));
        assert_eq!(cut.names(), "x\ny");
    }

    #[test]
    fn entries_that_could_not_be_moved_stay_cut() {
        let cut = Clipboard::new(entries("a", &["x", "y", "z", "w"]), true);
        let (entries_moved, command) = cut.paste(&path("c")).unwrap();
        let failed = Outcome::failed(shared::ErrorCode::NoSpace);
        let done = Outcome::done(None);
        // The last item was not attempted.
        let outcomes = vec![done, failed, Outcome::Skipped];
        let left = cut.after_moves(&[ChangeResult { change: command.request(&entries_moved), outcomes }]);
        assert_eq!(left, Clipboard::new(entries("a", &["y", "w"]), true));
        assert!(!left.is_cut(&path("a/x")) && left.is_cut(&path("a/y")));
    }

    #[test]
    fn pasting_into_the_same_folder_duplicates_copied_entries_and_leaves_cut_ones() {
        let here = path("a");
        let (copied, command) = Clipboard::new(entries("a", &["x"]), false).paste(&here).unwrap();
        assert!(matches!(command.request(&copied), Change::Copy { conflict: shared::Conflict::KeepBoth, .. }));
        assert_eq!(Clipboard::new(entries("a", &["x"]), true).paste(&here), None);
    }
}
