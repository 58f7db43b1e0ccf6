//! [`Phase`]: whether a connection reads headers, answers a request, or is idle. The timeouts depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// Where a connection is, as far as its pace goes. The request's handler says; the stream looks.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<State>);

#[derive(Default)]
struct State {
    phase: AtomicU8,
    /// A request came since somebody looked.
    asked: AtomicBool,
    /// The other side must take something before more can be written.
    blocked: AtomicBool,
}

const HEADERS: u8 = 0;
const ANSWER: u8 = 1;
const IDLE: u8 = 2;

impl Phase {
    /// A request's headers have come whole.
    pub(super) fn answering(&self) {
        self.set(ANSWER);
        self.0.asked.store(true, Ordering::Relaxed);
    }

    /// An answer is over; the next request may come.
    pub(super) fn idle(&self) {
        self.set(IDLE);
    }

    /// Nothing comes, goes, or waits to, and no request came since this was last asked.
    pub(super) fn is_quiet(&self) -> bool {
        let asked = self.0.asked.swap(false, Ordering::Relaxed);
        !asked && self.get() == IDLE && !self.0.blocked.load(Ordering::Relaxed)
    }

    /// The first byte of a request's headers has come.
    pub(super) fn headers(&self) {
        self.set(HEADERS);
    }

    pub(super) fn is_headers(&self) -> bool {
        self.get() == HEADERS
    }

    pub(super) fn is_idle(&self) -> bool {
        self.get() == IDLE
    }

    /// Whether the other side must take something before more can be written.
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

/// Keeps the connection's phase at "request in progress" until the last clone is dropped: the answer's body holds one,
/// and so does a request body that is still being read.
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
