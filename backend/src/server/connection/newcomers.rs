//! Connections whose handshake has not ended. A handshake takes milliseconds, so while all places are taken, the oldest
//! of these connections gives up its place to a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::limits::{NEWCOMERS_MAX, NEWCOMERS_OF_ONE_MAX};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::admission::{Admission, Bounds, Permit, Refusal, Who};

/// How long a newcomer keeps its place at least: enough for a handshake with a busy server.
const KEPT_TIME: Duration = Duration::from_millis(250);

/// The newcomers of one listener.
pub(super) struct Newcomers {
    places: Admission,
    /// By age.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    last: u64,
    newcomers: BTreeMap<u64, Place>,
}

struct Place {
    who: Who,
    since: Instant,
    displaced: CancellationToken,
}

/// A connection that has a place for its handshake, until it is dropped.
pub(super) struct Newcomer {
    newcomers: Arc<Newcomers>,
    number: u64,
    displaced: CancellationToken,
    _permit: Permit,
}

impl Newcomers {
    /// Of a listener whose peers have addresses.
    pub(super) fn by_address() -> Self {
        Self::new(NEWCOMERS_MAX, NEWCOMERS_OF_ONE_MAX)
    }

    /// Of a listener that only one user reaches, or only this process.
    pub(super) fn of_one() -> Self {
        Self::new(NEWCOMERS_MAX, NEWCOMERS_MAX)
    }

    fn new(all: u64, one: u64) -> Self {
        let waiting = |places: u64| usize::try_from(places).unwrap_or(usize::MAX);
        let bounds = Bounds { all, one, waiting_one: waiting(one), waiting_all: waiting(all) };
        Self { places: Admission::new(bounds), known: Mutex::default() }
    }

    /// A place, once another newcomer leaves one or is displaced.
    ///
    /// # Errors
    /// A [`Refusal`] if too many wait.
    pub(super) async fn enter(self: Arc<Self>, who: Who) -> Result<Newcomer, Refusal> {
        let permit = match self.places.try_take(who, 1) {
            Ok(permit) => permit,
            Err(refusal) => self.displace_until_admitted(who, refusal).await?,
        };
        let displaced = CancellationToken::new();
        let number = {
            let mut known = self.known();
            known.last += 1;
            let number = known.last;
            known.newcomers.insert(number, Place { who, since: Instant::now(), displaced: displaced.clone() });
            number
        };
        Ok(Newcomer { newcomers: self, number, displaced, _permit: permit })
    }

    async fn displace_until_admitted(&self, who: Who, refusal: Refusal) -> Result<Permit, Refusal> {
        let turn = self.places.take(who, 1);
        tokio::pin!(turn);
        loop {
            self.displace_oldest(|place| refusal != Refusal::OwnShare || place.who == who);
            if let Ok(admitted) = timeout(KEPT_TIME, turn.as_mut()).await {
                return admitted;
            }
        }
    }

    /// Displaces the oldest newcomer for which `of` is true, unless it has had its place for less than [`KEPT_TIME`].
    fn displace_oldest(&self, of: impl Fn(&Place) -> bool) {
        let mut known = self.known();
        let Some((&number, place)) = known.newcomers.iter().find(|(_, place)| of(place)) else { return };
        if place.since.elapsed() >= KEPT_TIME {
            place.displaced.cancel();
            known.newcomers.remove(&number);
        }
    }

    /// How many have a place.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.known().newcomers.len()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newcomer {
    /// Waits until it has to leave.
    pub(super) async fn displaced(&self) {
        self.displaced.cancelled().await;
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.newcomers.known().newcomers.remove(&self.number);
    }
}
