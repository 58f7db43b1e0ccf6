//! [`RestOrder`]: whose place is taken back next. Pure.
//!
//! A piece of work makes a holder rest later without a call of this order, so that work costs nothing here: for each
//! place the order has the earliest time from which its holder rests. It inspects a place that comes first by that
//! time, and moves it back if its holder works or has rested for less. So it inspects a place at most once in a time of
//! rest, and the other steps take time that grows with the logarithm of the number of places. No time of rest protects
//! the places of owners that have more than an equal share; the order inspects up to [`LOOKS_MAX`] of them each time.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

use super::owner::Who;

/// How many places of owners that have more than an equal share are inspected each time, whether or not they have
/// rested.
const LOOKS_MAX: usize = 64;

/// What may rest.
pub(super) trait Rests {
    /// Since when it rests; `None` while it works.
    fn rests_since(&self) -> Option<Instant>;
}

/// The places of each owner.
pub(super) struct RestOrder<T> {
    last: u64,
    owners: HashMap<Who, Owned<T>>,
    /// The places of all owners.
    held: usize,
    /// All owners, by the number of their places.
    by_count: BTreeSet<(usize, Who)>,
    /// The latest time of which the order was asked.
    asked: Option<Instant>,
    /// The owners without a place that may have rested since `asked`, by the first place.
    later: BTreeSet<(Instant, Who)>,
    /// The other owners, by the number of their places.
    due: BTreeSet<(usize, Who)>,
}

struct Owned<T> {
    places: HashMap<u64, Place<T>>,
    /// The places by the earliest time from which their holders rest.
    order: BTreeSet<(Instant, u64)>,
}

struct Place<T> {
    earliest: Instant,
    held: T,
}

/// Whom a place is taken back from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TakeFrom {
    /// The owner that has most, if that is more than `who` has, or else `who`. A place of an owner that has more than an
    /// equal share goes before any other, also if it has rested for less than the time of rest.
    Fullest,
    /// `who` alone.
    Itself,
}

impl<T> Default for RestOrder<T> {
    fn default() -> Self {
        let (by_count, later, due) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { last: 0, owners: HashMap::new(), held: 0, by_count, asked: None, later, due }
    }
}

impl<T> RestOrder<T> {
    /// How many places an owner has.
    pub(super) fn count(&self, who: Who) -> usize {
        self.owners.get(&who).map_or(0, Owned::count)
    }

    pub(super) fn contains(&self, who: Who, number: u64) -> bool {
        self.owners.get(&who).is_some_and(|owned| owned.places.contains_key(&number))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty()
            && self.later.is_empty()
            && self.due.is_empty()
            && self.by_count.is_empty()
            && self.held == 0
    }

    /// Adds a place whose holder rests from `earliest` on, or later. Returns its number.
    pub(super) fn add(&mut self, who: Who, held: T, earliest: Instant) -> u64 {
        self.last += 1;
        let number = self.last;
        self.change(who, |owned| {
            owned.places.insert(number, Place { earliest, held });
            owned.order.insert((earliest, number));
        });
        number
    }

    pub(super) fn remove(&mut self, who: Who, number: u64) -> Option<T> {
        self.change(who, |owned| {
            let Place { earliest, held } = owned.places.remove(&number)?;
            owned.order.remove(&(earliest, number));
            Some(held)
        })
    }

    /// Changes the places of an owner, keeps it in its order, and forgets it once it has none.
    fn change<R>(&mut self, who: Who, change: impl FnOnce(&mut Owned<T>) -> R) -> R {
        let owned = self.owners.entry(who).or_default();
        let (before, count_before) = (owned.rank(), owned.count());
        let result = change(owned);
        let (after, count) = (owned.rank(), owned.count());
        if count != count_before {
            self.held = self.held - count_before + count;
            self.by_count.remove(&(count_before, who));
            if count > 0 {
                self.by_count.insert((count, who));
            }
        }
        if after.is_none() {
            self.owners.remove(&who);
        }
        if before != after {
            self.unlist(who, before);
            self.list(who, after);
        }
        result
    }

    fn list(&mut self, who: Who, rank: Option<Rank>) {
        match rank {
            Some((earliest, count)) if self.asked.is_some_and(|asked| earliest <= asked) => {
                self.due.insert((count, who));
            }
            Some((earliest, _)) => {
                self.later.insert((earliest, who));
            }
            None => {}
        }
    }

    fn unlist(&mut self, who: Who, rank: Option<Rank>) {
        if let Some((earliest, count)) = rank {
            self.due.remove(&(count, who));
            self.later.remove(&(earliest, who));
        }
    }
}

