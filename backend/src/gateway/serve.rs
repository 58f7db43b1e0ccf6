//! Connections: how many, how slow, and how they end. Our own loop rather than `axum::serve`, which sets no timer: a
//! client that never ends its headers would be kept forever.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use shared::api::PROBLEM_TYPE;
use shared::limits::PIECE_BYTES;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::pace::{Paced, Phase};
use super::{Gateway, routes};

/// How long nothing is accepted after the system had no descriptor or memory for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// Connections over the limit that are told so at a time; others are just closed.
const REFUSALS_MAX: usize = 64;
/// How long such a connection may take to read that.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Least buffer of a connection, in bytes.
const BUFFER_BYTES_MIN: usize = 16 << 10;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub SocketAddr);

/// Serves until `shutdown`; then the requests that run have [`super::GatewayConfig::drain_time`] to end.
pub async fn serve(listener: TcpListener, gateway: Gateway, shutdown: CancellationToken) {
    let connections = Connections {
        app: routes(gateway.clone()),
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
    app: Router,
    slots: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Ends what has not ended by itself.
    cut: CancellationToken,
    shutdown: CancellationToken,
}

impl Connections {
    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        // Otherwise the end of a small answer waits for the acknowledgement of its beginning.
        let _ = stream.set_nodelay(true);
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            return self.refuse(stream);
        };
        let (gateway, app) = (self.gateway.clone(), self.app.clone());
        let (shutdown, cut) = (self.shutdown.clone(), self.cut.clone());
        self.tasks.spawn(async move {
            gateway.metrics.connections.inc();
            if let Err(error) = serve_connection(stream, peer, &gateway, app, shutdown, cut).await {
                debug!(%peer, %error, "a connection broke");
            }
            gateway.metrics.connections.dec();
            drop(slot);
        });
    }

    /// Says that there are too many, if that can be done in passing.
    fn refuse(&self, mut stream: TcpStream) {
        self.gateway.metrics.refused_connections.inc();
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

fn refusal() -> String {
    let body = r#"{"type":"about:blank","status":503,"code":"too_many_connections","title":"Too busy","detail":"The server has as many connections as it takes. Try again in a moment."}"#;
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_TYPE}\r\ncontent-length: {length}\r\n\
         retry-after: 2\r\nconnection: close\r\n\r\n{body}"
    )
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    gateway: &Gateway,
    app: Router,
    shutdown: CancellationToken,
    cut: CancellationToken,
) -> hyper::Result<()> {
    let config = &gateway.config;
    let phase = Phase::default();
    let paced = Paced::new(stream, phase.clone(), config.header_read_time, config.stall_time);
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        phase.answering();
        let over = Busy(Arc::new(Over(phase.clone())));
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(over.clone());
        let answer = app.call(request);
        async move { answer.await.map(|response: Response<Body>| response.map(|body| Answer { body, _over: over })) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The stream's own clock is for headers that have begun; this one is for those that never do.
        .header_read_timeout(config.idle_time.max(config.header_read_time))
        // What cannot be a request of ours is refused without being read to its end. A piece of a file counts as one
        // buffer however long it is: this much is kept beside it, not instead of it.
        .max_buf_size((2 * config.header_bytes_max).clamp(BUFFER_BYTES_MIN, PIECE_BYTES))
        .serve_connection(TokioIo::new(paced), service);
    let mut connection = pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        result = connection => result,
        () = cut.cancelled() => Ok(()),
    }
}

/// Tells the connection's clock when an answer is over, however it ends.
struct Over(Phase);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.idle();
    }
}

/// Kept for as long as bytes that come or go belong to the present request.
#[derive(Clone)]
pub(super) struct Busy(#[expect(dead_code, reason = "it is kept, and dropped")] Arc<Over>);

struct Answer {
    body: Body,
    _over: Busy,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
