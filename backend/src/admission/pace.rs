//! Whether a peer that takes little of its answer keeps its place. Pure: the caller brings the time.

use std::time::Duration;

/// The least pace of a peer that an answer waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LeastPace {
    /// Bytes that it takes at least in [`LeastPace::time`].
    pub bytes: u64,
    /// How long it is watched before it is judged.
    pub time: Duration,
}

/// Whether a peer keeps its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keeps {
    /// It does, and is judged again after this time.
    For(Duration),
    /// It is slower than the least pace, and places are scarce.
    Nothing,
}

/// The pace of one peer while an answer waits for it.
#[derive(Debug)]
pub struct Pace {
    least: LeastPace,
    since: Duration,
    bytes: u64,
}

impl Pace {
    /// The pace from `now` on, which is a time since any fixed moment, of a peer that has taken `bytes` so far.
    pub fn new(least: LeastPace, now: Duration, bytes: u64) -> Self {
        Self { least, since: now, bytes }
    }

    /// Judges the peer, which has taken `bytes` until `now`. A peer is watched for the whole time, so that a pause of a
    /// fast one costs it nothing, and loses its place only while places are scarce.
    pub fn judge(&mut self, now: Duration, bytes: u64, is_scarce: bool) -> Keeps {
        let watched = now.saturating_sub(self.since);
        if bytes.saturating_sub(self.bytes) >= self.least.bytes {
            *self = Self { since: now, bytes, ..*self };
            return Keeps::For(self.least.time);
        }
        match self.least.time.checked_sub(watched).filter(|left| !left.is_zero()) {
            Some(left) => Keeps::For(left),
            None if is_scarce => Keeps::Nothing,
            // Places may become scarce at any time; it is too slow already.
            None => Keeps::For(self.least.time / 4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: LeastPace = LeastPace { bytes: 1000, time: Duration::from_secs(10) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_peer_that_takes_nothing_keeps_its_place_while_there_are_others() {
        let mut pace = Pace::new(LEAST, seconds(0), 500);
        assert_eq!(pace.judge(seconds(4), 500, true), Keeps::For(seconds(6)));
        assert_eq!(pace.judge(seconds(10), 1499, false), Keeps::For(Duration::from_millis(2500)));
        assert_eq!(pace.judge(seconds(13), 1499, true), Keeps::Nothing);
    }

    #[test]
    fn a_peer_that_goes_on_is_watched_anew() {
        let mut pace = Pace::new(LEAST, seconds(0), 0);
        assert_eq!(pace.judge(seconds(10), 1000, true), Keeps::For(seconds(10)));
        assert_eq!(pace.judge(seconds(19), 1000, true), Keeps::For(seconds(1)));
        assert_eq!(pace.judge(seconds(20), 1999, true), Keeps::Nothing);
    }
}
