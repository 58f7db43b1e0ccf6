//! The order of changes that a user requests faster than the server answers. Changes of unrelated entries run
//! concurrently; changes of the same entries, and undo and redo, run in the order of the requests.

use std::collections::{HashSet, VecDeque};

use shared::change::PathPair;
use shared::{Change, VPath};

use super::undo::Origin;

/// Most changes that wait: more than a user requests before the server answers.
const WAITING_MAX: usize = 100;

/// Most entries whose own paths are compared.
const ACCESS_ITEMS_MAX: usize = 1_000;

/// The paths that changes read and write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PathAccess {
    read: HashSet<VPath>,
    written: HashSet<VPath>,
}

/// Which earlier changes have to end before a change starts.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitsFor {
    /// All of them: undo and redo know their own changes only once every earlier change has ended.
    All,
    /// Those that access related paths.
    Paths(PathAccess),
}

/// The running and the waiting changes. `W` wakes a waiting one.
#[derive(Debug)]
pub struct Scheduler<W> {
    next_id: u32,
    running: Vec<Scheduled>,
    waiting: VecDeque<(Scheduled, W)>,
}

#[derive(Debug)]
struct Scheduled {
    id: u32,
    origin: Origin,
    waits_for: WaitsFor,
}

impl PathAccess {
    /// The paths that `changes` access. The destination of a restore is left out if only the server knows it: until the
    /// restore ends, the list has no row there that the user could change.
    pub fn of(changes: &[Change]) -> Self {
        let mut access = Self::default();
        for change in changes {
            match change {
                Change::MakeFolder { paths, .. } => access.write(paths),
                Change::Move { items, .. } => {
                    access.write(items.iter().flat_map(|PathPair { from, to, .. }| [from, to]))
                }
                Change::Copy { items, .. } => {
                    access.read.extend(items.iter().map(|pair| pair.from.clone()));
                    access.write(items.iter().map(|pair| &pair.to));
                }
                Change::Trash { items } | Change::Delete { items } => access.write(items.iter().map(|item| &item.path)),
                Change::Restore { items, .. } => access.write(items.iter().filter_map(|item| item.to.as_ref())),
                Change::Purge { .. } => {}
            }
        }
        access
    }

    /// [`PathAccess::of`] for a few entries; for more than [`ACCESS_ITEMS_MAX`], every folder that has one of them counts
    /// as changed, because comparing that many paths with those of each later change takes longer than a frame.
    pub fn of_any(changes: &[Change]) -> Self {
        if changes.iter().map(Change::len).sum::<usize>() <= ACCESS_ITEMS_MAX {
            return Self::of(changes);
        }
        Self { read: HashSet::new(), written: parents(changes) }
    }

    /// Adds paths that are changed. An action that is no [`Change`] states its access by this method.
    pub fn write<'a>(&mut self, paths: impl IntoIterator<Item = &'a VPath>) {
        self.written.extend(paths.into_iter().cloned());
    }

    /// Adds paths that are read.
    pub fn read<'a>(&mut self, paths: impl IntoIterator<Item = &'a VPath>) {
        self.read.extend(paths.into_iter().cloned());
    }

    /// True if a later change with the access `later` has to wait. Entries within a folder that is being copied may
    /// change; the folder itself must keep its place.
    fn blocks(&self, later: &Self) -> bool {
        related(&self.written, &later.written)
            || related(&self.written, &later.read)
            || within(&self.read, &later.written)
    }
}

impl WaitsFor {
    fn blocks(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Paths(this), Self::Paths(later)) => this.blocks(later),
            _ => true,
        }
    }
}

impl<W> Default for Scheduler<W> {
    fn default() -> Self {
        Self { next_id: 0, running: Vec::new(), waiting: VecDeque::new() }
    }
}

