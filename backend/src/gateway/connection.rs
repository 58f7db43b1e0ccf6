//! One connection: its requests, one after the other, each told where it comes from. It does not know whether the
//! bytes are encrypted on their way; a request may ask its [`Link`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use shared::limits::PIECE_BYTES;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::Gateway;
use super::front::{Front, Observed};
use super::pace::{Paced, Phase};

/// Least buffer of a connection, in bytes.
const BUFFER_BYTES_MIN: usize = 16 << 10;

/// Where a request comes from, and over what. Every request carries it in its extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The other end.
    pub(super) peer: SocketAddr,
    /// What carries the bytes.
    pub(super) transport: Transport,
}

/// What carries the bytes of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    /// HTTP/1.1 over TCP: what is written arrives as it is, so that the system may send a file by itself.
    Plain,
}

/// Serves a connection to its end; from `shutdown` on it takes no new request, at `cut` it ends.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    link: Link,
    gateway: &Gateway,
    front: Front,
    shutdown: CancellationToken,
    cut: CancellationToken,
) -> hyper::Result<()> {
    let config = &gateway.config;
    let phase = Phase::default();
    let paced = Paced::new(stream, phase.clone(), config.header_read_time, config.stall_time);
    let service = service_fn(move |mut request: Request<Incoming>| {
        phase.answering();
        let over = Busy(Arc::new(Over(phase.clone())));
        request.extensions_mut().insert(link);
        request.extensions_mut().insert(over.clone());
        let answer = front.clone().answer(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.map(|body| Answer { body, _over: over })) }
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
    body: Observed,
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
