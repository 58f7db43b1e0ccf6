//! Whose turn it is among changes that are asked for faster than the server answers. Changes of different entries are
//! made side by side; changes of the same ones, and taking back and doing again, in the order in which the person asked.

use std::collections::{HashSet, VecDeque};

use shared::change::Leg;
use shared::{Change, VPath};

use super::Origin;

/// Most that wait for their turn: more than anybody asks for while a server answers.
const WAITING_MAX: usize = 100;

/// The entries that changes have to do with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Touched {
    read: HashSet<VPath>,
    written: HashSet<VPath>,
}

/// What has to be over before a turn comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Needs {
    /// Everything that was asked for before: only then is it known what there is to take back or to do again.
    All,
    /// What has to do with the same entries.
    Same(Touched),
}

/// The turns: of those at work, and of those that wait. `W` wakes one that waits.
#[derive(Debug)]
pub struct Turns<W> {
    next: u32,
    at_work: Vec<Turn>,
    waiting: VecDeque<(Turn, W)>,
}

#[derive(Debug)]
struct Turn {
    id: u32,
    origin: Origin,
    needs: Needs,
}

impl Touched {
    /// What these changes have to do with. Where something returns to from the trash is known to the server alone, and
    /// until it is there nobody can do anything to it.
    pub fn by(changes: &[Change]) -> Self {
        let mut touched = Self::default();
        for change in changes {
            match change {
                Change::MakeFolder { paths, .. } => touched.written.extend(paths.iter().cloned()),
                Change::Move { items, .. } => {
                    touched.written.extend(items.iter().flat_map(|Leg { from, to, .. }| [from, to]).cloned());
                }
                Change::Copy { items, .. } => {
                    touched.read.extend(items.iter().map(|leg| leg.from.clone()));
                    touched.written.extend(items.iter().map(|leg| leg.to.clone()));
                }
                Change::Trash { items } | Change::Delete { items } => {
                    touched.written.extend(items.iter().map(|item| item.path.clone()));
                }
                Change::Restore { items, .. } => {
                    touched.written.extend(items.iter().filter_map(|item| item.to.clone()));
                }
                Change::Purge { .. } => {}
            }
        }
        touched
    }

    /// True if what is asked for later has to wait for this. Within a folder that is being copied work may go on, but
    /// the folder itself stays where it is.
    fn holds_up(&self, later: &Self) -> bool {
        related(&self.written, &later.written)
            || related(&self.written, &later.read)
            || within(&self.read, &later.written)
    }
}

impl Needs {
    fn holds_up(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Same(this), Self::Same(later)) => this.holds_up(later),
            _ => true,
        }
    }
}

impl<W> Default for Turns<W> {
    fn default() -> Self {
        Self { next: 0, at_work: Vec::new(), waiting: VecDeque::new() }
    }
}

impl<W> Turns<W> {
    /// Stands in line, and answers the turn's number; none where too many wait already.
    pub fn join(&mut self, origin: Origin, needs: Needs, wake: W) -> Option<u32> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        let id = self.next;
        self.next = id.wrapping_add(1);
        self.waiting.push_back((Turn { id, origin, needs }, wake));
        Some(id)
    }

    /// Puts the first that may begin to work, and answers what wakes it.
    pub fn call(&mut self) -> Option<W> {
        let before = |index: usize| self.at_work.iter().chain(self.waiting.iter().take(index).map(|(turn, _)| turn));
        let may = |index: usize, turn: &Turn| !before(index).any(|earlier| earlier.needs.holds_up(&turn.needs));
        let first = self.waiting.iter().enumerate().position(|(index, (turn, _))| may(index, turn))?;
        let (turn, wake) = self.waiting.remove(first)?;
        self.at_work.push(turn);
        Some(wake)
    }

    /// A turn that came turned out to have to do with no more than this.
    pub fn narrow(&mut self, id: u32, touched: Touched) {
        if let Some(turn) = self.at_work.iter_mut().find(|turn| turn.id == id) {
            turn.needs = Needs::Same(touched);
        }
    }

    /// Leaves, whether the turn came or not.
    pub fn leave(&mut self, id: u32) {
        self.at_work.retain(|turn| turn.id != id);
        self.waiting.retain(|(turn, _)| turn.id != id);
    }

    /// True for a turn that has not come yet.
    pub fn is_waiting(&self, id: u32) -> bool {
        self.waiting.iter().any(|(turn, _)| turn.id == id)
    }

    /// True if there will be more to take back, or to do again, once all this is done.
    pub fn promises(&self, more: Origin) -> bool {
        let mut turns = self.at_work.iter().chain(self.waiting.iter().map(|(turn, _)| turn));
        turns.any(|turn| (turn.origin == Origin::Undo) == (more == Origin::Redo))
    }
}

/// True if an entry of the one is an entry of the other, or within it, or around it.
fn related(one: &HashSet<VPath>, other: &HashSet<VPath>) -> bool {
    within(one, other) || within(other, one)
}

