//! Whether the wall clock may decide that something has expired. A clock that was wrong for seconds, at the start of a
//! machine without a battery or by mistake, would otherwise remove for ever what should have stayed for weeks. Pure.

use std::time::Duration;

use shared::Timestamp;

/// Most that wall clock and monotonic clock may drift apart, in nanoseconds: NTP corrects less than this without a jump.
const DRIFT_NANOSECONDS_MAX: u64 = 60_000_000_000;

/// Trusts the wall clock once it has run as evenly as the monotonic clock for a while.
pub(super) struct ClockTrust {
    /// How long an even run must last before the clock is trusted.
    needed: Duration,
    /// When the present even run began.
    since: Option<Reading>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy)]
struct Reading {
    /// The monotonic clock, from the start of the process.
    uptime: Duration,
    wall: Timestamp,
}

/// What a reading says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trust {
    /// The wall clock may be trusted.
    Trusted,
    /// It has not run for long enough.
    Waiting,
    /// It has jumped since the last readings: the wait begins again.
    Jumped,
}

impl ClockTrust {
    /// Trust in a clock that begins after it has run evenly for `needed`.
    pub(super) fn new(needed: Duration) -> Self {
        Self { needed, since: None }
    }

    /// Takes a reading of the monotonic clock (since the start of the process) and the wall clock. The process has to
    /// take one at least as often as it wants to trust the clock.
    pub(super) fn read(&mut self, uptime: Duration, wall: Timestamp) -> Trust {
        let now = Reading { uptime, wall };
        let since = *self.since.get_or_insert(now);
        if now.drift_from(since) > DRIFT_NANOSECONDS_MAX {
            self.since = Some(now);
            return Trust::Jumped;
        }
        if uptime.saturating_sub(since.uptime) >= self.needed { Trust::Trusted } else { Trust::Waiting }
    }
}

impl Reading {
    /// By how much more or less the wall clock has advanced than the monotonic one, in nanoseconds.
    fn drift_from(self, since: Self) -> u64 {
        let monotonic = i128::try_from(self.uptime.as_nanos()).unwrap_or(i128::MAX)
            - i128::try_from(since.uptime.as_nanos()).unwrap_or(i128::MAX);
        let wall = i128::from(self.wall.0) - i128::from(since.wall.0);
        u64::try_from((wall - monotonic).unsigned_abs()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Trust::{Jumped, Trusted, Waiting};
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    /// 2026-01-01.
    const STARTED: i64 = 1_767_225_600 * SECOND;

    /// The trust at each reading: the uptime in seconds, and by how many seconds the wall clock is wrong.
    #[track_caller]
    fn check(readings: &[(u64, i64, Trust)]) {
        let mut trust = ClockTrust::new(Duration::from_secs(3600));
        for &(uptime, wrong, expected) in readings {
            let wall = STARTED + (i64::try_from(uptime).unwrap() + wrong) * SECOND;
            let found = trust.read(Duration::from_secs(uptime), Timestamp(wall));
            assert_eq!(found, expected, "after {uptime} s, wrong by {wrong} s");
        }
    }

    #[test]
    fn an_even_clock_is_trusted_after_an_hour() {
        check(&[(5, 0, Waiting), (60, 0, Waiting), (3604, 0, Waiting), (3605, 0, Trusted), (90_000, 0, Trusted)]);
    }

    #[test]
    fn small_corrections_are_no_jump() {
        check(&[(0, 0, Waiting), (1800, 40, Waiting), (3600, 60, Trusted), (3660, -60, Trusted)]);
    }

    #[test]
    fn a_clock_that_was_wrong_for_seconds_waits_again() {
        let year = 365 * 86_400;
        // Set to the future and back.
        check(&[(0, 0, Waiting), (3600, 0, Trusted), (3660, year, Jumped), (3720, 0, Jumped), (3780, 0, Waiting)]);
        check(&[(0, year, Waiting), (30, 0, Jumped), (3600, 0, Waiting), (3630, 0, Trusted)]);
        // A clock of 1970 that is corrected.
        check(&[(0, -50 * year, Waiting), (10, 0, Jumped), (3609, 0, Waiting), (3610, 0, Trusted)]);
    }

    #[test]
    fn a_machine_that_slept_waits_again() {
        // The monotonic clock stands still during sleep.
        check(&[(0, 0, Waiting), (3600, 0, Trusted), (3660, 28_800, Jumped), (7260, 28_800, Trusted)]);
    }

    #[test]
    fn a_wait_of_nothing_trusts_the_first_reading() {
        let mut trust = ClockTrust::new(Duration::ZERO);
        assert_eq!(trust.read(Duration::ZERO, Timestamp(0)), Trusted);
        assert_eq!(trust.read(Duration::ZERO, Timestamp(i64::MAX)), Jumped);
        assert_eq!(trust.read(Duration::ZERO, Timestamp(i64::MIN)), Jumped);
    }
}
