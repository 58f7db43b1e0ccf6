//! HTTP/1.1 on one connection, encrypted or not: [`serve`] handles its requests one after another.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::limits::PIECE_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::timeouts::{TimeoutStream, Timeouts};
use crate::gateway::config::GatewayConfig;
use crate::gateway::connection_info::ConnectionInfo;
use crate::gateway::http::observed_body::{BodyObserver, ObservedBody};
use crate::gateway::middleware::service::GatewayService;
use crate::gateway::peer_pace::PaceRule;
use crate::gateway::phase::{Phase, RequestGuard};

/// Smallest read buffer of a connection, in bytes.
const BUFFER_BYTES_MIN: usize = 16 << 10;

/// A connection without activity for this long releases the memory that only requests need.
const REST_TIME: Duration = Duration::from_millis(200);

/// What a connection is served with.
pub(crate) struct ConnectionContext<'a> {
    pub(crate) config: &'a GatewayConfig,
    pub(crate) pace: PaceRule,
    pub(crate) service: GatewayService,
    pub(crate) info: ConnectionInfo,
}

impl ConnectionContext<'_> {
    pub(super) fn timeouts(&self) -> Timeouts {
        let GatewayConfig { header_read_time: header_time, stall_time, .. } = *self.config;
        Timeouts { header_time, stall_time, pace: self.pace.clone() }
    }
}

/// Serves HTTP/1.1 until the connection closes. An idle connection holds little memory.
///
/// # Errors
/// The connection broke, the client was too slow, or the bytes are not HTTP.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    context: &ConnectionContext<'_>,
) -> io::Result<()> {
    let phase = Phase::default();
    let place = &context.info.place;
    let stream = TimeoutStream::new(stream, phase.clone(), context.timeouts());
    let mut stream = stream.strict().with_usage(Arc::clone(&place.usage));
    let idle_time = context.config.idle_time.max(context.config.header_read_time);
    let served = async {
        // Boxed, so that an idle connection does not hold what only requests need.
        while let Some(resting) = Box::pin(requests(stream, &phase, context)).await? {
            stream = resting;
            let more = tokio::select! {
                more = timeout(idle_time, stream.readable()) => more.unwrap_or(Ok(false))?,
                () = place.closing.cancelled() => false,
            };
            if !more {
                place.close();
                // With TLS the end takes space in a buffer that a client may leave full.
                return timeout(context.config.header_read_time, stream.shutdown()).await.unwrap_or(Ok(()));
            }
        }
        Ok(())
    };
    tokio::select! {
        served = served => served,
        () = place.over.cancelled() => Ok(()),
    }
}

/// Serves requests until the connection closes (`None`) or is idle for [`REST_TIME`]; then it returns the stream.
async fn requests<S: AsyncRead + AsyncWrite + Unpin>(
    stream: TimeoutStream<S>,
    phase: &Phase,
    context: &ConnectionContext<'_>,
) -> io::Result<Option<TimeoutStream<S>>> {
    let (info, clock, service) = (context.info.clone(), phase.clone(), context.service.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        clock.answering();
        let guard = RequestGuard::new(clock.clone());
        request.extensions_mut().insert(info.clone());
        request.extensions_mut().insert(guard.clone());
        let answer = service.clone().answer(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.map(|body| ObservedBody { body, observer: guard })) }
    });
    let mut connection = http1::Builder::new()
        // `TimeoutStream` enforces the timeout for headers.
        .header_read_timeout(None)
        .max_buf_size(buffer_bytes(context.config))
        .serve_connection(TokioIo::new(stream), service);
    let mut looks = interval_at(Instant::now() + REST_TIME, REST_TIME);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let place = &context.info.place;
    let mut asked = Box::pin(place.closing.cancelled());
    let mut closing = false;
    let rests = poll_fn(|context| {
        if !closing && asked.as_mut().poll(context).is_ready() {
            closing = true;
            place.close();
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = Pin::new(&mut connection).poll(context) {
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
    // A pipelined request may have been read in part.
    stream.unread(parts.read_buf);
    Ok(Some(stream))
}

/// Size of the read buffer of a connection, in bytes. A request whose headers do not fit is refused without reading the
/// rest. The buffer is allocated in addition to the pieces of a file.
pub(crate) fn buffer_bytes(config: &GatewayConfig) -> usize {
    (2 * config.header_bytes_max).clamp(BUFFER_BYTES_MIN, PIECE_BYTES)
}

/// The body of an answer keeps the guard and has nothing to report.
impl BodyObserver for RequestGuard {}
