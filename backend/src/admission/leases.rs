//! [`Leases`]: places that a holder keeps only as long as it uses them, or while there is room. Where an owner that has
//! fewer finds none, the holder that has rested longest loses its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::owner::Who;
use super::queue::{Admission, Permit};
use super::shares::{Bounds, Figures, Refusal};

/// Places of one kind, which never wait. Clones are the same places. The lock is held for one decision at a time.
#[derive(Clone)]
pub struct Leases(Arc<Inner>);

struct Inner {
    admission: Admission,
    /// How long a holder rests at least before it loses its place.
    rest_time: Duration,
    holders: Mutex<Holders>,
}

#[derive(Default)]
struct Holders {
    last: u64,
    /// The places of each owner, in the order in which they were taken.
    owners: HashMap<Who, BTreeMap<u64, Place>>,
    /// The owners by the number of their places.
    by_number: BTreeSet<(usize, Who)>,
}

struct Place {
    holder: Holder,
    _permit: Permit,
}

/// What holds a place.
#[derive(Clone)]
pub struct Holder {
    /// Whether it uses the place.
    pub usage: Arc<Usage>,
    /// Cancelled once it has lost the place.
    pub lost: CancellationToken,
}

/// Whether a holder works or rests.
#[derive(Debug)]
pub struct Usage(Mutex<Use>);

#[derive(Debug)]
struct Use {
    works: usize,
    rests_since: Instant,
}

/// A piece of work of a holder, until it is dropped.
#[derive(Debug)]
pub struct InUse(Arc<Usage>);

/// A place, until it is dropped.
pub struct Lease {
    leases: Leases,
    who: Who,
    number: u64,
}

impl Leases {
    /// Places of which none is held, and which a holder keeps for `rest_time` after its work at least. No request waits,
    /// whatever the bounds say.
    pub fn new(bounds: Bounds, rest_time: Duration) -> Self {
        let admission = Admission::new(Bounds { waiting_one: 0, waiting_all: 0, ..bounds });
        Self(Arc::new(Inner { admission, rest_time, holders: Mutex::default() }))
    }

    /// Takes one place. Where there is none left, a resting holder loses its own: one of the owner that has most, if that
    /// is more than `who` has, or else one of `who` itself.
    ///
    /// # Errors
    /// A [`Refusal`] if no such holder has rested long enough.
    pub fn take(&self, who: Who, holder: Holder) -> Result<Lease, Refusal> {
        let mut holders = self.holders();
        let before = Instant::now().checked_sub(self.0.rest_time);
        // More than one is taken back where more are held than the bound.
        while let Err(refusal) = self.0.admission.fits(who, 1)
            && let Some(place) = holders.take_back(who, refusal, before)
        {
            drop(place);
        }
        let permit = self.0.admission.try_take(who, 1)?;
        Ok(self.lease(&mut holders, who, holder, permit))
    }

    /// Counts a holder that is there already, also above the bounds.
    pub fn hold(&self, who: Who, holder: Holder) -> Lease {
        let mut holders = self.holders();
        let permit = self.0.admission.hold(who, 1);
        self.lease(&mut holders, who, holder, permit)
    }

    /// What is held at present.
    pub fn figures(&self) -> Figures {
        self.0.admission.figures()
    }

    /// As [`Admission::is_scarce`].
    pub fn is_scarce(&self) -> bool {
        self.0.admission.is_scarce()
    }

