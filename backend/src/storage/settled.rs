//! When a time stamp tells a state from every later one. Pure.

use std::time::Duration;

use shared::Timestamp;

/// Time after a modification until a further one gets another time stamp: FAT counts in steps of two seconds, other
/// file systems in some milliseconds. The third second allows for clocks that differ.
const SETTLED_TIME: Duration = Duration::from_secs(3);

/// Whether an entry that was modified at that time has a validator that differs from those of all later states. A clock
/// that is ahead of the file system's makes the state look older, one that is behind makes it look younger.
pub fn is_settled(modified: Timestamp, now: Timestamp) -> bool {
    i128::from(now.0) - i128::from(modified.0) > SETTLED_TIME.as_nanos() as i128
}
