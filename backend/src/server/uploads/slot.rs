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
    /// Cancelled once a newer request wants the upload.
    newest: Mutex<CancellationToken>,
    /// The holder of the turn makes the upload a file.
    finishing: AtomicBool,
    state: Mutex<SlotState>,
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
    /// Cancelled once a newer request wants the upload.
    pub(super) taken_over: CancellationToken,
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

    /// Announces a request that wants the upload: the older one is asked to leave. Gives the token by which a still
    /// newer one asks the caller.
    pub(super) fn take_over(&self) -> CancellationToken {
        let token = CancellationToken::new();
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *newest, token.clone()).cancel();
        token
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
    pub(super) fn new(slot: Arc<Slot>, taken_over: CancellationToken, turn: OwnedMutexGuard<()>) -> Self {
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