impl<W> Scheduler<W> {
    /// Adds a waiting change and returns its id. `None` if `WAITING_MAX` changes wait.
    pub fn add(&mut self, origin: Origin, waits_for: WaitsFor, wake: W) -> Option<u32> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.waiting.push_back((Scheduled { id, origin, waits_for }, wake));
        Some(id)
    }

    /// Starts the first waiting change that no earlier one blocks, and returns what wakes it.
    pub fn start_next(&mut self) -> Option<W> {
        let earlier =
            |index: usize| self.running.iter().chain(self.waiting.iter().take(index).map(|(change, _)| change));
        let is_free = |index: usize, change: &Scheduled| {
            !earlier(index).any(|earlier| earlier.waits_for.blocks(&change.waits_for))
        };
        let first = self.waiting.iter().enumerate().position(|(index, (change, _))| is_free(index, change))?;
        let (change, wake) = self.waiting.remove(first)?;
        self.running.push(change);
        Some(wake)
    }

    /// Replaces what a running change blocks by `access`, once its paths are known.
    pub fn narrow(&mut self, id: u32, access: PathAccess) {
        if let Some(change) = self.running.iter_mut().find(|change| change.id == id) {
            change.waits_for = WaitsFor::Paths(access);
        }
    }

    /// Removes a change, running or waiting.
    pub fn remove(&mut self, id: u32) {
        self.running.retain(|change| change.id != id);
        self.waiting.retain(|(change, _)| change.id != id);
    }

    /// True for a change that has not started.
    pub fn is_waiting(&self, id: u32) -> bool {
        self.waiting.iter().any(|(change, _)| change.id == id)
    }

    /// True if a running or waiting change will add a step to undo (`Origin::Undo`) or to redo (`Origin::Redo`).
    pub fn will_add_step(&self, to: Origin) -> bool {
        let mut changes = self.running.iter().chain(self.waiting.iter().map(|(change, _)| change));
        changes.any(|change| (change.origin == Origin::Undo) == (to == Origin::Redo))
    }
}

/// The folders of all paths that the changes name. Paths that follow each other are mostly of one folder, so a parent is
/// made, and looked up in the set, only where it differs from the one before.
fn parents(changes: &[Change]) -> HashSet<VPath> {
    let mut folders = HashSet::new();
    let mut last: Option<VPath> = None;
    let mut add = |path: &VPath| {
        if !last.as_ref().is_some_and(|folder| path.is_in(folder)) {
            last = path.parent();
            folders.extend(last.clone());
        }
    };
    changes.iter().for_each(|change| visit_paths(change, &mut add));
    folders
}

/// Visits the paths of a change: all sources, then all destinations.
fn visit_paths(change: &Change, mut visit: impl FnMut(&VPath)) {
    match change {
        Change::MakeFolder { paths, .. } => paths.iter().for_each(visit),
        Change::Move { items, .. } | Change::Copy { items, .. } => {
            items.iter().for_each(|pair| visit(&pair.from));
            items.iter().for_each(|pair| visit(&pair.to));
        }
        Change::Trash { items } | Change::Delete { items } => items.iter().for_each(|item| visit(&item.path)),
        Change::Restore { items, .. } => items.iter().filter_map(|item| item.to.as_ref()).for_each(visit),
        Change::Purge { .. } => {}
    }
}

/// True if a path of one set is equal to, inside of, or an ancestor of a path of the other.
fn related(one: &HashSet<VPath>, other: &HashSet<VPath>) -> bool {
    within(one, other) || within(other, one)
}

/// True if a path of `inner` is equal to or inside of a path of `outer`.
fn within(inner: &HashSet<VPath>, outer: &HashSet<VPath>) -> bool {
    !outer.is_empty() && inner.iter().any(|path| path.ancestry().any(|ancestor| outer.contains(&ancestor)))
}

#[cfg(test)]
mod tests {
    use shared::Conflict;
    use shared::change::PathItem;

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn rename(from: &str, to: &str) -> WaitsFor {
        let items = vec![PathPair { from: path(from), to: path(to), if_etag: None }];
        WaitsFor::Paths(PathAccess::of(&[Change::Move { items, conflict: Conflict::Fail }]))
    }

    fn copy(from: &str, to: &str) -> WaitsFor {
        let items = vec![PathPair { from: path(from), to: path(to), if_etag: None }];
        WaitsFor::Paths(PathAccess::of(&[Change::Copy { items, conflict: Conflict::Fail }]))
    }

    fn trash(text: &str) -> WaitsFor {
        WaitsFor::Paths(PathAccess::of(&[Change::Trash { items: vec![PathItem { path: path(text), if_etag: None }] }]))
    }

    /// Adds all changes, and returns the indexes of those that start.
    fn begin(scheduler: &mut Scheduler<usize>, all: Vec<WaitsFor>) -> Vec<usize> {
        for (index, waits_for) in all.into_iter().enumerate() {
            let origin = if waits_for == WaitsFor::All { Origin::Undo } else { Origin::New };
            scheduler.add(origin, waits_for, index).unwrap();
        }
        started(scheduler)
    }

    fn started(scheduler: &mut Scheduler<usize>) -> Vec<usize> {
        std::iter::from_fn(|| scheduler.start_next()).collect()
    }

    #[test]
    fn changes_of_unrelated_entries_run_concurrently() {
        let mut scheduler = Scheduler::default();
        assert_eq!(
            begin(&mut scheduler, vec![rename("a", "b"), trash("c"), copy("d", "e"), copy("d", "f")]),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn changes_of_the_same_entry_run_in_order() {
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![rename("a", "b"), trash("b"), rename("b", "c"), trash("x")]), [0, 3]);
        scheduler.remove(0);
        assert_eq!(started(&mut scheduler), [1]);
        scheduler.remove(1);
        assert_eq!(started(&mut scheduler), [2]);
    }

