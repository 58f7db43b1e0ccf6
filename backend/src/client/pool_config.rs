//! Limits and status of a connection pool.

use std::time::Duration;

use shared::limits::HANDSHAKE_TIME;

use crate::admission::Figures;
use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// The limits of a pool.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Most connections for metadata.
    pub metadata_connections_max: usize,
    /// Most connections that read the bytes of files, long listings and walks.
    pub reading_connections_max: usize,
    /// Most connections for uploads and changes.
    pub changing_connections_max: usize,
    /// Most connections that wait for work: digests, the end of a job or of an upload.
    pub waiting_connections_max: usize,
    /// Most connections that wait for events of a folder.
    pub watching_connections_max: usize,
    /// How many percent of each limit one owner may take, such as a client of a gateway.
    pub owner_percent: u8,
    /// Memory for the bytes of files in transit, in bytes. More concurrent transfers move shorter pieces, down to
    /// [`crate::transfer_budget::PIECE_BYTES_MIN`].
    pub transfer_bytes_max: usize,
    /// How long a call waits for a free connection.
    pub lease_time: Duration,
    /// How long opening a connection may take.
    pub connect_time: Duration,
}

impl Default for PoolConfig {
    /// For a program that is one owner.
    fn default() -> Self {
        Self {
            metadata_connections_max: 32,
            reading_connections_max: 1024,
            changing_connections_max: 512,
            waiting_connections_max: 256,
            watching_connections_max: 1024,
            owner_percent: 100,
            transfer_bytes_max: TRANSFER_BYTES_MAX,
            lease_time: Duration::from_secs(10),
            connect_time: HANDSHAKE_TIME,
        }
    }
}

/// The purpose of a connection. Each class has its own limit, so that a thousand slow downloads delay neither a listing
/// nor a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ConnectionClass {
    /// A short answer.
    Metadata,
    /// An answer that takes as long as its reader.
    Reading,
    /// An upload or a change.
    Changing,
    /// An answer that comes once some work has ended.
    Waiting,
    /// An answer without an end.
    Watching,
}

/// The connections of one class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LaneStatus {
    /// Connections with a request.
    pub busy: usize,
    /// Connections that are open and have no request.
    pub idle: usize,
    /// The places for requests, and the requests that wait for one.
    pub figures: Figures,
}

/// The connections of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolStatus {
    /// For metadata.
    pub metadata: LaneStatus,
    /// For the bytes of files, long listings and walks.
    pub reading: LaneStatus,
    /// For uploads and changes.
    pub changing: LaneStatus,
    /// For the end of work.
    pub waiting: LaneStatus,
    /// For events.
    pub watching: LaneStatus,
}

impl PoolStatus {
    /// Every class with its name.
    pub fn lanes(&self) -> [(&'static str, LaneStatus); 5] {
        let Self { metadata, reading, changing, waiting, watching } = *self;
        [
            ("metadata", metadata),
            ("reading", reading),
            ("changing", changing),
            ("waiting", waiting),
            ("watching", watching),
        ]
    }
}
