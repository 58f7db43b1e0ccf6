//! Changes that the storage has reported and that are not events yet.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::limits::EVENTS_KEPT_MAX;
use tokio::sync::Notify;

use crate::storage::WatchEvent;

/// Changes that the storage has reported and that are not events yet.
#[derive(Default)]
pub(super) struct PendingEvents {
    changes: Mutex<Changes>,
    arrived: Notify,
}

/// What has changed.
#[derive(Default)]
pub(super) struct Changes {
    /// The entries with these names.
    pub(super) names: HashSet<Box<[u8]>>,
    /// More than is known by name.
    pub(super) everything: bool,
    /// The folder itself is gone.
    pub(super) gone: bool,
}

impl PendingEvents {
    /// Adds a report of the storage.
    pub(super) fn add(&self, notice: WatchEvent) {
        let mut changes = self.changes();
        match notice {
            WatchEvent::Name(name) if changes.names.len() < EVENTS_KEPT_MAX => drop(changes.names.insert(name)),
            WatchEvent::Name(_) | WatchEvent::Everything => changes.everything = true,
            WatchEvent::Gone => changes.gone = true,
        }
        drop(changes);
        self.arrived.notify_one();
    }

    /// Waits for a report.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes all changes.
    pub(super) fn take(&self) -> Changes {
        std::mem::take(&mut *self.changes())
    }

    /// The changes, which stay pending.
    pub(super) fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
