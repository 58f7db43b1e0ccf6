//! How much a connection has sent, for a listener that watches its pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much a connection has sent.
#[derive(Debug, Default)]
pub struct SendProgress {
    bytes: AtomicU64,
    waits: AtomicBool,
    /// The present answer holds memory until it is sent.
    holds_memory: AtomicBool,
}

impl SendProgress {
    /// Notes that bytes wait until the peer takes some.
    pub fn begin(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }

    /// Notes that the peer, or the system's buffer for it, has taken bytes.
    pub fn end(&self, bytes: usize) {
        self.waits.store(false, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes that the present answer holds memory that others want, until the guard is dropped.
    pub fn hold_memory(self: &Arc<Self>) -> MemoryHeld {
        self.holds_memory.store(true, Ordering::Relaxed);
        MemoryHeld(Arc::clone(self))
    }

    /// Whether the present answer holds such memory.
    pub fn holds_memory(&self) -> bool {
        self.holds_memory.load(Ordering::Relaxed)
    }

    /// The bytes that were sent so far, if more of them wait for the peer.
    pub fn waiting(&self) -> Option<u64> {
        self.waits.load(Ordering::Relaxed).then(|| self.bytes.load(Ordering::Relaxed))
    }
}

/// An answer that holds memory; see [`SendProgress::hold_memory`].
#[derive(Debug)]
pub struct MemoryHeld(Arc<SendProgress>);

impl Drop for MemoryHeld {
    fn drop(&mut self) {
        self.0.holds_memory.store(false, Ordering::Relaxed);
    }
}
