//! How many files and connections this process may have open at a time. Systems begin with few (1024 on most Linux, 256
//! on macOS), for the sake of programs that keep them in a fixed table, and let everybody have more who asks.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

/// Most that is asked for: a download holds three (the client's connection, the file, and the file as it is lent, or the
/// connection to the file server), so this is more than [`crate::gateway::GatewayConfig::connections_max`] needs where
/// nothing else is said. macOS refuses more than it has in `OPEN_MAX`, which is a little less than that.
const OPEN_MAX: u64 = if cfg!(target_vendor = "apple") { 10_240 } else { 65_536 };

/// Asks for as many as the system lets this process have, up to [`OPEN_MAX`].
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let Some(wanted) = wanted(limit.current, limit.maximum) else { return };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => debug!(before = limit.current, now = wanted, "more files may be open at a time"),
        Err(error) => warn!(%error, "no more than {:?} files may be open at a time", limit.current),
    }
}

/// The limit to be set where it is higher than the present one; none stands for no limit.
fn wanted(current: Option<u64>, maximum: Option<u64>) -> Option<u64> {
    let wanted = maximum.map_or(OPEN_MAX, |maximum| maximum.min(OPEN_MAX));
    current.is_some_and(|current| current < wanted).then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_only_ever_raised() {
        assert_eq!(wanted(Some(1024), Some(4096)), Some(4096));
        assert_eq!(wanted(Some(256), None), Some(OPEN_MAX));
        assert_eq!(wanted(Some(1024), Some(1 << 30)), Some(OPEN_MAX));
        assert_eq!(wanted(Some(4096), Some(4096)), None);
        assert_eq!(wanted(Some(1 << 20), Some(1 << 30)), None);
        assert_eq!(wanted(None, None), None);
    }
}