    #[test]
    fn a_folder_and_its_contents_are_related() {
        let make =
            WaitsFor::Paths(PathAccess::of(&[Change::MakeFolder { paths: vec![path("d/new")], existing_ok: true }]));
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![make, rename("a", "d/new/a"), trash("d"), rename("dd", "e")]), [0, 3]);
    }

    #[test]
    fn a_folder_being_copied_keeps_its_place_while_its_contents_may_change() {
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![copy("d", "e"), trash("d/x"), rename("e/f", "g"), trash("d")]), [0, 1]);
        let mut scheduler = Scheduler::default();
        assert_eq!(
            begin(&mut scheduler, vec![rename("d/x", "d/y"), copy("d", "e")]),
            [0],
            "the copy contains the new name"
        );
    }

    #[test]
    fn undo_waits_for_all_earlier_changes_and_blocks_later_ones() {
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![rename("a", "b"), WaitsFor::All, WaitsFor::All, trash("x")]), [0]);
        assert!(scheduler.is_waiting(1));
        scheduler.remove(0);
        assert_eq!(started(&mut scheduler), [1]);
        assert!(!scheduler.is_waiting(1));
        scheduler.remove(1);
        assert_eq!(started(&mut scheduler), [2]);
        scheduler.remove(2);
        assert_eq!(started(&mut scheduler), [3]);
    }

    #[test]
    fn undo_blocks_only_related_paths_once_they_are_known() {
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![WaitsFor::All, rename("b", "c"), trash("x")]), [0]);
        scheduler.narrow(0, PathAccess { written: [path("a"), path("b")].into(), ..PathAccess::default() });
        assert_eq!(started(&mut scheduler), [2]);
    }

    #[test]
    fn a_removed_change_blocks_nothing() {
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![rename("a", "b"), WaitsFor::All, trash("x")]), [0]);
        scheduler.remove(1);
        assert_eq!(started(&mut scheduler), [2]);
    }

    #[test]
    fn a_change_of_many_entries_counts_as_one_of_their_folder() {
        let item = |index: usize| PathItem { path: path(&format!("d/{index}")), if_etag: None };
        let many = Change::Trash { items: (0..ACCESS_ITEMS_MAX + 1).map(item).collect() };
        let many = WaitsFor::Paths(PathAccess::of_any(&[many]));
        let mut scheduler = Scheduler::default();
        assert_eq!(begin(&mut scheduler, vec![many, rename("d/other", "d/b"), trash("e/0"), trash("d")]), [0, 2]);
    }

    #[test]
    fn a_move_of_many_entries_changes_the_folders_at_both_ends() {
        let pair = |index: usize| {
            let (from, to) = (path(&format!("{}/{index}", ["d", "e"][index % 2])), path(&format!("f/{index}")));
            PathPair { from, to, if_etag: None }
        };
        let items: Vec<_> = (0..ACCESS_ITEMS_MAX + 1).map(pair).collect();
        let access = PathAccess::of_any(&[Change::Move { items, conflict: Conflict::Fail }]);
        assert_eq!(access, PathAccess { written: ["d", "e", "f"].map(path).into(), ..PathAccess::default() });
    }

    #[test]
    fn add_refuses_more_than_waiting_max() {
        let mut scheduler = Scheduler::default();
        begin(&mut scheduler, vec![rename("a", "b")]);
        let taken = (0..WAITING_MAX + 1).filter_map(|index| scheduler.add(Origin::Undo, WaitsFor::All, index)).count();
        assert_eq!(taken, WAITING_MAX);
        scheduler.remove(0);
        assert!(scheduler.start_next().is_some());
        assert!(scheduler.add(Origin::Undo, WaitsFor::All, 0).is_some(), "there is room again");
    }

    #[test]
    fn running_changes_will_add_steps_to_undo_or_redo() {
        let mut scheduler = Scheduler::default();
        assert!(!scheduler.will_add_step(Origin::Undo) && !scheduler.will_add_step(Origin::Redo));
        begin(&mut scheduler, vec![rename("a", "b")]);
        assert!(scheduler.will_add_step(Origin::Undo) && !scheduler.will_add_step(Origin::Redo));
        scheduler.remove(0);
        begin(&mut scheduler, vec![WaitsFor::All]);
        assert!(!scheduler.will_add_step(Origin::Undo) && scheduler.will_add_step(Origin::Redo));
    }
}
