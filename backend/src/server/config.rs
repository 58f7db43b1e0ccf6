//! What an operator may set for the file server.

use std::time::Duration;

use shared::limits::{DATA_BYTES_MAX, FOLDER_ENTRIES_MAX, HANDSHAKE_TIME, IDLE_TIME, TRASH_EXPIRY, UPLOAD_EXPIRY};

use crate::storage::Durability;
use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// What a person may set.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Most connections at a time; one more is told to come back.
    pub connections_max: usize,
    /// Largest DATA payload, in bytes, between [`DATA_BYTES_MIN`](shared::limits::DATA_BYTES_MIN) and [`DATA_BYTES_MAX`].
    pub data_bytes_max: usize,
    /// Time from accept to a proved key.
    pub handshake_time: Duration,
    /// A connection on which nothing happens for so long is closed.
    pub idle_time: Duration,
    /// How long requests may go on after the server was asked to stop.
    pub drain_time: Duration,
    /// Memory for the bytes of uploads on their way, in bytes: more uploads at a time move in shorter pieces, down to
    /// [`crate::transfer_budget::PIECE_BYTES_MIN`].
    pub transfer_bytes_max: usize,
    /// Memory for sorted folders between the pages of a listing, in bytes.
    pub snapshot_bytes_max: usize,
    /// Most entries of a folder that is listed.
    pub folder_entries_max: usize,
    /// How long a sorted folder is kept for the next page.
    pub snapshot_time: Duration,
    /// How long an upload is kept that nobody adds to.
    pub upload_expiry: Duration,
    /// When an upload must be on the disk: before it is acknowledged, unless that is relaxed.
    pub durability: Durability,
    /// How long something stays in the trash.
    pub trash_expiry: Duration,
    /// How often what has expired is cleared away.
    pub sweep_time: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 2048,
            data_bytes_max: DATA_BYTES_MAX,
            handshake_time: HANDSHAKE_TIME,
            idle_time: IDLE_TIME,
            drain_time: Duration::from_secs(30),
            transfer_bytes_max: TRANSFER_BYTES_MAX,
            snapshot_bytes_max: 256 << 20,
            folder_entries_max: FOLDER_ENTRIES_MAX,
            snapshot_time: Duration::from_secs(120),
            upload_expiry: UPLOAD_EXPIRY,
            durability: Durability::Strict,
            trash_expiry: TRASH_EXPIRY,
            sweep_time: Duration::from_secs(60),
        }
    }
}
