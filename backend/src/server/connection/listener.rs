//! Every way in: connections are accepted, limited, and at the end given time.

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

use super::session::{farewell, serve_connection};
use crate::server::maintenance::{recover, run_maintenance};
use crate::server::operations::send::Sink;
use crate::server::state::Server;
use crate::sockets;
use crate::wire::{FrameReader, FrameWriter, InProcessListener, Source, UnixListener};

/// How many connections may be told at a time that they are too many.
const REFUSALS_MAX: usize = 64;

/// The ways by which connections come.
#[derive(Debug, Default)]
pub struct Ways {
    /// Over TCP.
    pub tcp: Option<TcpListener>,
    /// Over a Unix socket.
    pub unix: Option<UnixListener>,
    /// From within this process.
    pub in_process: Option<InProcessListener>,
}

/// Accepts connections until `shutdown`; then lets requests that run come to their end, at most for
/// [`ServerConfig::drain_time`]. Each way has its own [`ServerConfig::connections_max`]: who comes over TCP takes no place
/// of who is inside.
///
/// [`ServerConfig::drain_time`]: crate::server::ServerConfig::drain_time
/// [`ServerConfig::connections_max`]: crate::server::ServerConfig::connections_max
pub async fn serve(mut ways: Ways, server: Arc<Server>, shutdown: CancellationToken) {
    recover(&server).await;
    let connections = Connections::new(server, shutdown);
    let slots = || Arc::new(Semaphore::new(connections.server.config.connections_max));
    let (over_tcp, over_unix, inside) = (slots(), slots(), slots());
    connections.tasks.spawn(run_maintenance(Arc::clone(&connections.server), connections.shutdown.clone()));
    loop {
        let Ways { tcp, unix, in_process } = &mut ways;
        // A way that there is not, or that nobody can come by any more, is none of the branches.
        tokio::select! {
            () = connections.shutdown.cancelled() => break,
            Some(accepted) = async { Some(accept(tcp.as_ref()?).await) } => match accepted {
                Ok(stream) => {
                    let (reader, writer) = stream.into_split();
                    connections.take(reader, writer, &over_tcp);
                }
                Err(error) => pause_after(&error).await,
            },
            Some(accepted) = async { Some(unix.as_ref()?.accept().await) } => match accepted {
                Ok((reader, writer)) => connections.take(reader, writer, &over_unix),
                Err(error) => pause_after(&error).await,
            },
            Some((reader, writer)) = async { in_process.as_mut()?.accept().await } => {
                connections.take(reader, writer, &inside);
            }
        }
    }
    drop(ways);
    connections.drain().await;
    info!("the file server has stopped");
}

/// The next connection over TCP that lives.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        match sockets::set_up(&stream) {
            Ok(()) => return Ok(stream),
            Err(error) => debug!(%error, "the connection was gone at once"),
        }
    }
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
        R: Source + Send + Sync + 'static,
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

async fn refuse<R: Source, W: Sink>(reader: R, writer: W) {
    let (mut reader, mut writer) = (FrameReader::new(reader), FrameWriter::new(writer));
    let mut failure = Failure::new(ErrorCode::TooManyConnections, "the server has as many connections as it takes");
    failure.retry_after_ms = Some(1_000);
    farewell(&mut reader, &mut writer, FrameKind::Goodbye, &Goodbye { error: Some(failure) }).await;
}
