//! Wall-clock time, for records and expiry. Timeouts use the runtime's clock instead, which tests can pause.

use std::time::{Duration, SystemTime};

use shared::Timestamp;

/// How long after its last change a file or folder counts as settled. A change within the resolution of the file
/// system's time stamps leaves its validator as it is: FAT counts in steps of two seconds, other file systems in
/// milliseconds.
const SETTLED_TIME: Duration = Duration::from_secs(3);

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

/// True if every change after `now` gives another validator than the one of a file that was modified at `modified`.
pub(super) fn is_settled(modified: Timestamp, now: Timestamp) -> bool {
    modified < before(now, SETTLED_TIME)
}
