//! Listeners: connections are accepted, limited, and at shutdown given time to finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use shared::ErrorCode;
use shared::wire::{Failure, FrameKind, Goodbye};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::close::close_with;
use super::session::serve_connection;
use crate::server::exchange::sink::Sink;
use crate::server::maintenance::{recover, run_maintenance};
use crate::server::state::Server;
use crate::sockets;
use crate::wire::{FrameReader, FrameWriter, InProcessListener, Source, UnixListener};

/// How many connections at a time are refused with a reason; in a flood, the others are only closed.
const REFUSALS_MAX: usize = 64;
/// Most time after the drain time: for answers to the requests that are still running, and for syncing the bytes of
/// uploads that have arrived.
const ABORT_TIME: Duration = Duration::from_secs(10);
/// Pause after a failed accept. File handles or memory have run out, so an immediate retry would only fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the server listens.
#[derive(Debug, Default)]
pub struct Listeners {
    /// TCP.
    pub tcp: Option<TcpListener>,
    /// A Unix socket.
    pub unix: Option<UnixListener>,
    /// Connections from within this process.
    pub in_process: Option<InProcessListener>,
}

/// Accepts connections until `shutdown`; then lets running requests finish, at most for
/// [`ServerConfig::drain_time`]. Each listener has its own [`ServerConfig::connections_max`], so that clients over TCP
/// cannot use up the connections of the gateway in this process.
///
/// [`ServerConfig::drain_time`]: crate::server::ServerConfig::drain_time
/// [`ServerConfig::connections_max`]: crate::server::ServerConfig::connections_max
pub async fn serve(mut listeners: Listeners, server: Arc<Server>, shutdown: CancellationToken) {
    recover(&server).await;
    let connections = Connections::new(server, shutdown);
    let slots = || Arc::new(Semaphore::new(connections.server.config.connections_max));
    let (tcp_slots, unix_slots, in_process_slots) = (slots(), slots(), slots());
    connections.tasks.spawn(run_maintenance(Arc::clone(&connections.server), connections.shutdown.clone()));
    loop {
        let Listeners { tcp, unix, in_process } = &mut listeners;
        // A listener that is absent or closed gives `None`, which disables its branch.
        tokio::select! {
            () = connections.shutdown.cancelled() => break,
            Some(accepted) = async { Some(accept(tcp.as_ref()?).await) } => match accepted {
                Ok(stream) => {
                    let (reader, writer) = stream.into_split();
                    connections.take(reader, writer, &tcp_slots);
                }
                Err(error) => pause_after(&error).await,
            },
            Some(accepted) = async { Some(unix.as_ref()?.accept().await) } => match accepted {
                Ok((reader, writer)) => connections.take(reader, writer, &unix_slots),
                Err(error) => pause_after(&error).await,
            },
            Some((reader, writer)) = async { in_process.as_mut()?.accept().await } => {
                connections.take(reader, writer, &in_process_slots);
            }
        }
    }
    drop(listeners);
    connections.drain().await;
    info!("the file server has stopped");
}

/// The next connection over TCP that is still open.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        match sockets::set_up(&stream) {
            Ok(()) => return Ok(stream),
            Err(error) => debug!(%error, "a connection was closed before it was served"),
        }
    }
}

async fn pause_after(error: &io::Error) {
    warn!(%error, "a connection could not be accepted");
    sleep(ACCEPT_PAUSE).await;
}

/// The open connections.
struct Connections {
    server: Arc<Server>,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Cancelled at the end of the drain time.
    abort: CancellationToken,
}

impl Connections {
    fn new(server: Arc<Server>, shutdown: CancellationToken) -> Self {
        let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
        Self { server, refusals, tasks: TaskTracker::new(), shutdown, abort: CancellationToken::new() }
    }

    /// Serves a connection, or refuses it if none of `slots` is free.
    fn take<R, W>(&self, reader: R, writer: W, slots: &Arc<Semaphore>)
    where
        R: Source + Send + Sync + 'static,
        W: Sink + 'static,
    {
        let Ok(slot) = Arc::clone(slots).try_acquire_owned() else {
            if let Ok(refusal) = Arc::clone(&self.refusals).try_acquire_owned() {
                self.tasks.spawn(async move {
                    let _refusal = refusal;
                    refuse(reader, writer).await;
                });
            }
            return;
        };
        let (server, shutdown, abort) = (Arc::clone(&self.server), self.shutdown.clone(), self.abort.clone());
        self.tasks.spawn(async move {
            let _slot = slot;
            let aborted = async {
                abort.cancelled().await;
                sleep(ABORT_TIME).await;
            };
            tokio::select! {
                () = aborted => {}
                () = serve_connection(reader, writer, &server, &shutdown, &abort) => {}
            }
        });
    }

    async fn drain(self) {
        let Self { server, tasks, abort, .. } = self;
        tasks.close();
        server.jobs.stop().await;
        server.uploads.stopping.cancel();
        server.watches.stop().await;
        if timeout(server.config.drain_time, tasks.wait()).await.is_err() {
            warn!(connections = tasks.len(), "requests were aborted: they outlasted the drain time");
            abort.cancel();
            tasks.wait().await;
        }
        server.uploads.stop().await;
    }
}

async fn refuse<R: Source, W: Sink>(reader: R, writer: W) {
    let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
    let mut failure = Failure::new(ErrorCode::TooManyConnections, "the server has its most connections already");
    failure.retry_after_ms = Some(1_000);
    close_with(&mut reader, &mut writer, FrameKind::Goodbye, &Goodbye { error: Some(failure) }).await;
}
