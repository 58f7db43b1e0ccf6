//! A token bucket, kept as the moment at which it is full (the generic cell rate algorithm, ITU-T I.371). Pure.

use std::time::Duration;

/// How many attempts at once, and how often one afterwards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rate {
    /// Attempts of a full bucket.
    pub(super) burst: u32,
    /// Time in which one attempt comes back.
    pub(super) interval: Duration,
}

impl Rate {
    /// How long an attempt has to wait at `now`, on a bucket that is full at `full_at`. `None` if it need not.
    pub(super) fn wait(self, full_at: Duration, now: Duration) -> Option<Duration> {
        let room = self.interval * (self.burst - 1);
        let wait = full_at.saturating_sub(now).saturating_sub(room);
        (!wait.is_zero()).then_some(wait)
    }

    /// When the bucket is full after one more attempt at `now`.
    pub(super) fn after(self, full_at: Duration, now: Duration) -> Duration {
        full_at.max(now) + self.interval
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Counts attempts in every window.
        #[test]
        fn no_window_has_more_attempts_than_the_rate(
            burst in 1..12_u32, interval in 1..50_u64, gaps in proptest::collection::vec(0..40_u64, 1..200)
        ) {
            let rate = Rate { burst, interval: Duration::from_secs(interval) };
            let (mut now, mut full_at, mut passed) = (0, Duration::ZERO, Vec::new());
            for gap in gaps {
                now += gap;
                let moment = Duration::from_secs(now);
                match rate.wait(full_at, moment) {
                    None => {
                        full_at = rate.after(full_at, moment);
                        passed.push(now);
                    }
                    // Who waits as long as this passes.
                    Some(wait) => prop_assert_eq!(rate.wait(full_at, moment + wait), None),
                }
            }
            for (index, from) in passed.iter().enumerate() {
                for (more, to) in passed[index..].iter().enumerate() {
                    prop_assert!((more as u64) < u64::from(burst) + (to - from) / interval);
                }
            }
        }
    }
}
