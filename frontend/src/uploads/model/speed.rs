//! The speed of uploads and the time they still need, smoothed so that the figures are readable.

/// Time constant of the exponential smoothing, in milliseconds.
const SMOOTHING_MILLISECONDS: f64 = 4_000.0;
/// Least time between samples, in milliseconds: closer ones measure the timer instead of the network.
const SAMPLE_MILLISECONDS: f64 = 250.0;
/// Least time measured before a figure is given, in milliseconds.
const WARM_UP_MILLISECONDS: f64 = 1_500.0;
/// Longest time that is given, in seconds: a longer one is no useful forecast.
const REMAINING_SECONDS_MAX: f64 = 360_000.0;

/// Measures the speed from samples of the number of bytes sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpeedMeter {
    /// Bytes per millisecond.
    rate: f64,
    /// Time measured so far, in milliseconds.
    measured: f64,
    last: Option<(f64, u64)>,
}

impl SpeedMeter {
    /// Adds a sample: `bytes` in total were sent by `now`, in milliseconds. Fewer than before, after a failure, count
    /// as no bytes.
    pub fn sample(&mut self, now: f64, bytes: u64) {
        let Some((then, before)) = self.last else {
            self.last = Some((now, bytes));
            return;
        };
        let elapsed = now - then;
        if elapsed < SAMPLE_MILLISECONDS {
            return;
        }
        let rate = bytes.saturating_sub(before) as f64 / elapsed;
        // Until there is a full time constant of samples, their mean, with each weighted by its length.
        let weight = (elapsed / SMOOTHING_MILLISECONDS.min(self.measured + elapsed)).min(1.0);
        self.rate += (rate - self.rate) * weight;
        self.measured += elapsed;
        self.last = Some((now, bytes));
    }

    /// Forgets all samples, when no upload is active.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Bytes per second. `None` before the warm-up ends.
    pub fn bytes_per_second(&self) -> Option<u64> {
        (self.measured >= WARM_UP_MILLISECONDS && self.rate > 0.0).then_some((self.rate * 1_000.0) as u64)
    }

    /// The time that `bytes` more will take. `None` before the warm-up ends, or if it is too long.
    pub fn remaining_time(&self, bytes: u64) -> Option<RemainingTime> {
        let seconds = bytes as f64 / self.bytes_per_second()?.max(1) as f64;
        (seconds < REMAINING_SECONDS_MAX).then(|| RemainingTime::of(seconds))
    }
}

/// A time rounded up to what its precision justifies: one second at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemainingTime {
    /// Below a minute; in steps of 5 above 10.
    Seconds(u32),
    /// Below an hour.
    Minutes(u32),
    /// Hours, and minutes in steps of 5.
    Hours(u32, u32),
}

impl RemainingTime {
    fn of(seconds: f64) -> Self {
        let seconds = (seconds.ceil() as u32).max(1);
        match seconds {
            0..=10 => Self::Seconds(seconds),
            11..=55 => Self::Seconds(seconds.div_ceil(5) * 5),
            56..=3_540 => Self::Minutes(seconds.div_ceil(60)),
            _ => {
                let minutes = seconds.div_ceil(300) * 5;
                Self::Hours(minutes / 60, minutes % 60)
            }
        }
    }

    /// The time with units that English and French share.
    pub fn text(self) -> String {
        match self {
            Self::Seconds(seconds) => format!("{seconds}\u{a0}s"),
            Self::Minutes(minutes) => format!("{minutes}\u{a0}min"),
            Self::Hours(hours, 0) => format!("{hours}\u{a0}h"),
            Self::Hours(hours, minutes) => format!("{hours}\u{a0}h\u{a0}{minutes}\u{a0}min"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_speed_is_measured_and_a_jump_is_smoothed() {
        let mut meter = SpeedMeter::default();
        for step in 0..40_u32 {
            meter.sample(f64::from(step) * 250.0, u64::from(step) * 250_000);
            assert_eq!(meter.bytes_per_second().is_some(), step >= 6, "{step}");
        }
        assert_eq!(meter.bytes_per_second(), Some(1_000_000));
        assert_eq!(meter.remaining_time(30_000_000), Some(RemainingTime::Seconds(30)));
        let before = 39 * 250_000;
        meter.sample(10_000.0, before + 2_500_000);
        let after = meter.bytes_per_second().unwrap();
        assert!((1_100_000..2_000_000).contains(&after), "{after}");
    }

    #[test]
    fn fewer_bytes_than_before_give_no_negative_speed() {
        let mut meter = SpeedMeter::default();
        for (now, bytes) in [(0.0, 0), (1_000.0, 5_000), (2_000.0, 1_000), (3_000.0, 1_000)] {
            meter.sample(now, bytes);
        }
        assert!(meter.bytes_per_second().unwrap() < 5_000);
        meter.reset();
        assert_eq!((meter.bytes_per_second(), meter.remaining_time(1)), (None, None));
    }

    #[test]
    fn remaining_times_are_rounded_up_to_readable_steps() {
        let check = |seconds, text: &str| assert_eq!(RemainingTime::of(seconds).text().replace('\u{a0}', " "), text);
        check(0.1, "1 s");
        check(12.0, "15 s");
        check(56.0, "1 min");
        check(61.0, "2 min");
        check(3_590.0, "1 h");
        check(4_000.0, "1 h 10 min");
        assert_eq!(SpeedMeter { rate: 1e-6, measured: 1e4, last: None }.remaining_time(u64::MAX), None);
    }
}
