//! The life of one connection: the handshake, then one request at a time until either side closes.

use std::ops::ControlFlow;
use std::time::Duration;

use shared::ErrorCode;
use shared::limits::CANCEL_DRAIN_BYTES_MAX;
use shared::wire::{End, Failure, FrameKind, Goodbye, PutEnd};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::close::{close_with, send_last};
use super::handshake::handshake;
use super::inbound::{CancelRate, InboundReader};
use super::places::Entered;
use crate::lazy_timeout::LazyTimeout;
use crate::server::error::RequestError;
use crate::server::exchange::body::RequestBody;
use crate::server::exchange::control::RequestControl;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::operations::{caller_of, dispatch};
use crate::server::peer::Peer;
use crate::server::state::Server;
use crate::transfer_budget::PIECE_BYTES_MIN;
use crate::wire::{Frame, FrameReader, FrameWriter, Incoming, Source, WireError};

/// How many pieces of a body wait for the disk, each of the length that [`crate::transfer_budget::TransferBudget`]
/// allows.
const PIECES_WAITING_MAX: usize = 4;
/// Most time for the rest of a body after its request has failed.
const DISCARD_TIME: Duration = Duration::from_secs(5);
/// Most time for the answer to a request that the end of the drain time cancels. It is as long as that of the last
/// frame: a client that does not read has no more time either way.
const STOPPED_ANSWER_TIME: Duration = Duration::from_secs(1);

/// Serves one connection to its end. A request that runs when `shutdown` is set is answered first, unless it is still
/// running when `overdue` is set: it then ends as if the connection had ended, and the answer says so where that is
/// possible, between two frames.
pub async fn serve_connection<R, W>(
    reader: R,
    writer: W,
    server: &Server,
    shutdown: &CancellationToken,
    overdue: &CancellationToken,
) where
    R: Source,
    W: Sink,
{
    serve_entered(reader, writer, server, None, shutdown, overdue).await;
}

/// As [`serve_connection`], for a connection of a listener, which has its place until the future is dropped.
pub(super) async fn serve_entered<R, W>(
    reader: R,
    writer: W,
    server: &Server,
    entered: Option<Entered>,
    shutdown: &CancellationToken,
    overdue: &CancellationToken,
) where
    R: Source,
    W: Sink,
{
    let mut reader = FrameReader::new(reader);
    let mut writer = FrameWriter::new(writer);
    let authenticated = tokio::select! {
        biased;
        // On shutdown, peers that have not authenticated yet are dropped.
        () = shutdown.cancelled() => None,
        () = displaced(entered.as_ref()) => {
            let failure = Failure::new(ErrorCode::HandshakeTimeout, "other clients wait for a handshake");
            send_last(&mut writer, FrameKind::Goodbye, &Goodbye { error: Some(failure) }).await;
            return;
        }
        peer = timeout(server.config.handshake_time, handshake(&mut reader, &mut writer, server)) => Some(peer),
    };
    let peer = match authenticated {
        None => {
            send_last(&mut writer, FrameKind::Goodbye, &Goodbye::default()).await;
            return;
        }
        Some(Ok(Ok(peer))) => peer,
        Some(Ok(Err(failure))) => {
            debug!(code = %failure.code, message = failure.message, "a handshake failed");
            return close_with(&mut reader, &mut writer, FrameKind::End, &End { error: Some(failure) }).await;
        }
        Some(Err(_)) => {
            let failure = Failure::new(ErrorCode::HandshakeTimeout, "the handshake took too long");
            return close_with(&mut reader, &mut writer, FrameKind::Goodbye, &Goodbye { error: Some(failure) }).await;
        }
    };
    let place = entered.map(|entered| entered.authenticated(&peer.key.principal, writer.progress())).transpose();
    let _place = match place {
        Ok(place) => place,
        Err(newcomer) => {
            let goodbye = Goodbye { error: Some(too_many_connections()) };
            let closing = close_with(&mut reader, &mut writer, FrameKind::Goodbye, &goodbye);
            tokio::select! {
                () = closing => {}
                // The place of a newcomer is for a handshake only.
                () = newcomer.displaced() => {}
            }
            return;
        }
    };
    let cancels = CancelRate::default();
    let mut session = Session { reader, writer, server, peer, cancels, overdue, idle_timeout: LazyTimeout::default() };
    match session.run(shutdown).await {
        // The peer may be sending the body of the request, and has to read its END.
        Ok(()) if session.is_cut_short() => {
            let error = session.peer.key.is_removed().then(key_removed);
            close_with(&mut session.reader, &mut session.writer, FrameKind::Goodbye, &Goodbye { error }).await;
        }
        // Without a reason to read, the peer needs no time for it.
        Ok(()) => {
            send_last(&mut session.writer, FrameKind::Goodbye, &Goodbye::default()).await;
        }
        Err(WireError::Io(error)) => debug!(%error, "a connection broke"),
        Err(error) => {
            debug!(%error, "a connection was closed");
            let goodbye = Goodbye { error: Some(Failure::new(error.code(), error.to_string())) };
            close_with(&mut session.reader, &mut session.writer, FrameKind::Goodbye, &goodbye).await;
        }
    }
}

