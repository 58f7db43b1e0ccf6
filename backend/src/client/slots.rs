//! The connections of one class: a limit, and those that idle.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::connection::Connection;
use super::pool_config::ClassStatus;

pub(super) struct Slots {
    max: usize,
    pub(super) permits: Arc<Semaphore>,
    /// Most recently used last. It is taken first, so that the others can exceed their idle time and be closed.
    idle: Mutex<Vec<Connection>>,
}

impl Slots {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, permits: Arc::new(Semaphore::new(max)), idle: Mutex::new(Vec::new()) })
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

    pub(super) fn status(&self) -> ClassStatus {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        ClassStatus { busy: self.max - self.permits.available_permits(), idle, max: self.max }
    }
}
