//! Long work in turns: between two of them it gives its place back, so that the owner that holds least is next, and waits
//! without a thread.

use std::time::{Duration, Instant};

use shared::ErrorCode;
use tokio_util::sync::CancellationToken;

use super::blocking::blocking;
use crate::admission::Permit;
use crate::storage::StorageError;

/// How long a turn lasts, up to the end of a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct TurnLength {
    pub(super) bytes: u64,
    pub(super) time: Duration,
}

/// A turn of some work. It has at least one step.
pub(super) struct Turn {
    length: TurnLength,
    began: Instant,
    bytes: u64,
}

impl Turn {
    pub(super) fn begin(length: TurnLength, now: Instant) -> Self {
        Self { length, began: now, bytes: 0 }
    }

    /// Counts a step of so many bytes, which has ended `now`. True once the turn is over.
    pub(super) fn is_over_after(&mut self, bytes: u64, now: Instant) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.bytes >= self.length.bytes || now.saturating_duration_since(self.began) >= self.length.time
    }
}

/// How far some work came in its turn.
pub(super) enum Worked<W, D> {
    Unfinished(W),
    Done(D),
}

/// Runs work to its end, each turn on a thread that may block. `place` is given back after each turn and taken again
/// for the next; work without a place waits for no other owner. Dropping the future does not stop a turn that has
/// begun.
///
/// # Errors
/// Of `go_on`; [`ErrorCode::Canceled`] if it is cancelled between two turns; [`ErrorCode::Internal`] if a turn panics.
pub(super) async fn run_in_turns<W, D, E>(
    length: TurnLength,
    mut place: Option<Permit>,
    cancelled: CancellationToken,
    mut work: W,
    go_on: fn(W, Turn) -> Result<Worked<W, D>, E>,
) -> Result<D, E>
where
    W: Send + 'static,
    D: Send + 'static,
    E: From<StorageError> + Send + 'static,
{
    loop {
        let turn = blocking(move || {
            let worked = go_on(work, Turn::begin(length, Instant::now()))?;
            Ok::<_, E>((worked, place))
        });
        match turn.await? {
            (Worked::Done(done), _) => return Ok(done),
            (Worked::Unfinished(unfinished), held) => (work, place) = (unfinished, held),
        }
        place = match place {
            None => None,
            Some(held) => tokio::select! {
                biased;
                () = cancelled.cancelled() => {
                    return Err(StorageError::new(ErrorCode::Canceled, "the request ended while it waited").into());
                }
                next = held.wait_again() => Some(next),
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Admission, Bounds, Who};

    const LENGTH: TurnLength = TurnLength { bytes: 100, time: Duration::from_secs(10) };

    #[test]
    fn a_turn_ends_after_its_bytes_or_its_time() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut turn = Turn::begin(LENGTH, began);
        assert!(!turn.is_over_after(60, after(1)) && !turn.is_over_after(39, after(2)));
        assert!(turn.is_over_after(1, after(2)));
        let mut turn = Turn::begin(LENGTH, began);
        assert!(!turn.is_over_after(1, after(9)));
        assert!(turn.is_over_after(1, after(10)));
        // A clock that goes back.
        let mut turn = Turn::begin(LENGTH, after(1));
        assert!(!turn.is_over_after(1, began));
    }

    /// Work of so many steps of a whole turn each, and the places that are held meanwhile.
    struct Steps(u32);

    impl Steps {
        fn go_on(self, mut turn: Turn) -> Result<Worked<Self, &'static str>, StorageError> {
            assert!(turn.is_over_after(LENGTH.bytes, Instant::now()));
            Ok(if self.0 == 0 { Worked::Done("done") } else { Worked::Unfinished(Self(self.0 - 1)) })
        }
    }

    fn one_place() -> Admission {
        Admission::new(Bounds { all: 1, one: 1, waiting_one: 0, waiting_all: 0 })
    }

    #[tokio::test]
    async fn between_its_turns_work_lets_others_go_first() {
        let (places, cancelled) = (one_place(), CancellationToken::new());
        let (long, other) = (Who::client("192.0.2.1"), Who::client("192.0.2.2"));
        let place = places.try_take(long, 1).ok();
        let working = run_in_turns(LENGTH, place, cancelled.clone(), Steps(u32::MAX), Steps::go_on);
        let working = tokio::spawn(working);
        for _ in 0..10 {
            drop(places.take_accepted(other, 1).await);
        }
        let held = places.take_accepted(other, 1).await;
        // It waits, and ends without its place.
        cancelled.cancel();
        assert_eq!(working.await.unwrap().unwrap_err().code, ErrorCode::Canceled);
        drop(held);
        assert_eq!((places.figures().held, places.figures().waiting), (0, 0));
    }

    #[tokio::test]
    async fn work_ends_with_its_last_turn() {
        let places = one_place();
        for place in [None, places.try_take(Who::one(), 1).ok()] {
            let done = run_in_turns(LENGTH, place, CancellationToken::new(), Steps(5), Steps::go_on).await;
            assert_eq!(done.unwrap(), "done");
        }
        assert_eq!(places.figures().held, 0);
    }
}
