//! Listeners: connections are accepted, limited, and at shutdown given time to finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use shared::limits::LEAST_PACE_TIME;
use shared::wire::{FrameKind, Goodbye};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use super::close::close_with;
use super::newcomers::Newcomers;
use super::places::Places;
use super::session::{serve_entered, too_many_connections};
use crate::admission::{Admission, Bounds, Who};
use crate::server::exchange::sink::Sink;
use crate::server::maintenance::{recover, run_maintenance};
use crate::server::state::Server;
use crate::sockets;
use crate::wire::{FrameReader, FrameWriter, InProcessListener, Source, UnixListener};

/// How many connections at a time are refused with a reason; in a flood, the others are only closed.
const REFUSALS_MAX: u64 = 64;
/// How many connections of one peer at a time are refused with a reason.
const REFUSALS_OF_ONE_MAX: u64 = 16;
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
    let connections_max = connections.server.config.connections_max;
    let places = [Newcomers::by_address(), Newcomers::of_one(), Newcomers::of_one()];
    let places = places.map(|newcomers| Places::new(connections_max, newcomers));
    connections.tasks.spawn(watch_pace(places.clone(), Arc::clone(&connections.server), connections.shutdown.clone()));
    let [tcp_places, unix_places, in_process_places] = places;
    connections.tasks.spawn(run_maintenance(Arc::clone(&connections.server), connections.shutdown.clone()));
    loop {
        let Listeners { tcp, unix, in_process } = &mut listeners;
        // A listener that is absent or closed gives `None`, which disables its branch.
        tokio::select! {
            () = connections.shutdown.cancelled() => break,
            Some(accepted) = async { Some(accept(tcp.as_ref()?).await) } => match accepted {
                Ok((stream, peer)) => {
                    let (reader, writer) = stream.into_split();
                    connections.take(reader, writer, &tcp_places, peer);
                }
                Err(error) => pause_after(&error).await,
            },
            Some(accepted) = async { Some(unix.as_ref()?.accept().await) } => match accepted {
                Ok((reader, writer)) => connections.take(reader, writer, &unix_places, Who::one()),
                Err(error) => pause_after(&error).await,
            },
            Some((reader, writer)) = async { in_process.as_mut()?.accept().await } => {
                connections.take(reader, writer, &in_process_places, Who::one());
            }
        }
    }
    drop(listeners);
    connections.drain().await;
    info!("the file server has stopped");
}

/// Ends slow connections while what they hold is scarce, until `shutdown`.
async fn watch_pace(places: [Arc<Places>; 3], server: Arc<Server>, shutdown: CancellationToken) {
    let memory = &server.admissions.listed_bytes;
    let start = Instant::now();
    let mut ticks = interval(LEAST_PACE_TIME / 4);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            now = ticks.tick() => places.iter().for_each(|places| places.judge(now, start, memory)),
        }
    }
}

/// The next connection over TCP that is still open.
async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, Who)> {
    loop {
        let (stream, peer) = listener.accept().await?;
        match sockets::set_up(&stream) {
            Ok(()) => return Ok((stream, Who::peer(peer.ip()))),
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
    refusals: Admission,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    /// Cancelled at the end of the drain time.
    abort: CancellationToken,
}

impl Connections {
    fn new(server: Arc<Server>, shutdown: CancellationToken) -> Self {
        let bounds = Bounds { all: REFUSALS_MAX, one: REFUSALS_OF_ONE_MAX, waiting_one: 0, waiting_all: 0 };
        let refusals = Admission::new(bounds);
        Self { server, refusals, tasks: TaskTracker::new(), shutdown, abort: CancellationToken::new() }
    }

    /// Serves a connection, or refuses it if none of `places` is free.
    fn take<R, W>(&self, reader: R, writer: W, places: &Arc<Places>, who: Who)
    where
        R: Source + Send + Sync + 'static,
        W: Sink + 'static,
    {
        if places.are_taken() {
            if let Ok(refusal) = self.refusals.try_take(who, 1) {
                self.tasks.spawn(async move {
                    let _refusal = refusal;
                    refuse(reader, writer).await;
                });
            }
            return;
        }
        let (server, shutdown, abort) = (Arc::clone(&self.server), self.shutdown.clone(), self.abort.clone());
        let places = Arc::clone(places);
        self.tasks.spawn(async move {
            let entered = tokio::select! {
                () = shutdown.cancelled() => return,
                entered = places.enter(who) => entered,
            };
            // In a flood, a connection that finds no place is only closed.
            let Ok(entered) = entered else { return };
            let too_slow = entered.too_slow.clone();
            let aborted = async {
                abort.cancelled().await;
                sleep(ABORT_TIME).await;
            };
            tokio::select! {
                () = aborted => {}
                () = too_slow.cancelled() => debug!("a connection was closed: its peer takes too little of an answer"),
                () = serve_entered(reader, writer, &server, Some(entered), &shutdown, &abort) => {}
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
    let goodbye = Goodbye { error: Some(too_many_connections()) };
    close_with(&mut reader, &mut writer, FrameKind::Goodbye, &goodbye).await;
}
