//! Requests wait for their turn, and what they hold is given back when their [`Permit`] is dropped.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::owner::Who;
use super::shares::{Bounds, Decision, Figures, Refusal, Shares, Ticket};

/// One resource that owners share. Clones are the same resource. Its lock is held for one decision at a time.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    shares: Shares,
    /// For each request that waits, what wakes it.
    waiting: HashMap<Ticket, oneshot::Sender<()>>,
}

impl Admission {
    /// A resource of which nothing is held.
    pub fn new(bounds: Bounds) -> Self {
        Self::of(Shares::new(bounds))
    }

    /// As [`Admission::new`], of a resource that is kept for long and for which no request waits, such as memory of slow
    /// readers: an owner that holds something leaves as much free as it holds, so that a few owners cannot take all.
    pub fn leaving_room(bounds: Bounds) -> Self {
        Self::of(Shares::leaving_room(Bounds { waiting_one: 0, waiting_all: 0, ..bounds }))
    }

    fn of(shares: Shares) -> Self {
        Self(Arc::new(Mutex::new(State { shares, waiting: HashMap::new() })))
    }

    /// Takes `amount` now.
    ///
    /// # Errors
    /// A [`Refusal`] if the request would have to wait.
    pub fn try_take(&self, who: Who, amount: u64) -> Result<Permit, Refusal> {
        self.state().shares.try_take(who, amount)?;
        Ok(self.permit(who, amount))
    }

    /// Whether [`Admission::try_take`] would admit a request. It counts no refusal.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn fits(&self, who: Who, amount: u64) -> Result<(), Refusal> {
        self.state().shares.reason_to_wait(who, amount).map_or(Ok(()), Err)
    }

    /// Takes `amount` once it is the owner's turn. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// A [`Refusal`], at once.
    pub async fn take(&self, who: Who, amount: u64) -> Result<Permit, Refusal> {
        let waiting = {
            let mut state = self.state();
            match state.shares.request(who, amount)? {
                Decision::Admitted => None,
                Decision::Waits(ticket) => Some(self.wait(&mut state, who, amount, ticket)),
            }
        };
        Ok(self.admitted(waiting, who, amount).await)
    }

    /// As [`Admission::take`], waiting no longer than `time`.
    ///
    /// # Errors
    /// A [`Refusal`], at once; after `time`, one that says what the request waited for.
    pub async fn take_within(&self, who: Who, amount: u64, time: Duration) -> Result<Permit, Refusal> {
        let mut turn = pin!(self.take(who, amount));
        // Most requests begin at once and need no timer.
        if let Some(admitted) = turn.as_mut().now_or_never() {
            return admitted;
        }
        if let Ok(admitted) = timeout(time, turn.as_mut()).await {
            return admitted;
        }
        // The request is still in the queue, which it leaves when `turn` is dropped.
        let refusal = self.state().shares.give_up(who);
        Err(refusal)
    }

    /// As [`Admission::take`], for work that was accepted before and whose number is bounded elsewhere: it is never
    /// refused.
    pub async fn take_accepted(&self, who: Who, amount: u64) -> Permit {
        let (waiting, amount) = {
            let mut state = self.state();
            let (decision, amount) = state.shares.request_accepted(who, amount);
            let waiting = match decision {
                Decision::Admitted => None,
                Decision::Waits(ticket) => Some(self.wait(&mut state, who, amount, ticket)),
            };
            (waiting, amount)
        };
        self.admitted(waiting, who, amount).await
    }

    /// Counts what an owner has already, also above the bounds.
    pub fn hold(&self, who: Who, amount: u64) -> Permit {
        self.state().shares.hold(who, amount);
        self.permit(who, amount)
    }

    /// What is held at present.
    pub fn figures(&self) -> Figures {
        self.state().shares.figures()
    }

    /// True if requests wait for room, or more than three quarters are held: slow and idle holders are to give up their
    /// places. Requests that wait for the share of their own owner do not count, so one owner makes nothing scarce for
    /// others.
    pub fn is_scarce(&self) -> bool {
        self.state().shares.is_scarce()
    }

    fn wait(&self, state: &mut State, who: Who, amount: u64, ticket: Ticket) -> (Waiting, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        state.waiting.insert(ticket, sender);
        (Waiting { admission: self.clone(), who, amount, ticket: Some(ticket) }, receiver)
    }

    async fn admitted(&self, waiting: Option<(Waiting, oneshot::Receiver<()>)>, who: Who, amount: u64) -> Permit {
        if let Some((mut waiting, turn)) = waiting {
            // Fails without a sender only, which is dropped with the request alone.
            let _ = turn.await;
            waiting.ticket = None;
        }
        self.permit(who, amount)
    }

    fn permit(&self, who: Who, amount: u64) -> Permit {
        Permit { admission: self.clone(), who, amount }
    }

    fn release(&self, who: Who, amount: u64) {
        self.wake(|state| state.shares.release(who, amount));
    }

    /// Wakes the requests that a change admits, after the lock is free again.
    fn wake(&self, change: impl FnOnce(&mut State) -> Vec<Ticket>) {
        let admitted: Vec<_> = {
            let mut state = self.state();
            let tickets = change(&mut state);
            tickets.into_iter().filter_map(|ticket| state.waiting.remove(&ticket)).collect()
        };
        // A request whose future is being dropped gives back by itself what it got.
        for turn in admitted {
            let _ = turn.send(());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits.
struct Waiting {
    admission: Admission,
    who: Who,
    amount: u64,
    /// `None` once its permit exists.
    ticket: Option<Ticket>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let (who, amount) = (self.who, self.amount);
        self.admission.wake(|state| match state.waiting.remove(&ticket) {
            Some(_) => state.shares.leave(who, ticket),
            // It was admitted before its future could resume.
            None => state.shares.release(who, amount),
        });
    }
}

/// What an owner holds, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Admission,
    who: Who,
    amount: u64,
}

