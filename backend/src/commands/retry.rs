//! When to ask a server again that could not be reached. Pure: the caller waits.

use std::time::Duration;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Exponential backoff, with a maximum of attempts in a row that make no progress.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    retries_max: u32,
    failed: u32,
}

impl Backoff {
    pub(super) fn new(retries_max: u32) -> Self {
        Self { retries_max, failed: 0 }
    }

    /// Starts over: the server has answered.
    pub(super) fn progress(&mut self) {
        self.failed = 0;
    }

    /// How long to wait before the next attempt, at least the server's `hint` within [`LONGEST_WAIT`]. `None` after the
    /// last attempt.
    pub(super) fn next(&mut self, hint: Option<Duration>) -> Option<Duration> {
        if self.failed >= self.retries_max {
            return None;
        }
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failed));
        self.failed += 1;
        Some(doubled.max(hint.unwrap_or_default()).min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_maximum_and_end() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None)).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 8000]);
        backoff.progress();
        assert_eq!(backoff.next(Some(Duration::from_secs(1))), Some(Duration::from_secs(1)));
        assert_eq!(backoff.next(Some(Duration::from_secs(60))), Some(LONGEST_WAIT));
        assert_eq!(Backoff::new(0).next(None), None);
    }
}
