//! The file server: framed TCP in front of a storage. It alone says what a caller may reach, and it never hears of HTTP
//! or of accounts: a request brings a [`shared::Scope`], a connection a key, and the lower of the two counts.
//!
//! - [`mod@self`] accepts, limits, drains;
//! - [`session`] is one connection: handshake, then one request at a time;
//! - [`list`], [`read`], [`walk`], [`digest`] are the operations that change nothing;
//! - [`uploads`] takes bytes in, [`jobs`] changes what is there, [`trash`] has what can come back, [`watch`] tells what
//!   happens; [`database`] has the records.

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
use std::io;
use std::sync::Arc;
use std::time::Duration;

use shared::limits::{
    DATA_BYTES_MAX, DATA_BYTES_MIN, FOLDER_ENTRIES_MAX, HANDSHAKE_TIME, IDLE_TIME, TRASH_EXPIRY, UPLOAD_EXPIRY,
};
use shared::wire::{Failure, FrameKind, Goodbye};
use shared::{ErrorCode, Rights};
use tokio::io::AsyncRead;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

pub use database::{Database, DatabaseError};
pub use send::Sink;
pub use session::serve_connection;

use crate::sockets;
pub use crate::storage::Durability;
use crate::storage::Storage;
use crate::wire::{Doorway, FrameReader, FrameWriter, Key, KeyId, PipeReader, PipeWriter};
use blocking::blocking;
use digest::DigestCache;
use jobs::Jobs;
use session::farewell;
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
/// How many connections may be told at a time that they are too many.
const REFUSALS_MAX: usize = 64;

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
    config: ServerConfig,
}

impl Server {
    /// A server over `storage` that lets in who holds one of `keys`, each with the most it may do. Without `records`
    /// nothing can be changed: such requests answer [`ErrorCode::ReadOnly`].
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
        Arc::new(Self { storage, keys, snapshots, digests, uploads, jobs, watches, records, config })
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

/// Accepts connections over TCP, and within this process through `doorway`, until `shutdown`; then lets requests that
/// run come to their end, at most for [`ServerConfig::drain_time`]. Each way has its own
/// [`ServerConfig::connections_max`]: who comes over TCP takes no place of who is inside.
pub async fn serve(
    listener: TcpListener,
    mut doorway: Option<Doorway>,
    server: Arc<Server>,
    shutdown: CancellationToken,
) {
    server.recover().await;
    let connections = Connections::new(server, shutdown);
    let outside = Arc::new(Semaphore::new(connections.server.config.connections_max));
    let inside = Arc::new(Semaphore::new(connections.server.config.connections_max));
    connections.tasks.spawn(Arc::clone(&connections.server).keep_house(connections.shutdown.clone()));
    loop {
        tokio::select! {
            () = connections.shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = sockets::set_up(&stream) {
                        debug!(%error, "the connection was gone at once");
                        continue;
                    }
                    let (reader, writer) = stream.into_split();
                    connections.take(reader, writer, &outside);
                }
                Err(error) => pause_after(&error).await,
            },
            Some((reader, writer)) = knock(&mut doorway) => connections.take(reader, writer, &inside),
        }
    }
    drop((listener, doorway));
    connections.drain().await;
    info!("the file server has stopped");
}

/// The next connection within this process; none where there is no door, or nobody is left behind it.
async fn knock(doorway: &mut Option<Doorway>) -> Option<(PipeReader, PipeWriter)> {
    doorway.as_mut()?.accept().await
}

/// The connections that there are.
struct Connections {
    server: Arc<Server>,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Cut when the drain is over.
    cut: CancellationToken,
}

impl Connections {
    fn new(server: Arc<Server>, shutdown: CancellationToken) -> Self {
        let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
        Self { server, refusals, tasks: TaskTracker::new(), shutdown, cut: CancellationToken::new() }
    }

    /// Serves a connection, if one of `slots` is free.
    fn take<R, W>(&self, reader: R, writer: W, slots: &Arc<Semaphore>)
    where
        R: AsyncRead + Unpin + Send + Sync + 'static,
        W: Sink + 'static,
    {
        let Ok(slot) = Arc::clone(slots).try_acquire_owned() else {
            // In a flood of them most are just closed.
            if let Ok(refusal) = Arc::clone(&self.refusals).try_acquire_owned() {
                self.tasks.spawn(async move {
                    let _refusal = refusal;
                    refuse(reader, writer).await;
                });
            }
            return;
        };
        let (server, shutdown, cut) = (Arc::clone(&self.server), self.shutdown.clone(), self.cut.clone());
        self.tasks.spawn(async move {
            let _slot = slot;
            tokio::select! {
                () = cut.cancelled() => {}
                () = serve_connection(reader, writer, &server, &shutdown) => {}
            }
        });
    }

    async fn drain(self) {
        let Self { server, tasks, cut, .. } = self;
        tasks.close();
        server.jobs.stop().await;
        server.watches.stop().await;
        if timeout(server.config.drain_time, tasks.wait()).await.is_err() {
            warn!(connections = tasks.len(), "requests were cut off: they outlasted the drain time");
            cut.cancel();
            tasks.wait().await;
        }
    }
}

/// Out of file handles or memory: waiting helps, spinning does not. A connection that was reset before it was accepted
/// comes here too, and costs a moment.
async fn pause_after(error: &io::Error) {
    warn!(%error, "a connection could not be accepted");
    sleep(Duration::from_millis(50)).await;
}

async fn refuse<R: AsyncRead + Unpin, W: Sink>(reader: R, writer: W) {
    let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
    let mut failure = Failure::new(ErrorCode::TooManyConnections, "the server has as many connections as it takes");
    failure.retry_after_ms = Some(1_000);
    farewell(&mut reader, &mut writer, FrameKind::Goodbye, &Goodbye { error: Some(failure) }).await;
}
