//! Accepts connections, limits their number, and ends them on shutdown. It replaces `axum::serve`, which sets no
//! timeouts: a client that never finishes its headers would hold its connection forever.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use shared::ErrorCode;
use shared::api::PROBLEM_TYPE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::http1::{self, ConnectionContext};
use super::tls::{self, Tls};
use crate::admission::{Refusal, Who};
use crate::gateway::client_address::{ClientAddress, is_trusted};
use crate::gateway::connection_info::{ConnectionInfo, Transport};
use crate::gateway::connection_place::{ConnectionPlace, Stop};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::middleware::service::GatewayService;
use crate::gateway::request_id::RequestId;
use crate::gateway::state::Gateway;
use crate::sockets;

/// Pause before the next `accept` after the system ran out of descriptors or memory.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Connections over the limit that are answered 503 at the same time; further ones are closed without an answer.
const REFUSALS_MAX: usize = 64;
/// How long a connection over the limit may take to read its 503.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// Serves HTTP until `shutdown`; requests in progress then have [`crate::gateway::config::GatewayConfig::drain_time`]
/// to finish. The bounds of connections are those of all listeners together.
pub async fn serve(listeners: Vec<TcpListener>, gateway: Gateway, shutdown: CancellationToken) {
    accept(listeners, gateway, None, shutdown).await;
}

/// Serves HTTPS until `shutdown`, and reloads the certificate when its files change.
pub async fn serve_tls(listeners: Vec<TcpListener>, gateway: Gateway, tls: Tls, shutdown: CancellationToken) {
    let follows = tls::follow(tls.clone(), gateway.config.certificate_look_time, shutdown.clone());
    tokio::join!(accept(listeners, gateway, Some(tls), shutdown), follows);
}

async fn accept(listeners: Vec<TcpListener>, gateway: Gateway, tls: Option<Tls>, shutdown: CancellationToken) {
    let connections = Connections {
        tls,
        service: GatewayService::new(gateway.clone()),
        refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        tasks: TaskTracker::new(),
        stop: Stop { shutdown, abort: CancellationToken::new() },
        gateway,
    };
    join_all(listeners.into_iter().map(|listener| connections.accept(listener))).await;
    // Event streams have no end of their own.
    connections.gateway.closing.cancel();
    connections.drain().await;
}

/// True for errors of a single connection, after which `accept` can go on at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

struct Connections {
    gateway: Gateway,
    tls: Option<Tls>,
    service: GatewayService,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Its `abort` is cancelled when the drain time is over.
    stop: Stop,
}

impl Connections {
    /// Takes the connections of one listener until the shutdown.
    async fn accept(&self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.shutdown.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer),
                Err(error) if is_of_one_connection(&error) => {
                    debug!(%error, "a connection closed before it was accepted")
                }
                Err(error) => {
                    warn!(%error, "no connection can be accepted");
                    sleep(EXHAUSTED_PAUSE).await;
                }
            }
        }
    }

    fn place_of(&self, client: &ClientAddress) -> Result<Arc<ConnectionPlace>, Refusal> {
        let places = &self.gateway.places;
        if !is_trusted(&self.gateway.config.trusted_proxies, client.ip) {
            return ConnectionPlace::of_client(places, client.who, &self.stop);
        }
        // A proxy connects for many clients, and bounds its connections itself.
        let own = Who::client(self.gateway.request_ids.next().as_str());
        ConnectionPlace::of_proxy(places, own, &self.stop)
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = sockets::set_up(&stream) {
            return debug!(%error, "a connection closed at once");
        }
        let client = ClientAddress::at(peer.ip());
        let Ok(place) = self.place_of(&client) else {
            return self.refuse(stream);
        };
        let (gateway, service, tls) = (self.gateway.clone(), self.service.clone(), self.tls.clone());
        self.tasks.spawn(async move {
            gateway.metrics.connections.inc();
            let transport = if tls.is_some() { Transport::Tls } else { Transport::Plain };
            let info = ConnectionInfo { peer, client, place: Arc::clone(&place), transport, queue: None };
            let context = ConnectionContext { config: &gateway.config, pace: gateway.pace.clone(), service, info };
            let served = match tls {
                None => serve_plain(stream, context).await,
                // Boxed, so that a connection without TLS does not hold its memory.
                Some(tls) => Box::pin(tls.serve(stream, &context)).await,
            };
            if let Err(error) = served {
                debug!(%peer, %error, "a connection broke");
            }
            gateway.metrics.connections.dec();
            gateway.metrics.ended(&place);
        });
    }

    /// Answers 503 to a connection over the limit, unless too many are being answered.
    fn refuse(&self, mut stream: TcpStream) {
        self.gateway.metrics.refused_connections.inc();
        // A TLS handshake would cost as much as serving the request.
        if self.tls.is_some() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        let refusal = refusal(self.gateway.request_ids.next());
        self.tasks.spawn(async move {
            let answered = async {
                stream.write_all(&refusal).await?;
                stream.shutdown().await?;
                // Closing a socket with unread bytes resets the connection, which can discard the answer.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                Ok::<_, io::Error>(())
            };
            let _ = timeout(REFUSAL_TIME, answered).await;
            drop(permit);
        });
    }

    async fn drain(self) {
        self.tasks.close();
        if timeout(self.gateway.config.drain_time, self.tasks.wait()).await.is_err() {
            warn!(connections = self.tasks.len(), "requests were still running at the end of the drain time");
            self.stop.abort.cancel();
            self.tasks.wait().await;
        }
    }
}

/// Serves HTTP without TLS; files are sent by `sendfile(2)`.
#[cfg(target_os = "linux")]
async fn serve_plain(stream: TcpStream, mut context: ConnectionContext<'_>) -> io::Result<()> {
    let queue = crate::gateway::sendfile::queue::SendfileQueue::default();
    context.info.queue = Some(queue.clone());
    http1::serve(crate::gateway::sendfile::stream::SendfileStream::new(stream, queue), &context).await
}

#[cfg(not(target_os = "linux"))]
async fn serve_plain(stream: TcpStream, context: ConnectionContext<'_>) -> io::Result<()> {
    http1::serve(stream, &context).await
}

/// The answer to a connection over the limit, whose request is not read.
fn refusal(id: RequestId) -> Vec<u8> {
    let body = ErrorResponse::new(ErrorCode::TooManyConnections).problem(id.as_str());
    let (length, id) = (body.len(), id.as_str());
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {length}\r\n\
         x-request-id: {id}\r\nretry-after: 2\r\nconnection: close\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
}
