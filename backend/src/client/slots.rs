//! The connections of one class: a limit, and those that idle.

use std::sync::{Arc, Mutex, PoisonError};

use super::connection::Connection;
use super::pool_config::LaneStatus;
use crate::admission::{Admission, Bounds, share_of};

/// Most calls that wait for a connection of one class.
const WAITING_MAX: usize = 4096;
/// Connections that one owner may have at least, whatever its percentage: a call may need a second one for its end.
const OWN_CONNECTIONS_MIN: u64 = 4;

pub(super) struct Slots {
    pub(super) places: Admission,
    /// Most recently used last. It is taken first, so that the others can exceed their idle time and be closed.
    idle: Mutex<Vec<Connection>>,
}

impl Slots {
    /// At most `max` connections, of which one owner has at most `percent`.
    pub(super) fn new(max: usize, percent: u8) -> Arc<Self> {
        let all = max as u64;
        let waiting_one = share_of(WAITING_MAX as u64, percent, 1) as usize;
        let one = share_of(all, percent, OWN_CONNECTIONS_MIN);
        let places = Admission::new(Bounds { all, one, waiting_one, waiting_all: WAITING_MAX });
        Arc::new(Self { places, idle: Mutex::new(Vec::new()) })
    }

    /// Takes the idle connection that was used last.
    pub(super) fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Stores an idle connection, and closes those that exceed their idle time.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Sorted by last use, the oldest first.
        let now = connection.last_used;
        let old = idle.iter().take_while(|other| now.duration_since(other.last_used) >= other.idle_time).count();
        idle.drain(..old);
        idle.push(connection);
    }

    /// Closes all idle connections.
    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn status(&self) -> LaneStatus {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        let figures = self.places.figures();
        LaneStatus { busy: figures.held as usize, idle, figures }
    }
}
