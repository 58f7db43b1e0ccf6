//! How fast uploads go and how long they will take, smoothed so that the figures can be read.

/// A figure follows the truth with this time constant, in milliseconds.
const SMOOTHING_MILLISECONDS: f64 = 4_000.0;
/// Samples closer together than this say more about the timer than about the network.
const SAMPLE_MILLISECONDS: f64 = 250.0;
/// Nothing is said before so much was seen.
const WARM_UP_MILLISECONDS: f64 = 1_500.0;
/// A longer wait than this is no forecast.
const LEFT_SECONDS_MAX: f64 = 360_000.0;

/// The speed, as it is measured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Bytes per millisecond.
    rate: f64,
    /// How long it was measured.
    seen: f64,
    last: Option<(f64, u64)>,
}

impl Pace {
    /// Takes in that so many bytes were sent by then. Fewer than before, after a failure, are not a negative speed.
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
        // While there is little to smooth, the mean of all of it; the weight of a sample grows with its length.
        let weight = (elapsed / SMOOTHING_MILLISECONDS.min(self.seen + elapsed)).min(1.0);
        self.rate += (rate - self.rate) * weight;
        self.seen += elapsed;
        self.last = Some((now, bytes));
    }

    /// Nothing is being sent: what comes later is measured anew.
    pub fn rest(&mut self) {
        *self = Self::default();
    }

    /// Bytes per second, once that is known.
    pub fn bytes_per_second(&self) -> Option<u64> {
        (self.seen >= WARM_UP_MILLISECONDS && self.rate > 0.0).then_some((self.rate * 1_000.0) as u64)
    }

    /// How long `bytes` more will take, once that is known.
    pub fn left(&self, bytes: u64) -> Option<Left> {
        let seconds = bytes as f64 / self.bytes_per_second()?.max(1) as f64;
        (seconds < LEFT_SECONDS_MAX).then(|| Left::of(seconds))
    }
}

/// A time as people say it: only as exact as it deserves, and never less than a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Below a minute, in steps of 5 above 10.
    Seconds(u32),
    /// Below an hour.
    Minutes(u32),
    /// Hours, and minutes in steps of 5.
    Hours(u32, u32),
}

impl Left {
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

    /// In the units that English and French write alike.
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
    fn a_steady_speed_is_found_and_a_jump_is_followed_slowly() {
        let mut pace = Pace::default();
        for step in 0..40_u32 {
            pace.sample(f64::from(step) * 250.0, u64::from(step) * 250_000);
            assert_eq!(pace.bytes_per_second().is_some(), step >= 6, "{step}");
        }
        assert_eq!(pace.bytes_per_second(), Some(1_000_000));
        assert_eq!(pace.left(30_000_000), Some(Left::Seconds(30)));
        let before = 39 * 250_000;
        pace.sample(10_000.0, before + 2_500_000);
        let after = pace.bytes_per_second().unwrap();
        assert!((1_100_000..2_000_000).contains(&after), "{after}");
    }

    #[test]
    fn a_step_back_is_no_negative_speed() {
        let mut pace = Pace::default();
        for (now, bytes) in [(0.0, 0), (1_000.0, 5_000), (2_000.0, 1_000), (3_000.0, 1_000)] {
            pace.sample(now, bytes);
        }
        assert!(pace.bytes_per_second().unwrap() < 5_000);
        pace.rest();
        assert_eq!((pace.bytes_per_second(), pace.left(1)), (None, None));
    }

    #[test]
    fn times_are_as_exact_as_they_deserve() {
        let check = |seconds, text: &str| assert_eq!(Left::of(seconds).text().replace('\u{a0}', " "), text);
        check(0.1, "1 s");
        check(12.0, "15 s");
        check(56.0, "1 min");
        check(61.0, "2 min");
        check(3_590.0, "1 h");
        check(4_000.0, "1 h 10 min");
        assert_eq!(Pace { rate: 1e-6, seen: 1e4, last: None }.left(u64::MAX), None);
    }
}
