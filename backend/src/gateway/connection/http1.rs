//! One connection: its requests, one after the other, each told where it comes from. It does not know whether the
//! bytes are encrypted on their way; a request may ask its [`ConnectionInfo`].

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::limits::PIECE_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::timeouts::{TimeoutStream, Timeouts};
use crate::gateway::config::GatewayConfig;
use crate::gateway::connection_info::ConnectionInfo;
use crate::gateway::middleware::service::{CountedBody, GatewayService};
use crate::gateway::phase::{Phase, RequestGuard};

/// Least buffer of a connection, in bytes.
const BUFFER_BYTES_MIN: usize = 16 << 10;

/// A connection on which nothing happened from one look to the next, so far apart, gives back what it needs for a request
/// alone.
const REST_TIME: Duration = Duration::from_millis(200);

/// What a connection is served with.
pub(crate) struct ConnectionContext<'a> {
    pub(crate) config: &'a GatewayConfig,
    pub(crate) service: GatewayService,
    pub(crate) link: ConnectionInfo,
    /// From here on no new request is taken.
    pub(crate) shutdown: CancellationToken,
    /// Here ends what has not ended.
    pub(crate) cut: CancellationToken,
}

/// Serves HTTP/1.1 on a connection, to its end. Between two requests that are far apart it takes little memory.
///
/// # Errors
/// The connection broke, the client was too slow, or what it said is not HTTP.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    context: &ConnectionContext<'_>,
) -> io::Result<()> {
    let phase = Phase::default();
    let mut stream = TimeoutStream::new(stream, phase.clone(), Timeouts::of(context.config));
    let idle_time = context.config.idle_time.max(context.config.header_read_time);
    let served = async {
        while let Some(resting) = requests(stream, &phase, context).await? {
            stream = resting;
            let more = tokio::select! {
                more = timeout(idle_time, stream.more()) => more.unwrap_or(Ok(false))?,
                () = context.shutdown.cancelled() => false,
            };
            if !more {
                return stream.shutdown().await;
            }
        }
        Ok(())
    };
    tokio::select! {
        served = served => served,
        () = context.cut.cancelled() => Ok(()),
    }
}

/// Serves requests until the connection ends, or until none came for a while: then it is handed back.
async fn requests<S: AsyncRead + AsyncWrite + Unpin>(
    stream: TimeoutStream<S>,
    phase: &Phase,
    context: &ConnectionContext<'_>,
) -> io::Result<Option<TimeoutStream<S>>> {
    let (link, clock, service) = (context.link.clone(), phase.clone(), context.service.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        clock.answering();
        let guard = RequestGuard::new(clock.clone());
        request.extensions_mut().insert(link.clone());
        request.extensions_mut().insert(guard.clone());
        let answer = service.clone().answer(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.map(|body| Answer { body, _guard: guard })) }
    });
    // On the heap, so that a connection that rests is spared it.
    let mut connection = Box::new(
        http1::Builder::new()
            // The stream has a clock of its own.
            .header_read_timeout(None)
            .max_buf_size(buffer_bytes(context.config))
            .serve_connection(TokioIo::new(stream), service),
    );
    let mut looks = interval_at(Instant::now() + REST_TIME, REST_TIME);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = Box::pin(context.shutdown.cancelled());
    let mut closing = false;
    let rests = poll_fn(|context| {
        if !closing && shutdown.as_mut().poll(context).is_ready() {
            closing = true;
            Pin::new(&mut *connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(context) {
            return Poll::Ready(ended.map(|()| false).map_err(io::Error::other));
        }
        loop {
            ready!(looks.poll_tick(context));
            if phase.is_quiet() {
                return Poll::Ready(Ok(true));
            }
        }
    });
    if !rests.await? {
        return Ok(None);
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    // The beginning of a request that came along with the one before it.
    stream.keep(parts.read_buf);
    Ok(Some(stream))
}

/// Most that is kept of a request's headers, in bytes. What cannot be a request of ours is refused without being read to
/// its end. A piece of a file counts as one buffer however long it is: this much is kept beside it, not instead of it.
pub(crate) fn buffer_bytes(config: &GatewayConfig) -> usize {
    (2 * config.header_bytes_max).clamp(BUFFER_BYTES_MIN, PIECE_BYTES)
}

struct Answer {
    body: CountedBody,
    _guard: RequestGuard,
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
