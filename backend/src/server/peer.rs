//! What the handshake agreed on.

use std::sync::Arc;

use shared::Rights;

/// The authenticated client of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The most rights that its key may use.
    pub rights: Rights,
    /// The principal of a request that names none.
    pub principal: Arc<str>,
    /// Largest DATA payload, in bytes.
    pub data_bytes_max: usize,
    /// Whether it takes open files in place of their bytes.
    pub takes_fds: bool,
}