/// True if one of these is one of those, or within it.
fn within(these: &HashSet<VPath>, those: &HashSet<VPath>) -> bool {
    !those.is_empty() && these.iter().any(|path| path.ancestry().any(|around| those.contains(&around)))
}

#[cfg(test)]
mod tests {
    use shared::Conflict;
    use shared::change::Chosen;

    use super::*;

    fn path(text: &str) -> VPath {
        VPath::parse(text).unwrap()
    }

    fn rename(from: &str, to: &str) -> Needs {
        let items = vec![Leg { from: path(from), to: path(to), if_etag: None }];
        Needs::Same(Touched::by(&[Change::Move { items, conflict: Conflict::Fail }]))
    }

    fn copy(from: &str, to: &str) -> Needs {
        let items = vec![Leg { from: path(from), to: path(to), if_etag: None }];
        Needs::Same(Touched::by(&[Change::Copy { items, conflict: Conflict::Fail }]))
    }

    fn trash(text: &str) -> Needs {
        Needs::Same(Touched::by(&[Change::Trash { items: vec![Chosen { path: path(text), if_etag: None }] }]))
    }

    /// Asks for all of these at once, and answers which begin.
    fn begin(turns: &mut Turns<usize>, all: Vec<Needs>) -> Vec<usize> {
        for (index, needs) in all.into_iter().enumerate() {
            let origin = if needs == Needs::All { Origin::Undo } else { Origin::New };
            turns.join(origin, needs, index).unwrap();
        }
        called(turns)
    }

    fn called(turns: &mut Turns<usize>) -> Vec<usize> {
        std::iter::from_fn(|| turns.call()).collect()
    }

    #[test]
    fn changes_of_different_entries_are_made_side_by_side() {
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![rename("a", "b"), trash("c"), copy("d", "e"), copy("d", "f")]), [0, 1, 2, 3]);
    }

    #[test]
    fn changes_of_the_same_entry_are_made_in_order() {
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![rename("a", "b"), trash("b"), rename("b", "c"), trash("x")]), [0, 3]);
        turns.leave(0);
        assert_eq!(called(&mut turns), [1]);
        turns.leave(1);
        assert_eq!(called(&mut turns), [2]);
    }

    #[test]
    fn a_folder_and_what_is_in_it_are_the_same() {
        let make = Needs::Same(Touched::by(&[Change::MakeFolder { paths: vec![path("d/new")], existing_ok: true }]));
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![make, rename("a", "d/new/a"), trash("d"), rename("dd", "e")]), [0, 3]);
    }

    #[test]
    fn what_is_being_copied_stays_but_what_is_in_it_may_change() {
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![copy("d", "e"), trash("d/x"), rename("e/f", "g"), trash("d")]), [0, 1]);
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![rename("d/x", "d/y"), copy("d", "e")]), [0], "the copy has the new name");
    }

    #[test]
    fn taking_back_waits_for_everything_before_it_and_holds_up_what_follows() {
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![rename("a", "b"), Needs::All, Needs::All, trash("x")]), [0]);
        assert!(turns.is_waiting(1));
        turns.leave(0);
        assert_eq!(called(&mut turns), [1]);
        assert!(!turns.is_waiting(1));
        turns.leave(1);
        assert_eq!(called(&mut turns), [2]);
        turns.leave(2);
        assert_eq!(called(&mut turns), [3]);
    }

    #[test]
    fn what_is_taken_back_holds_up_only_what_it_has_to_do_with_once_that_is_known() {
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![Needs::All, rename("b", "c"), trash("x")]), [0]);
        turns.narrow(0, Touched { written: [path("a"), path("b")].into(), ..Touched::default() });
        assert_eq!(called(&mut turns), [2]);
    }

    #[test]
    fn who_left_is_not_waited_for() {
        let mut turns = Turns::default();
        assert_eq!(begin(&mut turns, vec![rename("a", "b"), Needs::All, trash("x")]), [0]);
        turns.leave(1);
        assert_eq!(called(&mut turns), [2]);
    }

    #[test]
    fn no_more_wait_than_the_bound() {
        let mut turns = Turns::default();
        begin(&mut turns, vec![rename("a", "b")]);
        let taken = (0..WAITING_MAX + 1).filter_map(|index| turns.join(Origin::Undo, Needs::All, index)).count();
        assert_eq!(taken, WAITING_MAX);
        turns.leave(0);
        assert!(turns.call().is_some());
        assert!(turns.join(Origin::Undo, Needs::All, 0).is_some(), "there is room again");
    }

    #[test]
    fn what_is_under_way_will_be_there_to_take_back_or_to_do_again() {
        let mut turns = Turns::default();
        assert!(!turns.promises(Origin::Undo) && !turns.promises(Origin::Redo));
        begin(&mut turns, vec![rename("a", "b")]);
        assert!(turns.promises(Origin::Undo) && !turns.promises(Origin::Redo));
        turns.leave(0);
        begin(&mut turns, vec![Needs::All]);
        assert!(!turns.promises(Origin::Undo) && turns.promises(Origin::Redo));
    }
}
