//! What the handshake agreed on.

use std::sync::Arc;

use super::keys::ServerKey;

/// The authenticated client of a connection.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The key that it has proved.
    pub key: Arc<ServerKey>,
    /// Largest DATA payload, in bytes.
    pub data_bytes_max: usize,
    /// Whether it takes open files in place of their bytes.
    pub takes_fds: bool,
}
