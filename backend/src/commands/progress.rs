//! The progress line: files, bytes, rate and time left. Pure; [`Meter`] keeps the samples of the last few seconds.

use std::collections::VecDeque;
use std::time::Duration;

use shared::size;

/// How often the line is drawn.
pub(super) const DRAW_TIME: Duration = Duration::from_millis(200);
/// The period over which the rate is averaged.
const RATE_TIME: Duration = Duration::from_secs(5);

/// The counters of a transfer at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Snapshot {
    pub(super) elapsed: Duration,
    /// Files that are transferred, skipped or failed.
    pub(super) files: u64,
    pub(super) found_files: u64,
    /// Bytes that went over the network.
    pub(super) transferred: u64,
    /// Bytes transferred or skipped.
    pub(super) done: u64,
    /// Bytes of all files found so far.
    pub(super) found: u64,
    /// Whether no more files will be found.
    pub(super) found_all: bool,
}

/// Measures the rate over the last few seconds.
#[derive(Default, Debug)]
pub(super) struct Meter {
    samples: VecDeque<(Duration, u64)>,
}

impl Meter {
    /// Bytes per second over the last [`RATE_TIME`].
    pub(super) fn measure(&mut self, now: &Snapshot) -> f64 {
        self.samples.push_back((now.elapsed, now.transferred));
        while self.samples.len() > 2 && self.samples[0].0 + RATE_TIME < now.elapsed {
            self.samples.pop_front();
        }
        let (since, bytes) = self.samples[0];
        let (since, bytes) = if self.samples.len() == 1 { (Duration::ZERO, 0) } else { (since, bytes) };
        let seconds = now.elapsed.saturating_sub(since).as_secs_f64();
        if seconds > 0.0 { (now.transferred - bytes) as f64 / seconds } else { 0.0 }
    }
}

/// The line, at most 79 columns. Percentage and time left appear only after all files are found.
pub(super) fn progress_line(now: &Snapshot, bytes_per_second: f64) -> String {
    if !now.found_all && now.found_files == 0 {
        return "Counting…".to_owned();
    }
    let files = format!("{} of {} files", now.files, now.found_files);
    let bytes = format!("{} of {}", size::english(now.done), size::english(now.found));
    let rate = format!("{}/s", size::english(bytes_per_second as u64));
    if !now.found_all {
        return format!("{files} so far, {bytes}, {rate}");
    }
    let share = (now.done.min(now.found) * 100).checked_div(now.found).unwrap_or(100);
    let left = now.found.saturating_sub(now.done) as f64 / bytes_per_second;
    let left = if left.is_finite() { format!(", {} left", clock(left)) } else { String::new() };
    format!("{share:>3}% {files}, {bytes}, {rate}{left}")
}

fn clock(seconds: f64) -> String {
    // The cast saturates.
    let seconds = seconds.ceil() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours @ 1..100, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        (hours, ..) => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64, bytes: u64) -> Snapshot {
        let elapsed = Duration::from_secs(seconds);
        Snapshot {
            elapsed,
            files: 3,
            found_files: 12,
            transferred: bytes,
            done: bytes,
            found: 40_000_000,
            found_all: true,
        }
    }

    #[test]
    fn the_line_shows_progress_and_time_left() {
        let check = |now: &Snapshot, rate, expected: &str| assert_eq!(progress_line(now, rate), expected);
        let now = at(4, 10_000_000);
        check(&now, 2_500_000.0, " 25% 3 of 12 files, 10.0 MB of 40.0 MB, 2.5 MB/s, 0:12 left");
        check(&now, 0.0, " 25% 3 of 12 files, 10.0 MB of 40.0 MB, 0 B/s");
        check(&now, 1_000.0, " 25% 3 of 12 files, 10.0 MB of 40.0 MB, 1.0 kB/s, 8:20:00 left");
        let searching = Snapshot { found_all: false, ..now };
        check(&Snapshot { files: 0, found_files: 0, found: 0, done: 0, ..searching }, 0.0, "Counting…");
        check(&searching, 5e6, "3 of 12 files so far, 10.0 MB of 40.0 MB, 5.0 MB/s");
        check(&Snapshot { found: 0, done: 0, ..now }, 0.0, "100% 3 of 12 files, 0 B of 0 B, 0 B/s");
    }

    #[test]
    fn the_rate_covers_the_last_seconds() {
        let mut meter = Meter::default();
        assert_eq!(meter.measure(&at(2, 10)), 5.0);
        assert_eq!(meter.measure(&at(4, 30)), 10.0);
        for second in 5..20 {
            meter.measure(&at(second, 30));
        }
        assert_eq!(meter.measure(&at(20, 30)), 0.0);
    }
}
