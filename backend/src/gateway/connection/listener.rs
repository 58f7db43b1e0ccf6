//! Connections: how many, how slow, and how they end. Our own loop rather than `axum::serve`, which sets no timer: a
//! client that never ends its headers would be kept forever.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shared::api::PROBLEM_TYPE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::http1::{self, ConnectionContext};
use super::http2;
use super::tls::{self, Accepted, Protocol, Tls};
use crate::gateway::connection_info::{ConnectionInfo, Transport};
use crate::gateway::middleware::service::GatewayService;
use crate::gateway::state::Gateway;
use crate::sockets;

/// How long nothing is accepted after the system had no descriptor or memory for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Connections over the limit that are told so at a time; others are just closed.
const REFUSALS_MAX: usize = 64;
/// How long such a connection may take to read that.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Serves HTTP until `shutdown`; then the requests that run have [`crate::gateway::config::GatewayConfig::drain_time`] to end.
pub async fn serve(listener: TcpListener, gateway: Gateway, shutdown: CancellationToken) {
    accept(listener, gateway, None, shutdown).await;
}

/// Serves HTTPS in the same way, and follows the certificate's files.
pub async fn serve_tls(listener: TcpListener, gateway: Gateway, tls: Tls, shutdown: CancellationToken) {
    let follows = tls::follow(tls.clone(), gateway.config.certificate_look_time, shutdown.clone());
    tokio::join!(accept(listener, gateway, Some(tls), shutdown), follows);
}

async fn accept(listener: TcpListener, gateway: Gateway, tls: Option<Tls>, shutdown: CancellationToken) {
    let connections = Connections {
        tls,
        service: GatewayService::new(gateway.clone()),
        slots: Arc::new(Semaphore::new(gateway.config.connections_max)),
        refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        tasks: TaskTracker::new(),
        cut: CancellationToken::new(),
        shutdown,
        gateway,
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = connections.shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => connections.take(stream, peer),
            Err(error) if is_of_one_connection(&error) => {
                debug!(%error, "a connection was gone before it was accepted")
            }
            Err(error) => {
                warn!(%error, "no connection can be accepted");
                sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
    drop(listener);
    // An event stream never ends by itself.
    connections.gateway.closing.cancel();
    connections.drain().await;
}

/// What went wrong with one connection says nothing of the next.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

struct Connections {
    gateway: Gateway,
    tls: Option<Tls>,
    service: GatewayService,
    slots: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Ends what has not ended by itself.
    cut: CancellationToken,
    shutdown: CancellationToken,
}

impl Connections {
    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = sockets::set_up(&stream) {
            return debug!(%error, "the connection was gone at once");
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return self.refuse(stream);
        };
        let (gateway, service, tls) = (self.gateway.clone(), self.service.clone(), self.tls.clone());
        let (shutdown, cut) = (self.shutdown.clone(), self.cut.clone());
        self.tasks.spawn(async move {
            gateway.metrics.connections.inc();
            let transport = if tls.is_some() { Transport::Tls } else { Transport::Plain };
            let link = ConnectionInfo { peer, transport, queue: None };
            let context = ConnectionContext { config: &gateway.config, service, link, shutdown, cut };
            let served = match tls {
                None => serve_plain(stream, context).await,
                Some(tls) => serve_encrypted(stream, &tls, &context).await,
            };
            if let Err(error) = served {
                debug!(%peer, %error, "a connection broke");
            }
            gateway.metrics.connections.dec();
            drop(slot);
        });
    }

    /// Says that there are too many, if that can be done in passing.
    fn refuse(&self, mut stream: TcpStream) {
        self.gateway.metrics.refused_connections.inc();
        // To say it by TLS would cost as much as to serve.
        if self.tls.is_some() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else { return };
        self.tasks.spawn(async move {
            let told = async {
                stream.write_all(refusal().as_bytes()).await?;
                stream.shutdown().await?;
                // A close with unread bytes would take back what was just said.
                let mut unread = [0; 1024];
                while stream.read(&mut unread).await? > 0 {}
                Ok::<_, io::Error>(())
            };
            let _ = timeout(REFUSAL_TIME, told).await;
            drop(permit);
        });
    }

    async fn drain(self) {
        self.tasks.close();
        if timeout(self.gateway.config.drain_time, self.tasks.wait()).await.is_err() {
            warn!(connections = self.tasks.len(), "requests still ran when the time to end was over");
            self.cut.cancel();
            self.tasks.wait().await;
        }
    }
}

/// The system sends files by itself.
#[cfg(target_os = "linux")]
async fn serve_plain(stream: TcpStream, mut context: ConnectionContext<'_>) -> io::Result<()> {
    let queue = crate::gateway::sendfile::queue::SendfileQueue::default();
    context.link.queue = Some(queue.clone());
    http1::serve(crate::gateway::sendfile::stream::SendfileStream::new(stream, queue), &context).await
}

#[cfg(not(target_os = "linux"))]
async fn serve_plain(stream: TcpStream, context: ConnectionContext<'_>) -> io::Result<()> {
    http1::serve(stream, &context).await
}

async fn serve_encrypted(stream: TcpStream, tls: &Tls, context: &ConnectionContext<'_>) -> io::Result<()> {
    let opened = tokio::select! {
        opened = tls.accept(stream, context.config.handshake_time) => opened?,
        () = context.shutdown.cancelled() => return Ok(()),
    };
    match opened {
        Accepted::Encrypted(stream, Protocol::Http1) => http1::serve(stream, context).await,
        Accepted::Encrypted(stream, Protocol::Http2) => http2::serve(stream, context).await,
        Accepted::Plaintext(stream) => {
            tls::answer_plaintext(stream, context.config).await;
            Ok(())
        }
    }
}

fn refusal() -> String {
    let body = r#"{"type":"about:blank","status":503,"code":"too_many_connections","title":"Too busy","detail":"The server has as many connections as it takes. Try again in a moment."}"#;
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {length}\r\n\
         retry-after: 2\r\nconnection: close\r\n\r\n{body}"
    )
}