impl<T: Rests> RestOrder<T> {
    /// Takes back the place that has rested longest, since `before` or earlier. A place of an owner other than `who`
    /// with more than an equal share, in which `who` counts, goes also if it has rested for less.
    /// `now` is not earlier than `before`.
    pub(super) fn take_back(&mut self, who: Who, from: TakeFrom, before: Instant, now: Instant) -> Option<T> {
        self.ask(before);
        let own = self.count(who);
        // An owner that has no place yet is to have a share, too. Of one place there is no smaller share.
        let sharing = self.owners.len() + usize::from(own == 0);
        let fair = own.max(self.held / sharing).max(1);
        let (owner, number) = match from {
            TakeFrom::Fullest => self
                .rested(fair, before, now)
                .or_else(|| self.resting(fair, now))
                .or_else(|| self.rested(own, before, now))
                .or_else(|| self.rested_of(who, before, now))?,
            TakeFrom::Itself => self.rested_of(who, before, now)?,
        };
        self.remove(owner, number)
    }

    /// The place that has rested longest, since `before` or earlier, of the owner that has most and more than `least`.
    fn rested(&mut self, least: usize, before: Instant, now: Instant) -> Option<(Who, u64)> {
        let mut others = self.due.last().copied();
        while let Some((count, owner)) = others.filter(|(count, _)| *count > least) {
            if let Some(found) = self.rested_of(owner, before, now) {
                return Some(found);
            }
            others = self.due.range(..(count, owner)).next_back().copied();
        }
        None
    }

    /// The place that has rested longest, even if that is no time at all, of the owner that has most and more than
    /// `least`.
    fn resting(&mut self, least: usize, now: Instant) -> Option<(Who, u64)> {
        let mut looks = LOOKS_MAX;
        let mut others = self.by_count.last().copied();
        while let Some((count, owner)) = others.filter(|(count, _)| *count > least && looks > 0) {
            if let Some(found) = self.longest_rest(owner, now, now, &mut looks) {
                return Some(found);
            }
            others = self.by_count.range(..(count, owner)).next_back().copied();
        }
        None
    }

    fn rested_of(&mut self, owner: Who, before: Instant, now: Instant) -> Option<(Who, u64)> {
        self.longest_rest(owner, before, now, &mut { usize::MAX })
    }

    /// Lists the owners again that have a place which may have rested since `before`.
    fn ask(&mut self, before: Instant) {
        self.asked = self.asked.max(Some(before));
        while let Some((_, owner)) = self.later.first().copied().filter(|(earliest, _)| *earliest <= before) {
            let rank = self.owners.get(&owner).and_then(Owned::rank);
            self.unlist(owner, rank);
            self.list(owner, rank);
        }
    }

    fn longest_rest(&mut self, owner: Who, before: Instant, now: Instant, looks: &mut usize) -> Option<(Who, u64)> {
        let found =
            self.owners.contains_key(&owner).then(|| self.change(owner, |it| it.longest_rest(before, now, looks)));
        found.flatten().map(|number| (owner, number))
    }
}

/// The first time in the order of an owner, and the number of its places.
type Rank = (Instant, usize);

impl<T> Default for Owned<T> {
    fn default() -> Self {
        Self { places: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<T> Owned<T> {
    fn count(&self) -> usize {
        self.places.len()
    }

    /// `None` without a place.
    fn rank(&self) -> Option<Rank> {
        self.order.first().map(|(earliest, _)| (*earliest, self.count()))
    }

    fn move_to(&mut self, number: u64, earliest: Instant) {
        if let Some(place) = self.places.get_mut(&number) {
            self.order.remove(&(place.earliest, number));
            self.order.insert((earliest, number));
            place.earliest = earliest;
        }
    }
}

impl<T: Rests> Owned<T> {
    /// The place whose holder has rested longest, since `before` or earlier. Inspects at most `looks` places, and
    /// subtracts their number from it.
    fn longest_rest(&mut self, before: Instant, now: Instant, looks: &mut usize) -> Option<u64> {
        let mut working = Vec::new();
        let found = loop {
            let first = self.order.first().copied().filter(|(earliest, _)| *earliest <= before && *looks > 0);
            let Some((earliest, number)) = first else { break None };
            *looks -= 1;
            match self.places.get(&number).and_then(|place| place.held.rests_since()) {
                Some(since) if since <= earliest => break Some(number),
                Some(since) => self.move_to(number, since),
                None => {
                    // Back in the order after the search, which would come to it again if `before` is `now`.
                    self.order.remove(&(earliest, number));
                    working.push(number);
                }
            }
        };
        working.into_iter().for_each(|number| self.move_to(number, now));
        found
    }
}
