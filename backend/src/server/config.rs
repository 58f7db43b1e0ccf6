//! Settings of the file server.

use std::time::Duration;

use shared::limits::{
    CLOCK_STEADY_TIME, DATA_BYTES_MAX, FOLDER_ENTRIES_MAX, HANDSHAKE_TIME, IDLE_TIME, LISTED_BYTES_MAX,
    READING_TURN_BYTES, READING_TURN_TIME, TRASH_BYTES_MAX, TRASH_EXPIRY, UNFINISHED_BYTES_MAX, UNFINISHED_UPLOADS_MAX,
    UPLOAD_EXPIRY,
};

use super::turns::TurnLength;
use crate::storage::Durability;
use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// Settings of the file server; [`ServerConfig::default`] has the values of a server without a configuration file.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Most connections at a time, for each listener. One more gets GOODBYE(`too_many_connections`).
    pub connections_max: usize,
    /// Largest DATA payload, in bytes, between [`DATA_BYTES_MIN`](shared::limits::DATA_BYTES_MIN) and
    /// [`DATA_BYTES_MAX`].
    pub data_bytes_max: usize,
    /// Time from accept to a proved key.
    pub handshake_time: Duration,
    /// A connection without a frame for this long is closed.
    pub idle_time: Duration,
    /// How long running requests may continue after the start of a shutdown.
    pub drain_time: Duration,
    /// Memory for the bytes of running uploads, in bytes. More uploads at a time get shorter pieces each, down to
    /// [`crate::transfer_budget::PIECE_BYTES_MIN`].
    pub transfer_bytes_max: usize,
    /// Memory for sorted folders between the pages of a listing, in bytes.
    pub snapshot_bytes_max: usize,
    /// Memory for folders that are being listed or walked, in bytes. One owner has a part of it.
    pub listed_bytes_max: u64,
    /// Most entries of a folder that is listed.
    pub folder_entries_max: usize,
    /// How long a sorted folder is kept for the next page.
    pub snapshot_time: Duration,
    /// How long an unfinished upload is kept after its last byte.
    pub upload_expiry: Duration,
    /// Most unfinished uploads of one principal.
    pub unfinished_uploads_max: usize,
    /// Most bytes that the unfinished uploads of one principal hold; 0 for no limit.
    pub unfinished_bytes_max: u64,
    /// Whether an upload is synced before it is acknowledged.
    pub durability: Durability,
    /// How long an item stays in the trash.
    pub trash_expiry: Duration,
    /// Most bytes of replaced files in the trash; 0 keeps none.
    pub trash_bytes_max: u64,
    /// How long the result of a check of the storage is repeated, so that many questions cost one check.
    pub health_time: Duration,
    /// Time between two removals of what has expired.
    pub sweep_time: Duration,
    /// How long the system clock must have run evenly, from the start of the server, before uploads, changes and the
    /// trash expire.
    pub clock_steady_time: Duration,
    /// Bytes of a file that is read as a whole, after which others that wait for their turn go first.
    pub reading_turn_bytes: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            data_bytes_max: DATA_BYTES_MAX,
            handshake_time: HANDSHAKE_TIME,
            idle_time: IDLE_TIME,
            drain_time: Duration::from_secs(30),
            transfer_bytes_max: TRANSFER_BYTES_MAX,
            snapshot_bytes_max: 256 << 20,
            listed_bytes_max: LISTED_BYTES_MAX,
            folder_entries_max: FOLDER_ENTRIES_MAX,
            snapshot_time: Duration::from_secs(120),
            upload_expiry: UPLOAD_EXPIRY,
            unfinished_uploads_max: UNFINISHED_UPLOADS_MAX,
            unfinished_bytes_max: UNFINISHED_BYTES_MAX,
            durability: Durability::Strict,
            trash_expiry: TRASH_EXPIRY,
            trash_bytes_max: TRASH_BYTES_MAX,
            health_time: Duration::from_secs(2),
            sweep_time: Duration::from_secs(60),
            clock_steady_time: CLOCK_STEADY_TIME,
            reading_turn_bytes: READING_TURN_BYTES,
        }
    }
}

impl ServerConfig {
    /// How long the reading of a whole file keeps its place while others wait.
    pub(super) fn reading_turn(&self) -> TurnLength {
        TurnLength { bytes: self.reading_turn_bytes, time: READING_TURN_TIME }
    }
}
