//! HTTP/2 (RFC 9113): many requests at a time on one connection. A client can stall one stream by its flow-control
//! window while the socket stays writable, so each stream has a timeout of its own.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, ready};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};

use super::http1::ConnectionContext;
use super::timeouts::TimeoutStream;
use crate::admission::{Admission, Permit, Who};
use crate::gateway::http::observed_body::{BodyObserver, ObservedBody, Polled};
use crate::gateway::http::sliced_body::SlicedBody;
use crate::gateway::peer_pace::{PaceRule, PeerPace};
use crate::gateway::phase::Phase;

/// Most concurrent requests on one connection.
pub(crate) const STREAMS_MAX: u32 = 128;
/// Most requests that the client reset before they were accepted; one more closes the connection (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// Most streams that were reset because the client violated the protocol; one more closes the connection
/// (CVE-2025-8671).
const LOCAL_RESETS_MAX: usize = 128;
/// Flow-control windows of a connection.
const WINDOWS: Windows = Windows { stream_bytes: 1 << 20, connection_bytes: 4 << 20 };
/// Flow-control windows of a connection that has no share of the memory for [`WINDOWS`].
const LEAST_WINDOWS: Windows = Windows { stream_bytes: 64 << 10, connection_bytes: 128 << 10 };
/// Bytes that may wait in a stream for the client's window before the next piece is requested.
const STREAM_SEND_BYTES: usize = 32 << 10;
/// Interval of pings on a silent connection.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long the client may take to answer a ping.
const PING_TIME: Duration = Duration::from_secs(20);
/// A connection that moves no more bytes than this within [`crate::gateway::config::GatewayConfig::idle_time`] carries
/// only pings.
const PINGS_BYTES_MAX: u64 = 1 << 10;

/// How much of request bodies a client may send ahead, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Windows {
    stream_bytes: u32,
    /// Larger than the window of one stream, so that one stalled stream does not block the others.
    connection_bytes: u32,
}

impl Windows {
    /// The windows of a new connection, and the share to be kept as long as it is open: what a client sends ahead is in
    /// memory while its requests wait.
    fn of_connection(memory: &Admission, who: Who) -> (Self, Option<Permit>) {
        match memory.try_take(who, WINDOWS.connection_bytes.into()) {
            Ok(share) => (WINDOWS, Some(share)),
            Err(_) => (LEAST_WINDOWS, None),
        }
    }
}

/// Serves HTTP/2 until the connection closes.
///
/// # Errors
/// The connection broke, the client was too slow, or the bytes are not HTTP/2.
pub(crate) async fn serve<S>(stream: S, context: &ConnectionContext<'_>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (config, phase) = (context.config, Phase::default());
    let place = &context.info.place;
    let stream = TimeoutStream::new(stream, phase.clone(), context.timeouts()).with_usage(Arc::clone(&place.usage));
    let traffic = Arc::new(Traffic { bytes_moved: stream.bytes_moved(), ..Traffic::default() });
    let (info, service, counted) = (context.info.clone(), context.service.clone(), Arc::clone(&traffic));
    let service = service_fn(move |mut request: Request<Incoming>| {
        // The connection's timeout applies to the first request; after it each stream has its own.
        phase.answering();
        let running = Running::begin(&counted);
        request.extensions_mut().insert(info.clone());
        let answer = service.clone().answer(request.map(Body::new));
        async move {
            let stall = STALL.with(Arc::clone);
            let observer = StallObserver { stall, _running: running };
            Ok::<_, Infallible>(answer.await.map(|body| ObservedBody { body: SlicedBody::new(body), observer }))
        }
    });
    let (windows, _share) = Windows::of_connection(place.ahead(), place.who);
    let connection = http2::Builder::new(Streams { stall_time: config.stall_time, pace: context.pace.clone() })
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(config.header_bytes_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .initial_stream_window_size(windows.stream_bytes)
        .initial_connection_window_size(windows.connection_bytes)
        .max_send_buf_size(STREAM_SEND_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIME)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = Box::pin(connection);
    let served = async {
        let idle = tokio::select! {
            served = connection.as_mut() => return served,
            () = place.closing.cancelled() => !place.stops(),
            () = traffic.wait_until_idle(config.idle_time) => true,
        };
        place.close();
        connection.as_mut().graceful_shutdown();
        if !idle {
            return connection.await;
        }
        // An idle client may be gone and never answer the GOAWAY frame, so the wait is limited. A request that crossed
        // that frame is served.
        loop {
            match timeout(config.header_read_time, connection.as_mut()).await {
                Ok(served) => return served,
                Err(_) if traffic.running.load(Ordering::Relaxed) == 0 => return Ok(()),
                Err(_) => {}
            }
        }
    };
    tokio::select! {
        served = served => served.map_err(io::Error::other),
        () = place.over.cancelled() => Ok(()),
    }
}

/// The activity of a connection.
#[derive(Default)]
struct Traffic {
    running: AtomicUsize,
    /// Set by each request; cleared when it is read.
    requested: AtomicBool,
    bytes_moved: Arc<AtomicU64>,
}

impl Traffic {
    /// Waits until within `time` no request came, none was in progress, and nothing was sent: the end of an answer may
    /// still be in transit after its request has ended.
    async fn wait_until_idle(&self, time: Duration) {
        let mut moved = 0;
        loop {
            sleep(time).await;
            let now = self.bytes_moved.load(Ordering::Relaxed);
            let busy = self.requested.swap(false, Ordering::Relaxed) || self.running.load(Ordering::Relaxed) > 0;
            if !busy && now - moved <= PINGS_BYTES_MAX {
                return;
            }
            moved = now;
        }
    }
}

/// Counts a request as running until it is dropped.
struct Running(Arc<Traffic>);

impl Running {
    fn begin(traffic: &Arc<Traffic>) -> Self {
        traffic.requested.store(true, Ordering::Relaxed);
        traffic.running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(traffic))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs each stream as a task, and drops the task (which resets the stream) when the client accepts no byte for
/// `stall_time`.
#[derive(Clone)]
struct Streams {
    stall_time: Duration,
    pace: PaceRule,
}

impl<F> Executor<F> for Streams
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let stall = Arc::new(StreamStall::new());
        tokio::spawn(
            STALL.scope(Arc::clone(&stall), run_unless_stalled(stream, stall, self.stall_time, self.pace.clone())),
        );
    }
}

