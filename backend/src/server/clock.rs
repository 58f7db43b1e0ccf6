//! Wall-clock time, for records and expiry. Timeouts use the runtime's clock instead, which tests can pause.

use std::time::{Duration, SystemTime};

use shared::Timestamp;

/// The present moment; 1970 for a clock that is set earlier.
pub(super) fn now() -> Timestamp {
    after(Timestamp(0), SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// `moment` plus `time`.
pub(super) fn after(moment: Timestamp, time: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_add(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
}

/// `moment` minus `time`.
pub(super) fn before(moment: Timestamp, time: Duration) -> Timestamp {
    Timestamp(moment.0.saturating_sub(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)))
}
