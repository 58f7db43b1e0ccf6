//! The file server: the framed protocol in front of a storage. It alone says what a caller may reach, and it never hears
//! of HTTP or of accounts: a request brings a [`shared::Scope`], a connection a key, and the lower of the two counts.
//!
//! - [`accept`] accepts, limits, drains;
//! - [`session`] is one connection: handshake, then one request at a time;
//! - [`list`], [`read`], [`walk`], [`digest`] are the operations that change nothing;
//! - [`uploads`] takes bytes in, [`jobs`] changes what is there, [`trash`] has what can come back, [`watch`] tells what
//!   happens; [`database`] has the records.

mod accept;
mod answer;
mod blocking;
mod clock;
mod database;
mod digest;
mod entries;
mod folder;
mod handshake;
mod hash;
mod jobs;
mod list;
mod read;
mod send;
#[cfg(target_os = "linux")]
mod sendfile;
mod session;
mod snapshots;
mod sorted;
mod trash;
mod uploads;
mod walk;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::Rights;
use shared::limits::{
    DATA_BYTES_MAX, DATA_BYTES_MIN, FOLDER_ENTRIES_MAX, HANDSHAKE_TIME, IDLE_TIME, TRASH_EXPIRY, UPLOAD_EXPIRY,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use accept::{Ways, serve};
pub use database::{Database, DatabaseError};
pub use send::{Sink, Socket};
pub use session::serve_connection;

use crate::pieces::{Pieces, TRANSFER_BYTES_MAX};
pub use crate::storage::Durability;
use crate::storage::Storage;
use crate::wire::{Key, KeyId};
use blocking::blocking;
use digest::DigestCache;
use jobs::Jobs;
use snapshots::Snapshots;
use uploads::Uploads;
use watch::Watches;

/// What a person may set.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Most connections at a time; one more is told to come back.
    pub connections_max: usize,
    /// Largest DATA payload, in bytes, between [`DATA_BYTES_MIN`] and [`DATA_BYTES_MAX`].
    pub data_bytes_max: usize,
    /// Time from accept to a proved key.
    pub handshake_time: Duration,
    /// A connection on which nothing happens for so long is closed.
    pub idle_time: Duration,
    /// How long requests may go on after the server was asked to stop.
    pub drain_time: Duration,
    /// Memory for the bytes of uploads on their way, in bytes: more uploads at a time move in shorter pieces, down to
    /// [`crate::pieces::PIECE_BYTES_MIN`].
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

/// In every how-many-th round of clearing away the trash is looked at.
const TRASH_SWEEP_ROUNDS: u64 = 30;

/// What every connection shares.
pub struct Server {
    storage: Arc<dyn Storage>,
    keys: HashMap<KeyId, (Key, Rights)>,
    snapshots: Snapshots,
    digests: Arc<DigestCache>,
    uploads: Arc<Uploads>,
    jobs: Arc<Jobs>,
    watches: Arc<Watches>,
    records: Option<Arc<Database>>,
    /// Memory for uploads on their way.
    pieces: Pieces,
    config: ServerConfig,
}

impl Server {
    /// A server over `storage` that lets in who holds one of `keys`, each with the most it may do. Without `records`
    /// nothing can be changed: such requests answer [`ErrorCode::ReadOnly`](shared::ErrorCode::ReadOnly).
    pub fn new(
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        keys: impl IntoIterator<Item = (Key, Rights)>,
        mut config: ServerConfig,
    ) -> Arc<Self> {
        config.data_bytes_max = config.data_bytes_max.clamp(DATA_BYTES_MIN, DATA_BYTES_MAX);
        let keys = keys.into_iter().map(|(key, rights)| (key.id().to_owned(), (key, rights))).collect();
        let snapshots = Snapshots::new(config.snapshot_bytes_max, config.snapshot_time);
        let digests = Arc::new(DigestCache::new(records.clone()));
        let uploads = Arc::new(Uploads::new(Arc::clone(&storage), records.clone(), Arc::clone(&digests), &config));
        let watches = Arc::new(Watches::new(Arc::clone(&storage)));
        let jobs = Arc::new(Jobs::new(Arc::clone(&storage), records.clone()));
        let pieces = Pieces::new(config.transfer_bytes_max);
        Arc::new(Self { storage, keys, snapshots, digests, uploads, jobs, watches, records, pieces, config })
    }

    /// Clears away what has expired, now and then, until `shutdown`.
    async fn keep_house(self: Arc<Self>, shutdown: CancellationToken) {
        for round in 0_u64.. {
            let server = Arc::clone(&self);
            let swept = blocking(move || {
                server.uploads.sweep()?;
                server.jobs.sweep()?;
                server.digests.sweep()?;
                // To look at all that is in the trash takes longer than the rest.
                if round % TRASH_SWEEP_ROUNDS == 0 { trash::sweep(&server) } else { Ok(()) }
            });
            if let Err(error) = swept.await {
                warn!(%error, "what has expired could not be cleared away");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(self.config.sweep_time) => {}
            }
        }
    }

    /// Before the first connection: what a crash may have left is put in order.
    async fn recover(self: &Arc<Self>) {
        let server = Arc::clone(self);
        let recovered = blocking(move || {
            server.uploads.recover()?;
            server.jobs.resume()
        });
        if let Err(error) = recovered.await {
            warn!(%error, "what a crash may have left could not be looked at");
        }
    }
}
