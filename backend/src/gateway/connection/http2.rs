//! HTTP/2 (RFC 9113): many requests at once on one connection. What a client may keep waiting, it keeps waiting by the
//! window of a stream rather than by the socket; so each stream has a clock of its own.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::http1::ConnectionContext;
use super::timeouts::{TimeoutStream, Timeouts};
use crate::gateway::middleware::service::CountedBody;
use crate::gateway::phase::Phase;

/// Most requests at a time on one connection.
pub(crate) const STREAMS_MAX: u32 = 128;
/// Most requests that the client took back before they were looked at; one more and the connection ends (CVE-2023-44487).
const TAKEN_BACK_MAX: usize = 20;
/// Most streams that were reset because the client broke the rules; one more and the connection ends (CVE-2025-8671).
const BROKEN_MAX: usize = 128;
/// What a client may send of one request before any of it is taken, in bytes.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// What it may send of all, in bytes: more than of one, which must not keep the others from moving.
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// What waits in a stream for the client's window before the next piece is asked for, in bytes.
const STREAM_SEND_BYTES: usize = 32 << 10;
/// How often a silent client is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const PING_TIME: Duration = Duration::from_secs(20);
/// A connection on which no more than this is moved in [`crate::gateway::config::GatewayConfig::idle_time`] only has pings on it, in bytes.
const PINGS_BYTES_MAX: u64 = 1 << 10;

/// Serves a connection to its end.
///
/// # Errors
/// The connection broke, the client was too slow, or what it said is not HTTP/2.
pub(crate) async fn serve<S>(stream: S, context: &ConnectionContext<'_>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (config, phase) = (context.config, Phase::default());
    let stream = TimeoutStream::new(stream, phase.clone(), Timeouts::of(config));
    let traffic = Arc::new(Traffic { moved: stream.moved(), ..Traffic::default() });
    let (link, service, counted) = (context.link.clone(), context.service.clone(), Arc::clone(&traffic));
    let service = service_fn(move |mut request: Request<Incoming>| {
        // The connection's own clock is for the first request; after it the streams' are.
        phase.answering();
        let running = Running::begin(&counted);
        request.extensions_mut().insert(link.clone());
        let answer = service.clone().answer(request.map(Body::new));
        async move {
            let stall = STALL.with(Arc::clone);
            Ok::<_, Infallible>(answer.await.map(|body| Answer { body, stall, _running: running }))
        }
    });
    let connection = http2::Builder::new(Streams { stall_time: config.stall_time })
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(config.header_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(TAKEN_BACK_MAX)
        .max_local_error_reset_streams(BROKEN_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(STREAM_SEND_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIME)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = Box::pin(connection);
    let served = async {
        let idle = tokio::select! {
            served = connection.as_mut() => return served,
            () = context.shutdown.cancelled() => false,
            () = traffic.ceases(config.idle_time) => true,
        };
        connection.as_mut().graceful_shutdown();
        if !idle {
            return connection.await;
        }
        // Who has nothing to ask has nothing to say goodbye to either, and may be gone.
        timeout(config.header_read_time, connection).await.unwrap_or(Ok(()))
    };
    tokio::select! {
        served = served => served.map_err(io::Error::other),
        () = context.cut.cancelled() => Ok(()),
    }
}

/// What goes on in a connection.
#[derive(Default)]
struct Traffic {
    running: AtomicUsize,
    /// A request came since somebody looked.
    asked: AtomicBool,
    moved: Arc<AtomicU64>,
}

impl Traffic {
    /// Until for so long no request came, none ran, and nothing was moved: the end of an answer may still be on its way
    /// when its request has long been over.
    async fn ceases(&self, time: Duration) {
        let mut moved = 0;
        loop {
            sleep(time).await;
            let now = self.moved.load(Ordering::Relaxed);
            let busy = self.asked.swap(false, Ordering::Relaxed) || self.running.load(Ordering::Relaxed) > 0;
            if !busy && now - moved <= PINGS_BYTES_MAX {
                return;
            }
            moved = now;
        }
    }
}

/// A request, for as long as it runs.
struct Running(Arc<Traffic>);

impl Running {
    fn begin(traffic: &Arc<Traffic>) -> Self {
        traffic.asked.store(true, Ordering::Relaxed);
        traffic.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(traffic))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs streams, each as a task, and drops one (which resets it) when the client takes nothing of it for too long.
#[derive(Clone)]
struct Streams {
    stall_time: Duration,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let stall = Arc::new(StreamStall::new());
        tokio::spawn(STALL.scope(Arc::clone(&stall), unless_stalled(stream, stall, self.stall_time)));
    }
}

tokio::task_local! {
    /// Of the stream that runs.
    static STALL: Arc<StreamStall>;
}

/// Whose stall it is in a stream: ours, to make the next piece of the answer, or the client's, to take it.
struct StreamStall {
    start: Instant,
    /// Since when it is the client's, in milliseconds after the start; [`NOT_STALLED`] if it is ours.
    since: AtomicU64,
}

const NOT_STALLED: u64 = u64::MAX;

impl StreamStall {
    fn new() -> Self {
        Self { start: Instant::now(), since: AtomicU64::new(NOT_STALLED) }
    }

    fn clear(&self) {
        self.since.store(NOT_STALLED, Ordering::Relaxed);
    }

    fn begin(&self) {
        // 584 million years are enough.
        self.since.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn since_peer(&self) -> Option<Instant> {
        let since = self.since.load(Ordering::Relaxed);
        (since != NOT_STALLED).then(|| self.start + Duration::from_millis(since))
    }
}

/// Runs a stream to its end, or until it has been the client's stall for `stall_time`. It takes something when it opens the
/// window a little, for which the stream is woken.
async fn unless_stalled<F: Future>(stream: F, stall: Arc<StreamStall>, stall_time: Duration) {
    let mut stream = pin!(stream);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        let by_clock = timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready());
        if by_clock {
            let since = stall.since_peer();
            if since.is_some_and(|since| since.elapsed() >= stall_time) {
                return Poll::Ready(());
            }
            if let Some(timer) = &mut timer {
                timer.as_mut().reset(since.unwrap_or_else(Instant::now) + stall_time);
                // Never ready: it has just been set. It has to hear of this task.
                let _ = timer.as_mut().poll(context);
            }
            return Poll::Pending;
        }
        if stall.since_peer().is_some() {
            stall.begin();
        }
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        if timer.is_none() && stall.since_peer().is_some() {
            let timer = timer.insert(Box::pin(sleep(stall_time)));
            let _ = timer.as_mut().poll(context);
        }
        Poll::Pending
    })
    .await;
}

/// The body of an answer, which says whose stall it is.
struct Answer {
    body: CountedBody,
    stall: Arc<StreamStall>,
    _running: Running,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.stall.clear();
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            self.stall.begin();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