async fn displaced(entered: Option<&Entered>) {
    match entered {
        Some(entered) => entered.displaced().await,
        None => std::future::pending().await,
    }
}

/// Why a connection is refused.
pub(super) fn too_many_connections() -> Failure {
    let message = "the server, or the principal of the key, has its most connections already";
    Failure { retry_after_ms: Some(1_000), ..Failure::new(ErrorCode::TooManyConnections, message) }
}

/// Why the connections of a key end.
fn key_removed() -> Failure {
    Failure::new(ErrorCode::BadProof, "the key has been removed")
}

/// An authenticated connection.
struct Session<'a, R, W> {
    reader: FrameReader<R>,
    writer: FrameWriter<W>,
    server: &'a Server,
    peer: Peer,
    cancels: CancelRate,
    /// Set at the end of the drain time.
    overdue: &'a CancellationToken,
    idle_timeout: LazyTimeout,
}

impl<R: Source, W: Sink> Session<'_, R, W> {
    /// Whether requests end before their work does: at the end of the drain time, and when the key is removed.
    fn is_cut_short(&self) -> bool {
        self.overdue.is_cancelled() || self.peer.key.is_removed()
    }

    /// Serves requests until the peer leaves or idles, or the server stops.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), WireError> {
        loop {
            let frame = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                () = self.peer.key.removed() => return Ok(()),
                frame = self.idle_timeout.within(self.server.config.idle_time, self.reader.message()) => frame,
            };
            // Idleness is no error.
            let Some(frame) = frame else { return Ok(()) };
            let Some(frame) = frame? else { return Ok(()) };
            match frame.kind() {
                Some(FrameKind::Ping) => self.answer_ping(&frame).await?,
                // It crossed the END of its request.
                Some(FrameKind::Cancel) => self.cancels.count()?,
                Some(FrameKind::Goodbye) => return Ok(()),
                _ if frame.header.is_request() && frame.header.request_id == 0 => {
                    return Err(WireError::Unexpected("a request has the id 0"));
                }
                _ if frame.header.is_request() => {
                    if self.serve_request(frame).await?.is_break() {
                        return Ok(());
                    }
                }
                _ => return Err(WireError::Unexpected("a frame that a client does not send")),
            }
            self.reader.shrink();
        }
    }

    /// Serves one request, and reads what the client sends meanwhile.
    async fn serve_request(&mut self, frame: Frame) -> Result<ControlFlow<()>, WireError> {
        let request_id = frame.header.request_id;
        let control = RequestControl::default();
        let started = Instant::now();
        let error = match self.run_operation(&frame, &control).await? {
            ControlFlow::Break(()) => return Ok(ControlFlow::Break(())),
            ControlFlow::Continue(Ok(())) => None,
            ControlFlow::Continue(Err(RequestError::Failed(failure))) => Some(failure),
            ControlFlow::Continue(Err(RequestError::Connection(error))) => return Err(error),
        };
        log_answer(&frame, error.as_ref(), started.elapsed());
        self.writer.queue(FrameKind::End, request_id, &End { error });
        control.take_pings().into_iter().for_each(|id| self.writer.queue_body(FrameKind::Pong, id, &[]));
        if self.is_cut_short() {
            // The last frame is sent together with END, in limited time.
            return Ok(ControlFlow::Break(()));
        }
        self.writer.flush().await?;
        if control.expects_data() {
            // The client does not know yet that its PUT failed, and has bytes on the way.
            return self.discard_body(request_id).await;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The result of the operation, or `Break` if the connection ends first.
    async fn run_operation(
        &mut self,
        frame: &Frame,
        control: &RequestControl,
    ) -> Result<ControlFlow<(), Result<(), RequestError>>, WireError> {
        let Self { reader, writer, server, peer, cancels, overdue, .. } = self;
        // Work on other threads has to end, too, if this future is dropped.
        let _cancel_on_drop = control.cancelled.clone().drop_guard();
        let request_id = frame.header.request_id;
        let (sender, body) = match frame.kind() {
            Some(kind @ (FrameKind::Put | FrameKind::Store)) => {
                if kind == FrameKind::Store {
                    // Its body follows the request at once.
                    control.open_body();
                }
                let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
                (Some(sender), Some(RequestBody::new(receiver, control)))
            }
            _ => (None, None),
        };
        let mut response = ResponseWriter::new(writer, request_id, control);
        let operation = dispatch(server, peer, &mut response, body, frame);
        tokio::pin!(operation);
        let mut inbound =
            InboundReader { reader, request_id, control, cancels, transfer_budget: &server.transfer_budget, sender };
        tokio::select! {
            biased;
            outcome = &mut operation => Ok(ControlFlow::Continue(outcome)),
            ended = inbound.run() => {
                inbound.sender = None;
                if control.has_body() {
                    // The answer has no reader any more, but the bytes that arrived are kept and synced.
                    let _ = operation.await;
                }
                ended.map(|_| ControlFlow::Break(()))
            }
            () = cut_short(overdue, peer) => {
                inbound.sender = None;
                let outcome = if control.has_body() {
                    // As at the end of the connection, the bytes that arrived are kept and synced.
                    Some(operation.await)
                } else {
                    control.cancelled.cancel();
                    timeout(STOPPED_ANSWER_TIME, operation).await.ok()
                };
                // Without an outcome the effect may have begun, so END could say neither that it has nor that it has not.
                let stopped = |error| stopped(error, peer);
                Ok(outcome.map_or(ControlFlow::Break(()), |outcome| ControlFlow::Continue(outcome.map_err(stopped))))
            }
        }
    }

    /// Reads and drops the rest of a body after its request has failed.
    ///
    /// # Errors
    /// [`WireError::Unexpected`] if the rest is too long or takes too long.
    async fn discard_body(&mut self, request_id: u32) -> Result<ControlFlow<()>, WireError> {
        let (overdue, peer) = (self.overdue, self.peer.clone());
        let ended = timeout(DISCARD_TIME, self.discard_data(request_id));
        tokio::select! {
            biased;
            () = cut_short(overdue, &peer) => Ok(ControlFlow::Break(())),
            ended = ended => match ended {
                Ok(ended) => ended,
                Err(_) => Err(WireError::Unexpected("the end of a PUT that failed did not come")),
            }
        }
    }

    async fn discard_data(&mut self, request_id: u32) -> Result<ControlFlow<()>, WireError> {
        let mut discarded = 0;
        loop {
            while self.reader.data_left() > 0 {
                discarded += self.reader.piece(PIECE_BYTES_MIN).await?.len();
                if discarded > CANCEL_DRAIN_BYTES_MAX {
                    return Err(WireError::Unexpected("the bytes of a PUT that failed go on"));
                }
            }
            let frame = match self.reader.next().await? {
                None => return Ok(ControlFlow::Break(())),
                Some(Incoming::Data { request_id: of, .. }) if of == request_id => continue,
                Some(Incoming::Data { .. }) => return Err(WireError::Unexpected("data that belongs to no PUT")),
                Some(Incoming::Message(frame)) => frame,
            };
            match frame.kind() {
                Some(FrameKind::PutEnd) if frame.header.request_id == request_id => {
                    frame.message::<PutEnd>()?;
                    return Ok(ControlFlow::Continue(()));
                }
                Some(FrameKind::Ping) => self.answer_ping(&frame).await?,
                Some(FrameKind::Cancel) => self.cancels.count()?,
                Some(FrameKind::Goodbye) => return Ok(ControlFlow::Break(())),
                _ => return Err(WireError::Unexpected("a request in the middle of a PUT")),
            }
        }
    }

    async fn answer_ping(&mut self, ping: &Frame) -> Result<(), WireError> {
        self.writer.queue_body(FrameKind::Pong, ping.header.request_id, &[]);
        self.writer.flush().await
    }
}

/// Waits for the end of the drain time, or until the key of the connection is removed.
async fn cut_short(overdue: &CancellationToken, peer: &Peer) {
    tokio::select! {
        () = overdue.cancelled() => {}
        () = peer.key.removed() => {}
    }
}

/// Why a request ends that is cut short, or whose body is.
fn stopped(error: RequestError, peer: &Peer) -> RequestError {
    match error {
        RequestError::Failed(failure) if matches!(failure.code, ErrorCode::Canceled | ErrorCode::Disconnected) => {
            if peer.key.is_removed() {
                return key_removed().into();
            }
            Failure::new(ErrorCode::ShuttingDown, "the server stops").into()
        }
        error => error,
    }
}

/// Logs the end of a request, with the id by which its client finds the line. The caller is read for that line only.
fn log_answer(frame: &Frame, error: Option<&Failure>, time: Duration) {
    let kind = frame.kind();
    let code = error.map(|failure| failure.code.name());
    let microseconds = time.as_micros();
    let trace_id = || caller_of(frame).and_then(|caller| caller.trace_id);
    match error {
        Some(Failure { code: ErrorCode::Io | ErrorCode::Internal, .. }) => {
            warn!(?kind, code, trace_id = trace_id(), microseconds, "a request failed");
        }
        _ => debug!(?kind, code, trace_id = trace_id(), microseconds, "answered"),
    }
}