tokio::task_local! {
    /// The stall clock of the stream whose task is running.
    static STALL: Arc<StreamStall>;
}

/// Since when a stream waits for its client rather than for the gateway.
struct StreamStall {
    start: Instant,
    /// Milliseconds after `start`; [`NOT_STALLED`] while the gateway prepares the next piece.
    since: AtomicU64,
    /// Bytes of the answer that were handed to the stream.
    bytes: AtomicU64,
}

const NOT_STALLED: u64 = u64::MAX;

impl StreamStall {
    fn new() -> Self {
        Self { start: Instant::now(), since: AtomicU64::new(NOT_STALLED), bytes: AtomicU64::new(0) }
    }

    fn clear(&self) {
        self.since.store(NOT_STALLED, Ordering::Relaxed);
    }

    fn begin(&self) {
        // u64 milliseconds last 584 million years.
        self.since.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn since(&self) -> Option<Instant> {
        let since = self.since.load(Ordering::Relaxed);
        (since != NOT_STALLED).then(|| self.start + Duration::from_millis(since))
    }
}

/// Runs a stream to its end, or until its client accepted no byte for `stall_time`, or too few of them while places are
/// scarce. A window update wakes the stream, which counts as progress.
async fn run_unless_stalled<F: Future>(stream: F, stall: Arc<StreamStall>, stall_time: Duration, pace: PaceRule) {
    let mut stream = pin!(stream);
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    let mut peer: Option<PeerPace> = None;
    poll_fn(|context| {
        let fired = timer.as_mut().is_some_and(|timer| timer.as_mut().poll(context).is_ready());
        if !fired && stall.since().is_some() {
            stall.begin();
        }
        if stream.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let Some(since) = stall.since() else {
            peer.as_mut().map(PeerPace::go_on);
            return Poll::Pending;
        };
        let bytes = stall.bytes.load(Ordering::Relaxed);
        let peer = peer.get_or_insert_with(|| PeerPace::new(&pace, bytes));
        loop {
            let (now, stalled) = (Instant::now(), since + stall_time);
            if now >= stalled || (now >= peer.wait() && peer.is_over(bytes)) {
                return Poll::Ready(());
            }
            let deadline = stalled.min(peer.wait());
            let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.is_elapsed() || timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            // An earlier deadline stays: the next poll moves it.
            ready!(timer.as_mut().poll(context));
        }
    })
    .await;
}

/// Starts the stall clock when a piece is ready for the client, and stops it when the next one is requested.
struct StallObserver {
    stall: Arc<StreamStall>,
    _running: Running,
}

impl BodyObserver for StallObserver {
    fn before_poll(&mut self) {
        self.stall.clear();
    }

    fn after_poll(&mut self, polled: &Polled) {
        if let Poll::Ready(piece) = polled {
            let piece = piece.as_ref().and_then(|piece| piece.as_ref().ok()?.data_ref());
            self.stall.bytes.fetch_add(piece.map_or(0, |piece| piece.len() as u64), Ordering::Relaxed);
            self.stall.begin();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::config::GatewayConfig;
    use crate::gateway::places::Places;

    #[test]
    fn connections_of_one_client_leave_full_windows_to_others() {
        let memory = Places::new(&GatewayConfig::default()).ahead;
        let windows = |name| Windows::of_connection(&memory, Who::client(name));
        let mut full: Vec<_> = (0..32).map(|_| windows("a")).collect();
        assert!(full.iter().all(|(windows, share)| *windows == WINDOWS && share.is_some()));
        assert_eq!(windows("a").0, LEAST_WINDOWS);
        assert_eq!(windows("b").0, WINDOWS);
        full.pop();
        assert_eq!(windows("a").0, WINDOWS);
    }
}
