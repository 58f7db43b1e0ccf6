//! [`Phase`]: whether a connection reads headers, answers a request, or is idle. The timeouts depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// The phase of a connection. The request's handler sets it, and the stream and its timeouts read it.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<State>);

#[derive(Default)]
struct State {
    phase: AtomicU8,
    /// Set by each request; cleared by [`Phase::is_quiet`].
    requested: AtomicBool,
    /// A write waits for the peer to accept bytes.
    blocked: AtomicBool,
}

const HEADERS: u8 = 0;
const ANSWER: u8 = 1;
const IDLE: u8 = 2;

impl Phase {
    /// The headers of a request are complete.
    pub(super) fn answering(&self) {
        self.set(ANSWER);
        self.0.requested.store(true, Ordering::Relaxed);
    }

    /// An answer is complete; the next request may start.
    pub(super) fn idle(&self) {
        self.set(IDLE);
    }

    /// True if nothing is being read, answered or written, and no request came since the last call.
    pub(super) fn is_quiet(&self) -> bool {
        let requested = self.0.requested.swap(false, Ordering::Relaxed);
        !requested && self.get() == IDLE && !self.0.blocked.load(Ordering::Relaxed)
    }

    /// The first byte of a request's headers has arrived.
    pub(super) fn headers(&self) {
        self.set(HEADERS);
    }

    pub(super) fn is_headers(&self) -> bool {
        self.get() == HEADERS
    }

    pub(super) fn is_idle(&self) -> bool {
        self.get() == IDLE
    }

    /// Whether a write waits for the peer.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.0.blocked.store(blocked, Ordering::Relaxed);
    }

    fn get(&self) -> u8 {
        self.0.phase.load(Ordering::Relaxed)
    }

    fn set(&self, phase: u8) {
        self.0.phase.store(phase, Ordering::Relaxed);
    }
}

/// Keeps the connection's phase at "answering" until the last clone is dropped. The body of the answer holds one, and
/// so does a request body that is still being read.
#[derive(Clone)]
pub(super) struct RequestGuard(#[expect(dead_code, reason = "only its drop matters")] Arc<OnDrop>);

struct OnDrop(Phase);

impl RequestGuard {
    pub(super) fn new(phase: Phase) -> Self {
        Self(Arc::new(OnDrop(phase)))
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.idle();
    }
}
