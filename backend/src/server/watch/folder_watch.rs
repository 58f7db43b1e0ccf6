//! The latest events of one watched folder, and its subscribers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::{Event, EventId, EventKind};
use tokio::sync::watch;
use tokio::time::Instant;

use super::ring::Ring;
use crate::random::random_bytes;
use crate::storage::StorageError;

/// The latest events of one watched folder.
pub(super) struct FolderWatch {
    ring: Mutex<Ring>,
    /// The number of the last event.
    latest: watch::Sender<u64>,
    /// When the last subscriber came or left.
    used: Mutex<Instant>,
}

/// A position in the events of a folder.
pub(super) struct Subscription {
    watch: Arc<FolderWatch>,
    latest: watch::Receiver<u64>,
    /// The number of the last event that was taken.
    place: u64,
    /// Events that come before all others.
    first: Vec<Event>,
}

impl FolderWatch {
    /// Without events yet.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`](shared::ErrorCode::Internal) if the system gives no random bytes.
    pub(super) fn new() -> Result<Self, StorageError> {
        let epoch = random_bytes()?;
        let ring = Mutex::new(Ring::new(u64::from_le_bytes(epoch)));
        Ok(Self { ring, latest: watch::Sender::new(0), used: Mutex::new(Instant::now()) })
    }

    /// Subscribes to the events from now on, or from behind `after`.
    pub(super) fn subscribe(self: &Arc<Self>, after: Option<EventId>) -> Subscription {
        self.set_used();
        let ring = self.ring();
        let place = after.and_then(|after| ring.place_after(after));
        let resync = (after.is_some() && place.is_none()).then(|| ring.resync());
        let place = place.unwrap_or(ring.last());
        let ready = Event { id: ring.id(place), kind: EventKind::Ready };
        drop(ring);
        let first = [Some(ready), resync].into_iter().flatten().collect();
        Subscription { watch: Arc::clone(self), latest: self.latest.subscribe(), place, first }
    }

    /// When the last subscriber came or left.
    pub(super) fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_used(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether there are subscribers.
    pub(super) fn has_subscribers(&self) -> bool {
        self.latest.receiver_count() > 0
    }

    /// True once the folder is gone.
    pub(super) fn is_gone(&self) -> bool {
        let ring = self.ring();
        ring.last() > 0 && ring.after(ring.last() - 1).iter().any(|event| event.kind == EventKind::Gone)
    }

    /// Adds events.
    pub(super) fn push(&self, kinds: Vec<EventKind>) {
        if kinds.is_empty() {
            return;
        }
        let mut ring = self.ring();
        kinds.into_iter().for_each(|kind| ring.push(kind));
        let last = ring.last();
        drop(ring);
        self.latest.send_replace(last);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.watch.set_used();
    }
}

impl Subscription {
    /// The events since the last call.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.first);
        self.latest.borrow_and_update();
        events.extend(self.watch.ring().after(self.place));
        self.place = events.last().map_or(self.place, |event| event.id.sequence.max(self.place));
        events
    }

    /// Waits for an event.
    pub(super) async fn changed(&mut self) {
        // Fails without a sender only, which is part of `watch`.
        let _ = self.latest.changed().await;
    }
}
