//! What a connection stores among the extensions of each of its requests.

use std::net::SocketAddr;
use std::sync::Arc;

use super::timeouts::Phase;
use crate::gateway::sendfile::queue::Lane;

/// Where a request comes from, and over what. Every request carries it in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionInfo {
    /// The other end.
    pub(crate) peer: SocketAddr,
    /// What carries the bytes.
    pub(crate) transport: Transport,
    /// Where the connection sends files by itself, what it is told of them by.
    pub(crate) lane: Option<Lane>,
}

/// What carries the bytes of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    /// HTTP/1.1 over TCP: what is written arrives as it is, so that the system may send a file by itself.
    Plain,
    /// Each byte is encrypted, and perhaps framed, before it is sent.
    Tls,
}

/// Keeps the connection's phase at "request in progress" until the last clone is dropped: the answer's body holds one,
/// and so does a request body that is still being read.
#[derive(Clone)]
pub(crate) struct RequestGuard(#[expect(dead_code, reason = "only its drop matters")] Arc<OnDrop>);

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