    fn lease(&self, holders: &mut Holders, who: Who, holder: Holder, permit: Permit) -> Lease {
        let number = holders.add(who, Place { holder, _permit: permit });
        Lease { leases: self.clone(), who, number }
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holders {
    /// Returns the number of the place.
    fn add(&mut self, who: Who, place: Place) -> u64 {
        self.last += 1;
        let number = self.last;
        self.change(who, |places| {
            places.insert(number, place);
        });
        number
    }

    fn remove(&mut self, who: Who, number: u64) -> Option<Place> {
        let mut removed = None;
        self.change(who, |places| removed = places.remove(&number));
        removed
    }

    /// Takes a place from a holder that has rested since `before`.
    fn take_back(&mut self, who: Who, refusal: Refusal, before: Option<Instant>) -> Option<Place> {
        let before = before?;
        let own = self.owners.get(&who).map_or(0, BTreeMap::len);
        let fuller = self.by_number.iter().rev().take_while(|(number, _)| *number > own);
        let others = fuller.map(|(_, owner)| *owner).filter(|_| refusal == Refusal::AllTaken);
        let (owner, number) =
            others.chain([who]).find_map(|owner| self.longest_rest(owner, before).map(|number| (owner, number)))?;
        let place = self.remove(owner, number)?;
        place.holder.lost.cancel();
        Some(place)
    }

    /// The place of an owner whose holder has rested longest, since `before` at least.
    fn longest_rest(&self, owner: Who, before: Instant) -> Option<u64> {
        let places = self.owners.get(&owner)?.iter();
        let resting = places.filter_map(|(number, place)| Some((place.holder.usage.rests_since()?, *number)));
        resting.min().filter(|(since, _)| *since <= before).map(|(_, number)| number)
    }

    /// Changes the places of an owner, keeps it in its order, and forgets it once it has none.
    fn change(&mut self, who: Who, change: impl FnOnce(&mut BTreeMap<u64, Place>)) {
        let places = self.owners.entry(who).or_default();
        let before = places.len();
        change(places);
        let after = places.len();
        if after == 0 {
            self.owners.remove(&who);
        }
        if before != after {
            self.by_number.remove(&(before, who));
            if after > 0 {
                self.by_number.insert((after, who));
            }
        }
    }
}

impl Default for Usage {
    /// Rests from now on.
    fn default() -> Self {
        Self(Mutex::new(Use { works: 0, rests_since: Instant::now() }))
    }
}

impl Usage {
    /// Begins a piece of work.
    pub fn begin(self: &Arc<Self>) -> InUse {
        self.lock().works += 1;
        InUse(Arc::clone(self))
    }

    #[cfg(test)]
    pub(crate) fn works(&self) -> bool {
        self.rests_since().is_none()
    }

    /// `None` while the holder works.
    fn rests_since(&self) -> Option<Instant> {
        let usage = self.lock();
        (usage.works == 0).then_some(usage.rests_since)
    }

    fn lock(&self) -> MutexGuard<'_, Use> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut usage = self.0.lock();
        usage.works -= 1;
        usage.rests_since = Instant::now();
    }
}

impl Lease {
    /// Whether another owner has the place now.
    pub fn is_lost(&self) -> bool {
        let holders = self.leases.holders();
        holders.owners.get(&self.who).is_none_or(|places| !places.contains_key(&self.number))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The place is free before another holder can be asked for its own.
        let mut holders = self.leases.holders();
        drop(holders.remove(self.who, self.number));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, pause};

    use super::*;

    const REST_TIME: Duration = Duration::from_secs(1);

    fn leases(all: u64, one: u64) -> Leases {
        Leases::new(Bounds { all, one, waiting_one: 0, waiting_all: 0 }, REST_TIME)
    }

    fn who(name: &str) -> Who {
        Who::client(name)
    }

    fn holder() -> Holder {
        Holder { usage: Arc::default(), lost: CancellationToken::new() }
    }

    /// Takes a place after a time of rest. Panics if it is refused.
    async fn take(leases: &Leases, name: &str) -> (Lease, Holder) {
        advance(REST_TIME).await;
        let holder = holder();
        (leases.take(who(name), holder.clone()).unwrap(), holder)
    }

    fn held_by(leases: &Leases, name: &str) -> usize {
        leases.holders().owners.get(&who(name)).map_or(0, BTreeMap::len)
    }

    #[tokio::test]
    async fn the_owner_that_has_most_loses_the_place_that_rested_longest() {
        pause();
        let leases = leases(5, 5);
        let _few = take(&leases, "few").await;
        let mut many = Vec::new();
        for _ in 0..4 {
            many.push(take(&leases, "many").await);
        }
        // The first one has worked since.
        drop(many[0].1.usage.begin());
        let _work = many[1].1.usage.begin();
        let _new = take(&leases, "new").await;
        assert!(many.iter().map(|(lease, _)| lease.is_lost()).eq([false, false, true, false]));
        assert!(many.iter().map(|(_, holder)| holder.lost.is_cancelled()).eq([false, false, true, false]));
        assert_eq!((leases.figures().held, leases.figures().refused), (5, 0));
    }

