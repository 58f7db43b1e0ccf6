//! The limit of open files and connections of this process (`RLIMIT_NOFILE`). Systems start a process with a low soft
//! limit (1024 on most Linux, 256 on macOS), because `select(2)` handles no more, and let it raise the limit itself.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

/// The limit to ask for. A download holds three descriptors (the client's connection, the file, and its duplicate in
/// the gateway or the connection to the file server), so this is more than the default of
/// [`crate::gateway::GatewayConfig::connections_max`] needs. macOS refuses more than its `OPEN_MAX`, which is lower.
const OPEN_MAX: u64 = if cfg!(target_vendor = "apple") { 10_240 } else { 65_536 };

/// Raises the soft limit to the hard limit, at most to [`OPEN_MAX`].
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let Some(wanted) = wanted(limit.current, limit.maximum) else { return };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }) {
        Ok(()) => debug!(before = limit.current, now = wanted, "raised the limit of open files"),
        Err(error) => warn!(%error, limit = limit.current, "the limit of open files stays low"),
    }
}

/// The soft limit to set. `None` if the current one is high enough already; as an argument, `None` means no limit.
fn wanted(current: Option<u64>, maximum: Option<u64>) -> Option<u64> {
    let wanted = maximum.map_or(OPEN_MAX, |maximum| maximum.min(OPEN_MAX));
    current.is_some_and(|current| current < wanted).then_some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_never_lowered() {
        assert_eq!(wanted(Some(1024), Some(4096)), Some(4096));
        assert_eq!(wanted(Some(256), None), Some(OPEN_MAX));
        assert_eq!(wanted(Some(1024), Some(1 << 30)), Some(OPEN_MAX));
        assert_eq!(wanted(Some(4096), Some(4096)), None);
        assert_eq!(wanted(Some(1 << 20), Some(1 << 30)), None);
        assert_eq!(wanted(None, None), None);
    }
}
