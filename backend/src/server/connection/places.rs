//! The places of one listener: for newcomers, whose handshake has not ended, and for clients that hold a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::limits::{LEAST_PACE_BYTES, LEAST_PACE_TIME};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::newcomers::{Newcomer, Newcomers};
use crate::admission::{Admission, Bounds, Keeps, LeastPace, Pace, Permit, Refusal, Who};
use crate::wire::SendProgress;

const LEAST_PACE: LeastPace = LeastPace { bytes: LEAST_PACE_BYTES, time: LEAST_PACE_TIME };

/// The places of one listener.
pub(super) struct Places {
    newcomers: Arc<Newcomers>,
    clients: Admission,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    last: u64,
    clients: HashMap<u64, Client>,
}

/// A client whose pace is watched.
struct Client {
    progress: Arc<SendProgress>,
    /// `None` while no answer waits for it.
    pace: Option<Pace>,
    too_slow: CancellationToken,
}

impl Places {
    /// Places for `connections_max` clients, of which one principal leaves a quarter to others.
    pub(super) fn new(connections_max: usize, newcomers: Newcomers) -> Arc<Self> {
        let all = connections_max as u64;
        let bounds = Bounds { all, one: all - all / 4, waiting_one: 0, waiting_all: 0 };
        Arc::new(Self { newcomers: Arc::new(newcomers), clients: Admission::new(bounds), watched: Mutex::default() })
    }

    /// True while a client could not get a place, so that its handshake would be in vain.
    pub(super) fn are_taken(&self) -> bool {
        let figures = self.clients.figures();
        figures.held >= figures.bounds.all
    }

    /// A place for the handshake.
    ///
    /// # Errors
    /// A [`Refusal`] if too many wait for one.
    pub(super) async fn enter(self: &Arc<Self>, who: Who) -> Result<Entered, Refusal> {
        let newcomer = Arc::clone(&self.newcomers).enter(who).await?;
        Ok(Entered { places: Arc::clone(self), newcomer, too_slow: CancellationToken::new() })
    }

    /// Ends the connections of clients that are slower than the least pace while places are scarce, or while `memory`
    /// is scarce and their answer holds some of it.
    pub(super) fn judge(&self, now: Instant, start: Instant, memory: &Admission) {
        let (is_scarce, now) = (self.clients.is_scarce(), now.duration_since(start));
        let is_memory_scarce = memory.is_scarce();
        for client in self.watched().clients.values_mut() {
            let Some(bytes) = client.progress.waiting() else {
                client.pace = None;
                continue;
            };
            let pace = client.pace.get_or_insert_with(|| Pace::new(LEAST_PACE, now, bytes));
            let is_scarce = is_scarce || is_memory_scarce && client.progress.holds_memory();
            if pace.judge(now, bytes, is_scarce) == Keeps::Nothing {
                client.too_slow.cancel();
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that has a place for its handshake.
pub(super) struct Entered {
    places: Arc<Places>,
    newcomer: Newcomer,
    /// Cancelled if the connection is to be ended because its peer takes too little.
    pub(super) too_slow: CancellationToken,
}

impl Entered {
    /// Waits until another connection gets this one's place for a handshake.
    pub(super) async fn displaced(&self) {
        self.newcomer.displaced().await;
    }

    /// The place of a client whose handshake has ended, until it is dropped.
    ///
    /// # Errors
    /// The newcomer, if the principal, or all principals together, have as many connections as they may. The caller
    /// keeps it while it closes the connection, so that connections that are being closed have a bound, too.
    pub(super) fn authenticated(self, principal: &str, progress: &Arc<SendProgress>) -> Result<ClientPlace, Newcomer> {
        let Ok(permit) = self.places.clients.try_take(Who::principal(principal.as_bytes()), 1) else {
            return Err(self.newcomer);
        };
        let number = {
            let mut watched = self.places.watched();
            watched.last += 1;
            let number = watched.last;
            let progress = Arc::clone(progress);
            watched.clients.insert(number, Client { progress, pace: None, too_slow: self.too_slow });
            number
        };
        Ok(ClientPlace { places: self.places, number, _permit: permit })
    }
}

/// The place of a client.
pub(super) struct ClientPlace {
    places: Arc<Places>,
    number: u64,
    _permit: Permit,
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        self.places.watched().clients.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_above_its_share_has_the_place_of_a_newcomer_until_it_is_closed() {
        let places = Places::new(4, Newcomers::of_one());
        let mut clients = Vec::new();
        let mut closing = Vec::new();
        for _ in 0..5 {
            let entered = places.enter(Who::one()).await.unwrap_or_else(|_| panic!("refused"));
            match entered.authenticated("k:1", &Arc::default()) {
                Ok(place) => clients.push(place),
                Err(newcomer) => closing.push(newcomer),
            }
        }
        assert_eq!((clients.len(), closing.len(), places.newcomers.count()), (3, 2, 2));
        assert!(!places.are_taken());
        drop(closing);
        assert_eq!(places.newcomers.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_loses_memory_that_is_scarce() {
        let places = Places::new(8, Newcomers::of_one());
        let memory = Admission::new(Bounds { all: 4, one: 4, waiting_one: 0, waiting_all: 0 });
        let (mut kept, mut ends) = (Vec::new(), Vec::new());
        for holds_memory in [true, false] {
            let entered = places.enter(Who::one()).await.unwrap_or_else(|_| panic!("refused"));
            ends.push(entered.too_slow.clone());
            let progress = Arc::default();
            let place = entered.authenticated("k:1", &progress).unwrap_or_else(|_| panic!("refused"));
            progress.begin();
            kept.push((place, holds_memory.then(|| progress.hold_memory())));
        }
        let start = Instant::now();
        let ended = |times: u32| {
            places.judge(start + LEAST_PACE_TIME * times, start, &memory);
            ends.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>()
        };
        assert_eq!((ended(0), ended(1)), (vec![false, false], vec![false, false]));
        let _all = memory.try_take(Who::client("a"), 4).unwrap();
        assert_eq!(ended(2), [true, false]);
    }
}
