//! How much a connection has sent, for a listener that watches its pace.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How much a connection has sent.
#[derive(Debug, Default)]
pub struct SendProgress {
    bytes: AtomicU64,
    waits: AtomicBool,
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

    /// The bytes that were sent so far, if more of them wait for the peer.
    pub fn waiting(&self) -> Option<u64> {
        self.waits.load(Ordering::Relaxed).then(|| self.bytes.load(Ordering::Relaxed))
    }
}
