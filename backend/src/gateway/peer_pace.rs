//! [`PeerPace`]: ends the transfer of a peer that is slower than the least pace while places are scarce, so that sockets
//! which read nothing do not keep all places from other clients.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::admission::{Keeps, LeastPace, Pace};

/// The least pace, and when it counts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PaceRule {
    least: LeastPace,
    is_scarce: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl PaceRule {
    pub(crate) fn new(least: LeastPace, is_scarce: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { least, is_scarce: Arc::new(is_scarce) }
    }
}

/// The pace of one peer. Only the time counts in which a transfer waits for the peer.
pub(crate) struct PeerPace {
    rule: PaceRule,
    pace: Pace,
    /// How long transfers have waited for the peer, without the present wait.
    waited: Duration,
    /// When the present wait began.
    since: Option<Instant>,
    /// After how much waiting the peer is judged.
    due: Duration,
}

impl PeerPace {
    /// The pace of a peer that has taken or sent `bytes` before the first wait.
    pub(crate) fn new(rule: &PaceRule, bytes: u64) -> Self {
        let (pace, due) = (Pace::new(rule.least, Duration::ZERO, bytes), rule.least.time);
        Self { rule: rule.clone(), pace, waited: Duration::ZERO, since: None, due }
    }

    /// The transfer waits for the peer. Returns when it is to be judged.
    pub(crate) fn wait(&mut self) -> Instant {
        *self.since.get_or_insert_with(Instant::now) + self.due.saturating_sub(self.waited)
    }

    /// The last wait was given up, and the transfer did something else since.
    pub(crate) fn forget_wait(&mut self) {
        self.since = None;
    }

    /// The transfer no longer waits.
    pub(crate) fn go_on(&mut self) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Whether the transfer is to end: the peer has taken or sent `bytes` so far. To be asked when [`PeerPace::wait`] says.
    pub(crate) fn is_over(&mut self, bytes: u64) -> bool {
        let waited = self.waited + self.since.map_or(Duration::ZERO, |since| since.elapsed());
        if waited < self.due {
            return false;
        }
        match self.pace.judge(waited, bytes, (self.rule.is_scarce)()) {
            Keeps::For(time) => {
                self.due = waited + time;
                false
            }
            Keeps::Nothing => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::time::{advance, pause};

    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    fn pace() -> (PeerPace, Arc<AtomicBool>) {
        let scarce = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&scarce);
        let rule = PaceRule::new(LeastPace { bytes: 1000, time: TIME }, move || seen.load(Ordering::Relaxed));
        (PeerPace::new(&rule, 0), scarce)
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_keeps_its_place_until_places_are_scarce() {
        pause();
        let (mut pace, scarce) = pace();
        assert_eq!(pace.wait(), Instant::now() + TIME);
        advance(TIME).await;
        assert!(!pace.is_over(999));
        assert_eq!(pace.wait(), Instant::now() + TIME / 4);
        scarce.store(true, Ordering::Relaxed);
        advance(TIME / 4).await;
        assert!(pace.is_over(999));
    }

    #[tokio::test]
    async fn time_in_which_the_peer_waits_does_not_count() {
        pause();
        let (mut pace, scarce) = pace();
        scarce.store(true, Ordering::Relaxed);
        pace.wait();
        advance(TIME / 2).await;
        pace.go_on();
        advance(10 * TIME).await;
        assert!(!pace.is_over(0));
        assert_eq!(pace.wait(), Instant::now() + TIME / 2);
        advance(TIME / 2).await;
        assert!(pace.is_over(0));
    }

    #[tokio::test]
    async fn a_slow_peer_that_goes_on_keeps_its_place() {
        pause();
        let (mut pace, scarce) = pace();
        scarce.store(true, Ordering::Relaxed);
        for round in 1..100 {
            pace.wait();
            advance(TIME).await;
            assert!(!pace.is_over(round * 1000));
            pace.go_on();
        }
    }
}