    #[tokio::test]
    async fn an_owner_takes_no_place_from_others_that_have_as_few() {
        pause();
        let leases = leases(4, 4);
        let a = [take(&leases, "a").await, take(&leases, "a").await];
        let b = [take(&leases, "b").await, take(&leases, "b").await];
        let more = take(&leases, "a").await;
        assert!(a[0].0.is_lost() && !more.0.is_lost());
        let _work = [a[1].1.usage.begin(), more.1.usage.begin()];
        assert_eq!(leases.take(who("a"), holder()).err(), Some(Refusal::AllTaken));
        assert!(b.iter().all(|(lease, _)| !lease.is_lost()));
        assert_eq!(leases.figures().refused, 1);
    }

    #[tokio::test]
    async fn an_owner_that_has_its_share_takes_from_itself_alone() {
        pause();
        let leases = leases(8, 2);
        let _other = take(&leases, "other").await;
        let own = [take(&leases, "a").await, take(&leases, "a").await];
        let third = take(&leases, "a").await;
        assert!(own.iter().map(|(lease, _)| lease.is_lost()).eq([true, false]));
        let _work = [own[1].1.usage.begin(), third.1.usage.begin()];
        assert_eq!(leases.take(who("a"), holder()).err(), Some(Refusal::OwnShare));
        assert_eq!(leases.figures().held, 3);
    }

    #[tokio::test]
    async fn what_works_keeps_its_place() {
        pause();
        let leases = leases(2, 2);
        let many = [take(&leases, "a").await, take(&leases, "a").await];
        let work = many.each_ref().map(|(_, holder)| [holder.usage.begin(), holder.usage.begin()]);
        assert_eq!(leases.take(who("b"), holder()).err(), Some(Refusal::AllTaken));
        let [_first, [one, other]] = work;
        drop(one);
        assert_eq!(leases.take(who("b"), holder()).err(), Some(Refusal::AllTaken));
        drop(other);
        let new = take(&leases, "b").await;
        assert!(!many[0].0.is_lost() && many[1].0.is_lost() && !new.0.is_lost());
    }

    #[tokio::test]
    async fn a_holder_keeps_its_place_for_a_time_after_its_work() {
        pause();
        let leases = leases(1, 1);
        let (lease, own) = take(&leases, "a").await;
        advance(REST_TIME - Duration::from_millis(1)).await;
        assert_eq!(leases.take(who("b"), holder()).err(), Some(Refusal::AllTaken));
        drop(own.usage.begin());
        advance(REST_TIME - Duration::from_millis(1)).await;
        assert_eq!(leases.take(who("b"), holder()).err(), Some(Refusal::AllTaken));
        advance(Duration::from_millis(1)).await;
        assert!(leases.take(who("b"), holder()).is_ok() && lease.is_lost());
    }

    #[tokio::test]
    async fn a_holder_that_is_counted_above_the_bounds_gives_back_what_it_holds() {
        let leases = leases(1, 1);
        let place = leases.take(who("a"), holder()).unwrap();
        let counted = leases.hold(who("a"), holder());
        assert_eq!((leases.figures().held, held_by(&leases, "a")), (2, 2));
        drop((place, counted));
        assert_eq!((leases.figures().held, leases.figures().owners), (0, 0));
        let holders = leases.holders();
        assert!(holders.owners.is_empty() && holders.by_number.is_empty());
    }

    #[tokio::test]
    async fn an_owner_that_holds_above_the_bounds_leaves_room_to_another() {
        pause();
        let leases = leases(2, 2);
        let counted: Vec<_> = (0..3).map(|_| leases.hold(who("a"), holder())).collect();
        let _new = take(&leases, "b").await;
        assert_eq!((leases.figures().held, counted.iter().filter(|lease| lease.is_lost()).count()), (2, 2));
    }
}