impl Permit {
    /// How much it is.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// Gives it back, and takes as much once it is the owner's turn again, as [`Admission::take_accepted`]. It enters
    /// the queue before it gives anything back, so that no newer request of its owner goes first.
    pub async fn wait_again(self) -> Self {
        let admission = self.admission.clone();
        let mut turn = pin!(admission.take_accepted(self.who, self.amount));
        if let Some(admitted) = turn.as_mut().now_or_never() {
            return admitted;
        }
        drop(self);
        turn.await
    }

    /// Whether [`Permit::resize`] would succeed.
    pub fn may_hold(&self, amount: u64) -> bool {
        amount <= self.amount || self.admission.fits(self.who, amount - self.amount).is_ok()
    }

    /// Holds `amount` from now on. Less is given back; more is taken at once.
    ///
    /// # Errors
    /// A [`Refusal`], and the permit is as before.
    pub fn resize(&mut self, amount: u64) -> Result<(), Refusal> {
        if amount > self.amount {
            self.admission.state().shares.try_take(self.who, amount - self.amount)?;
        } else {
            self.admission.release(self.who, self.amount - amount);
        }
        self.amount = amount;
        Ok(())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.release(self.who, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(all: u64, one: u64) -> Admission {
        Admission::new(Bounds { all, one, waiting_one: 2, waiting_all: 4 })
    }

    fn who(name: &str) -> Who {
        Who::client(name)
    }

    #[tokio::test]
    async fn a_dropped_permit_admits_the_next_request() {
        let admission = admission(1, 1);
        let first = admission.take(who("a"), 1).await.unwrap();
        let second = tokio::spawn({
            let admission = admission.clone();
            async move { admission.take(who("b"), 1).await }
        });
        while admission.figures().waiting == 0 {
            tokio::task::yield_now().await;
        }
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert_eq!((admission.figures().held, second.amount()), (1, 1));
        drop(second);
        let figures = admission.figures();
        assert_eq!((figures.held, figures.waiting, figures.owners), (0, 0, 0));
    }

    #[tokio::test]
    async fn a_future_that_is_dropped_leaves_the_queue() {
        let admission = admission(1, 1);
        let held = admission.try_take(who("a"), 1).unwrap();
        let mut left = Box::pin(admission.take(who("b"), 1));
        let mut next = Box::pin(admission.take(who("c"), 1));
        assert!(left.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(left);
        drop(held);
        assert!(next.now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_future_that_is_dropped_after_its_admission_passes_it_on() {
        let admission = admission(1, 1);
        let held = admission.try_take(who("a"), 1).unwrap();
        let mut left = Box::pin(admission.take(who("b"), 1));
        let mut next = Box::pin(admission.take_accepted(who("c"), 5));
        assert!(left.as_mut().now_or_never().is_none() && next.as_mut().now_or_never().is_none());
        drop(held);
        drop(left);
        assert_eq!(next.now_or_never().unwrap().amount(), 1);
        assert_eq!(admission.figures().held, 0);
    }

    #[test]
    fn a_permit_grows_within_the_bounds_and_shrinks_at_once() {
        let admission = admission(10, 6);
        let mut permit = admission.try_take(who("a"), 1).unwrap();
        assert_eq!(permit.resize(7), Err(Refusal::OwnShare));
        assert_eq!(permit.resize(6), Ok(()));
        let mut other = admission.try_take(who("b"), 4).unwrap();
        assert_eq!(other.resize(5), Err(Refusal::AllTaken));
        assert!(admission.is_scarce());
        permit.resize(2).unwrap();
        assert_eq!(other.resize(5), Ok(()));
        drop((permit, other));
        assert_eq!(admission.figures().held, 0);
    }

    #[tokio::test]
    async fn one_owner_that_waits_for_its_own_share_makes_nothing_scarce() {
        let admission = admission(4, 2);
        let _held = admission.try_take(who("a"), 2).unwrap();
        let mut own = Box::pin(admission.take(who("a"), 1));
        assert!(own.as_mut().now_or_never().is_none());
        assert!(!admission.is_scarce());
        let _other = admission.try_take(who("b"), 2).unwrap();
        assert!(admission.is_scarce());
    }

    #[tokio::test]
    async fn a_request_that_waits_too_long_learns_what_it_waited_for() {
        tokio::time::pause();
        let late = async |admission: &Admission, name: &'static str| {
            admission.take_within(who(name), 1, Duration::from_secs(10)).await.err()
        };
        let shared = admission(4, 2);
        let _held = shared.try_take(who("a"), 2).unwrap();
        assert_eq!(late(&shared, "a").await, Some(Refusal::OwnShare));
        let _others = [shared.try_take(who("b"), 1).unwrap(), shared.try_take(who("c"), 1).unwrap()];
        assert_eq!(late(&shared, "a").await, Some(Refusal::OwnShare));
        assert_eq!(late(&shared, "d").await, Some(Refusal::AllTaken));
        let figures = shared.figures();
        assert_eq!((figures.held, figures.waiting, figures.refused), (4, 0, 3));
        let alone = admission(2, 2);
        let _all = alone.try_take(who("a"), 2).unwrap();
        assert_eq!(late(&alone, "a").await, Some(Refusal::AllTaken));
    }

    #[test]
    fn what_is_there_counts_also_above_the_bounds() {
        let admission = admission(2, 1);
        let _resumed = admission.hold(who("a"), 5);
        assert!(admission.try_take(who("b"), 1).is_err());
        assert_eq!(admission.figures().held, 5);
    }
}
