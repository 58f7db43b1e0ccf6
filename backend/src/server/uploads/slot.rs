//! An upload in memory, and its lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::server::records::uploads::UploadRecord;

/// An upload in memory.
pub(super) struct Slot {
    /// Locked by the request that works on the upload.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// What asks the newest request to leave.
    newest: Mutex<TakenOver>,
    /// The holder of the turn makes the upload a file.
    finishing: AtomicBool,
    state: Mutex<SlotState>,
}

/// Asks a request to leave an upload to newer ones.
#[derive(Clone, Default)]
pub(super) struct TakenOver {
    /// Cancelled once any newer request names the upload.
    pub(super) by_any: CancellationToken,
    /// Cancelled once a newer request wants to change or remove it: a request that asks for the file waits with others.
    pub(super) by_change: CancellationToken,
}

/// The state of an upload.
pub(super) struct SlotState {
    /// Its record, with what is not recorded yet.
    pub(super) record: UploadRecord,
    /// The end of the last request that worked on it.
    pub(super) used: Instant,
    /// It was given up.
    pub(super) gone: bool,
}

/// The lock of an upload. Work on other threads keeps a reference until it ends, whether or not a request still waits
/// for it.
pub(super) struct UploadLock {
    pub(super) slot: Arc<Slot>,
    pub(super) taken_over: TakenOver,
    _turn: OwnedMutexGuard<()>,
}

impl Slot {
    /// An upload with this record.
    pub(super) fn new(record: UploadRecord) -> Arc<Self> {
        let state = SlotState { record, used: Instant::now(), gone: false };
        Arc::new(Self {
            turn: Arc::default(),
            newest: Mutex::default(),
            finishing: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }

    /// The state.
    pub(super) fn state(&self) -> MutexGuard<'_, SlotState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True while the holder of the turn makes the upload a file.
    pub(super) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Relaxed)
    }

    /// Announces a request that wants the upload, and `changes` it unless it asks for the file: the older one is asked to
    /// leave. Gives what asks the caller in its turn.
    pub(super) fn take_over(&self, changes: bool) -> TakenOver {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).renew(changes)
    }
}

impl TakenOver {
    /// Asks the older requests to leave, and gives what asks a newer one that `changes` the upload or asks for the file.
    fn renew(&mut self, changes: bool) -> Self {
        std::mem::take(&mut self.by_any).cancel();
        if changes {
            std::mem::take(&mut self.by_change).cancel();
        }
        self.clone()
    }
}

impl SlotState {
    /// True for an unfinished upload that nothing has prolonged until `now`: no request continues it.
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.record.answer.is_none() && self.record.expires <= now
    }
}

impl UploadLock {
    /// The lock for the holder of `turn`.
    pub(super) fn new(slot: Arc<Slot>, taken_over: TakenOver, turn: OwnedMutexGuard<()>) -> Self {
        Self { slot, taken_over, _turn: turn }
    }

    /// The state of the upload.
    pub(super) fn state(&self) -> MutexGuard<'_, SlotState> {
        self.slot.state()
    }

    /// Tells requests that the upload is being made a file, until the lock is released.
    pub(super) fn begin_finishing(&self) {
        self.slot.finishing.store(true, Ordering::Relaxed);
    }

    /// A copy of its record.
    pub(super) fn record(&self) -> UploadRecord {
        self.state().record.clone()
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        self.slot.finishing.store(false, Ordering::Relaxed);
        self.state().used = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_ask_for_the_file_let_each_other_wait() {
        let mut newest = TakenOver::default();
        let put = newest.renew(true);
        let [commit, status] = [newest.renew(false), newest.renew(false)];
        assert!(put.by_any.is_cancelled() && !put.by_change.is_cancelled());
        assert!(commit.by_any.is_cancelled() && !commit.by_change.is_cancelled());
        assert!(!status.by_any.is_cancelled() && !status.by_change.is_cancelled());
        let abort = newest.renew(true);
        assert!(commit.by_change.is_cancelled() && status.by_change.is_cancelled());
        assert!(!abort.by_any.is_cancelled() && !abort.by_change.is_cancelled());
    }
}
