//! Limits and status of a connection pool.

use std::time::Duration;

use shared::limits::HANDSHAKE_TIME;

use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// The limits of a pool.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Most connections for metadata.
    pub metadata_connections_max: usize,
    /// Most connections for the bytes of files and for walks.
    pub bulk_connections_max: usize,
    /// Most connections that wait for events of a folder.
    pub watching_connections_max: usize,
    /// Memory for the bytes of files in transit, in bytes. More concurrent transfers move shorter pieces, down to
    /// [`crate::transfer_budget::PIECE_BYTES_MIN`].
    pub transfer_bytes_max: usize,
    /// How long a call waits for a free connection.
    pub lease_time: Duration,
    /// How long opening a connection may take.
    pub connect_time: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            metadata_connections_max: 32,
            bulk_connections_max: 1024,
            watching_connections_max: 256,
            transfer_bytes_max: TRANSFER_BYTES_MAX,
            lease_time: Duration::from_secs(10),
            connect_time: HANDSHAKE_TIME,
        }
    }
}

/// The purpose of a connection. Each class has its own limit, so that a thousand slow downloads do not delay a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ConnectionClass {
    /// A short answer.
    Metadata,
    /// An answer that takes as long as its reader, or as the work.
    Bulk,
    /// An answer without an end.
    Watching,
}

/// The connections of one class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassStatus {
    /// Connections with a request.
    pub busy: usize,
    /// Connections that wait for one.
    pub idle: usize,
    /// The limit.
    pub max: usize,
}

/// The connections of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolStatus {
    /// For metadata.
    pub metadata: ClassStatus,
    /// For the bytes of files and for walks.
    pub bulk: ClassStatus,
    /// For events.
    pub watching: ClassStatus,
}
