//! What the handshake agreed on.

use shared::Rights;

/// The authenticated client of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The most rights that its key may use.
    pub rights: Rights,
    /// Largest DATA payload, in bytes.
    pub data_bytes_max: usize,
    /// Whether it takes open files in place of their bytes.
    pub takes_fds: bool,
}
