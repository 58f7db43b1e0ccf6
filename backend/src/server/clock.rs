//! The time of day, for what is written down with it. Whoever waits uses the runtime's clock instead.

use std::time::{Duration, SystemTime};

use shared::Timestamp;

/// The present moment.
pub(super) fn now() -> Timestamp {
    // A clock before 1970 is broken; 1970 will do for it.
    after(Timestamp(0), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// So long after that moment.
pub(super) fn after(moment: Timestamp, time: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_add(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
}

/// So long before that moment.
pub(super) fn before(moment: Timestamp, time: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_sub(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
}
