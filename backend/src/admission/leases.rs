//! [`Leases`]: places that a holder keeps only as long as it uses them, or while there is room. Where an owner that has
//! fewer finds none, the holder that has rested longest loses its place.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::owner::Who;
use super::queue::{Admission, Permit};
use super::rest_order::{RestOrder, Rests, TakeFrom};
use super::shares::{Bounds, Figures, Refusal};

/// Places of one kind, which never wait. Clones are the same places. The lock is held for one decision at a time, which
/// takes time logarithmic in the number of places (`rest_order`).
#[derive(Clone)]
pub struct Leases(Arc<Inner>);

struct Inner {
    admission: Admission,
    /// How long a holder rests before it loses its place, unless its owner has more than an equal share.
    rest_time: Duration,
    /// How many places there are.
    all: u64,
    /// How many holders work.
    working: Arc<AtomicU64>,
    places: Mutex<RestOrder<Place>>,
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
pub struct Usage {
    state: Mutex<Use>,
    /// Counts the holders that work; `None` where they are not counted.
    working: Option<Arc<AtomicU64>>,
}

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
    /// Places of which none is held. A holder keeps its place for at least `rest_time` after its work, unless its owner
    /// has more than an equal share. No request waits, whatever the bounds say.
    pub fn new(bounds: Bounds, rest_time: Duration) -> Self {
        let admission = Admission::new(Bounds { waiting_one: 0, waiting_all: 0, ..bounds });
        let (all, working) = (bounds.all, Arc::default());
        Self(Arc::new(Inner { admission, rest_time, all, working, places: Mutex::default() }))
    }

    /// Takes one place. Where there is none left, a resting holder loses its own: one of the owner that has most, if that
    /// is more than `who` has, or else one of `who` itself.
    ///
    /// # Errors
    /// A [`Refusal`] if no such holder has rested long enough.
    pub fn take(&self, who: Who, holder: Holder) -> Result<Lease, Refusal> {
        let mut places = self.places();
        let now = Instant::now();
        // `None` if the clock has not run for that long.
        let before = now.checked_sub(self.0.rest_time);
        // More than one is taken back where more are held than the bound.
        while let Err(refusal) = self.0.admission.fits(who, 1)
            && let Some(place) = before.and_then(|before| places.take_back(who, from(refusal), before, now))
        {
            place.holder.lost.cancel();
        }
        let permit = self.0.admission.try_take(who, 1)?;
        Ok(self.lease(&mut places, who, holder, permit))
    }

    /// Counts a holder that is there already, also above the bounds.
    pub fn hold(&self, who: Who, holder: Holder) -> Lease {
        let mut places = self.places();
        let permit = self.0.admission.hold(who, 1);
        self.lease(&mut places, who, holder, permit)
    }

    /// What is held at present.
    pub fn figures(&self) -> Figures {
        self.0.admission.figures()
    }

    /// The usage of a holder of one of these places, which rests from now on.
    pub fn usage(&self) -> Arc<Usage> {
        Arc::new(Usage { working: Some(Arc::clone(&self.0.working)), ..Usage::default() })
    }

    /// True if more than three quarters of the places are held by holders that work: slow ones are to give up theirs. A
    /// holder that rests gives up its place when another one needs it, so it makes nothing scarce.
    pub fn is_scarce(&self) -> bool {
        let working = self.0.working.load(Ordering::Relaxed);
        u128::from(working) * 4 > u128::from(self.0.all) * 3
    }

    fn lease(&self, places: &mut RestOrder<Place>, who: Who, holder: Holder, permit: Permit) -> Lease {
        let earliest = holder.usage.rests_since().unwrap_or_else(Instant::now);
        let number = places.add(who, Place { holder, _permit: permit }, earliest);
        Lease { leases: self.clone(), who, number }
    }

    fn places(&self) -> MutexGuard<'_, RestOrder<Place>> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From which holders a refused owner takes a place back: from other owners only where all places are taken.
fn from(refusal: Refusal) -> TakeFrom {
    if refusal == Refusal::AllTaken { TakeFrom::Fullest } else { TakeFrom::Itself }
}

impl Rests for Place {
    fn rests_since(&self) -> Option<Instant> {
        self.holder.usage.rests_since()
    }
}

impl Default for Usage {
    /// Rests from now on.
    fn default() -> Self {
        Self { state: Mutex::new(Use { works: 0, rests_since: Instant::now() }), working: None }
    }
}

impl Usage {
    /// Begins a piece of work.
    pub fn begin(self: &Arc<Self>) -> InUse {
        let mut state = self.lock();
        if state.works == 0 {
            self.count(|working| working.fetch_add(1, Ordering::Relaxed));
        }
        state.works += 1;
        drop(state);
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

    fn count(&self, change: impl FnOnce(&AtomicU64) -> u64) {
        self.working.as_deref().map(change);
    }

    fn lock(&self) -> MutexGuard<'_, Use> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut usage = self.0.lock();
        usage.works -= 1;
        usage.rests_since = Instant::now();
        if usage.works == 0 {
            self.0.count(|working| working.fetch_sub(1, Ordering::Relaxed));
        }
    }
}

impl Lease {
    /// Whether another owner has the place now.
    pub fn is_lost(&self) -> bool {
        !self.leases.places().contains(self.who, self.number)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // The place is free before another holder can be asked for its own.
        let mut places = self.leases.places();
        drop(places.remove(self.who, self.number));
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
        leases.places().count(who(name))
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
    async fn holders_that_rest_make_nothing_scarce() {
        let leases = leases(4, 4);
        let hold = || Holder { usage: leases.usage(), lost: CancellationToken::new() };
        let held: Vec<_> =
            (0..4).map(|_| hold()).map(|own| (leases.take(who("a"), own.clone()).unwrap(), own)).collect();
        assert!(!leases.is_scarce());
        let mut work: Vec<_> = held.iter().map(|(_, own)| [own.usage.begin(), own.usage.begin()]).collect();
        assert!(leases.is_scarce());
        let [one, other] = work.pop().unwrap();
        drop(one);
        assert!(leases.is_scarce());
        drop(other);
        assert!(!leases.is_scarce());
        drop((work, held));
        assert_eq!(leases.0.working.load(Ordering::Relaxed), 0);
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
        assert!(leases.places().is_empty());
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
