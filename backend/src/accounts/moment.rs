//! Moments of accounts, to the second, as the database has them.

use std::time::{Duration, SystemTime};

use super::store::Value;

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Moment(pub i64);

impl Moment {
    /// The present moment of the wall clock; 1970 for a clock that is set earlier.
    pub fn now() -> Self {
        Self(0).after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    /// This moment plus a time, of which parts of a second are left out.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(time.as_secs()).unwrap_or(i64::MAX)))
    }
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        moment.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_do_not_overflow() {
        assert_eq!(Moment(5).after(Duration::from_millis(2_900)), Moment(7));
        assert_eq!(Moment(i64::MAX).after(Duration::MAX), Moment(i64::MAX));
        assert!(Moment::now() > Moment(1_700_000_000));
    }
}
