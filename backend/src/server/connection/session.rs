//! One connection: the handshake, then one request at a time until somebody says goodbye.

use std::ops::ControlFlow;
use std::time::Duration;

use shared::ErrorCode;
use shared::limits::{CANCEL_DRAIN_BYTES_MAX, CANCELS_PER_MINUTE_MAX, STALL_TIME};
use shared::wire::{End, Failure, FrameKind, Goodbye, Message};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::handshake::{Peer, handshake};
use super::response::{Answer, Control, Inbound, Stop};
use crate::lazy_timeout::LazyTimeout;
use crate::server::dispatch::dispatch;
use crate::server::operations::send::Sink;
use crate::server::state::Server;
use crate::server::uploads::write::Intake;
use crate::transfer_budget::{PIECE_BYTES_MIN, TransferBudget};
use crate::wire::{Frame, FrameReader, FrameWriter, Incoming, Source, WireError};

/// How many pieces of a PUT wait for the disk, each as long as [`TransferBudget`] allows.
const PIECES_WAITING_MAX: usize = 4;
/// How long the end of a PUT that failed is waited for.
const SKIP_TIME: Duration = Duration::from_secs(5);

/// Serves one connection to its end. A request that runs when `shutdown` comes is answered first.
pub async fn serve_connection<R, W>(reader: R, writer: W, server: &Server, shutdown: &CancellationToken)
where
    R: Source,
    W: Sink,
{
    let mut reader = FrameReader::new(reader);
    let mut writer = FrameWriter::new(writer);
    let shaken = tokio::select! {
        biased;
        // A stranger is not waited for.
        () = shutdown.cancelled() => None,
        shaken = timeout(server.config.handshake_time, handshake(&mut reader, &mut writer, server)) => Some(shaken),
    };
    let Some(shaken) = shaken else {
        say(&mut writer, FrameKind::Goodbye, &Goodbye::default()).await;
        return;
    };
    let peer = match shaken {
        Ok(Ok(peer)) => peer,
        Ok(Err(failure)) => {
            debug!(code = %failure.code, message = failure.message, "a handshake failed");
            return farewell(&mut reader, &mut writer, FrameKind::End, &End { error: Some(failure) }).await;
        }
        Err(_) => {
            let failure = Failure::new(ErrorCode::HandshakeTimeout, "the handshake took too long");
            return farewell(&mut reader, &mut writer, FrameKind::Goodbye, &Goodbye { error: Some(failure) }).await;
        }
    };
    let mut session =
        Session { reader, writer, server, peer, cancels: Cancels::default(), idle_timeout: LazyTimeout::default() };
    match session.run(shutdown).await {
        // Nobody is told off, so nobody needs to be waited for.
        Ok(()) => {
            say(&mut session.writer, FrameKind::Goodbye, &Goodbye::default()).await;
        }
        Err(WireError::Io(error)) => debug!(%error, "a connection broke"),
        Err(error) => {
            debug!(%error, "a connection was ended");
            let goodbye = Goodbye { error: Some(Failure::new(error.code(), error.to_string())) };
            farewell(&mut session.reader, &mut session.writer, FrameKind::Goodbye, &goodbye).await;
        }
    }
}

struct Session<'a, R, W> {
    reader: FrameReader<R>,
    writer: FrameWriter<W>,
    server: &'a Server,
    peer: Peer,
    cancels: Cancels,
    idle_timeout: LazyTimeout,
}

impl<R: Source, W: Sink> Session<'_, R, W> {
    /// Until the connection is over: well (the peer left or idled, or the server stops), or not.
    async fn run(&mut self, shutdown: &CancellationToken) -> Result<(), WireError> {
        loop {
            let frame = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                frame = self.idle_timeout.within(self.server.config.idle_time, self.reader.message()) => frame,
            };
            // An idle connection is ended without reproach.
            let Some(frame) = frame else { return Ok(()) };
            let Some(frame) = frame? else { return Ok(()) };
            match frame.kind() {
                Some(FrameKind::Ping) => {
                    self.writer.queue_body(FrameKind::Pong, frame.header.request_id, &[]);
                    self.writer.flush().await?;
                }
                // It crossed the END of the request that it is about.
                Some(FrameKind::Cancel) => self.cancels.count()?,
                Some(FrameKind::Goodbye) => return Ok(()),
                _ if frame.header.is_request() => {
                    if self.request(frame).await?.is_break() {
                        return Ok(());
                    }
                }
                _ => return Err(WireError::Unexpected("a frame that a client does not send")),
            }
            self.reader.shrink();
        }
    }

    /// After a PUT that failed: its bytes are read and forgotten until their end, if that is not too far away.
    async fn skip(&mut self, request_id: u32) -> Result<ControlFlow<()>, WireError> {
        match timeout(SKIP_TIME, self.skip_data(request_id)).await {
            Ok(over) => over,
            Err(_) => Err(WireError::Unexpected("the end of a PUT that failed did not come")),
        }
    }

    async fn skip_data(&mut self, request_id: u32) -> Result<ControlFlow<()>, WireError> {
        let mut skipped = 0;
        loop {
            while self.reader.data_left() > 0 {
                skipped += self.reader.piece(PIECE_BYTES_MIN).await?.len();
                if skipped > CANCEL_DRAIN_BYTES_MAX {
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
                    return Ok(ControlFlow::Continue(()));
                }
                Some(FrameKind::Ping) => {
                    self.writer.queue_body(FrameKind::Pong, frame.header.request_id, &[]);
                    self.writer.flush().await?;
                }
                Some(FrameKind::Cancel) => self.cancels.count()?,
                Some(FrameKind::Goodbye) => return Ok(ControlFlow::Break(())),
                _ => return Err(WireError::Unexpected("a request in the middle of a PUT")),
            }
        }
    }

    /// Runs one request and listens to the client meanwhile.
    async fn request(&mut self, frame: Frame) -> Result<ControlFlow<()>, WireError> {
        let Self { reader, writer, server, peer, cancels, .. } = self;
        let request_id = frame.header.request_id;
        let control = Control::default();
        if frame.kind() == Some(FrameKind::Store) {
            // Its bytes come without being asked for.
            control.open_intake();
        }
        // Work on other threads looks at the token: it is to stop, too, when this future is dropped.
        let _stop = control.cancelled.clone().drop_guard();
        let started = Instant::now();
        let outcome = {
            let mut answer = Answer::new(writer, request_id, &control);
            // A place for bytes is made for those alone that have some.
            let takes_bytes = matches!(frame.kind(), Some(FrameKind::Put | FrameKind::Store));
            let (sender, receiver) = takes_bytes.then(|| mpsc::channel(PIECES_WAITING_MAX)).unzip();
            let intake = receiver.map(|receiver| Intake::new(receiver, &control));
            let work = dispatch(server, *peer, &mut answer, intake, &frame);
            tokio::pin!(work);
            let mut ears = Ears {
                reader,
                request_id,
                control: &control,
                cancels,
                transfer_budget: &server.transfer_budget,
                sender,
            };
            let over = tokio::select! {
                biased;
                outcome = &mut work => Ok(outcome),
                over = ears.listen() => Err(over),
            };
            match over {
                Ok(outcome) => outcome,
                Err(over) => {
                    // Nobody hears the answer; but the bytes of a PUT that came are kept, and made durable.
                    ears.sender = None;
                    if control.is_open() {
                        let _ = work.await;
                    }
                    return over;
                }
            }
        };
        let error = match outcome {
            Ok(()) => None,
            Err(Stop::Failed(failure)) => Some(failure),
            Err(Stop::Broken(error)) => return Err(error),
        };
        let code = error.as_ref().map(|failure| failure.code.name());
        debug!(kind = ?frame.kind(), code, microseconds = started.elapsed().as_micros(), "answered");
        writer.queue(FrameKind::End, request_id, &End { error });
        control.take_pings().into_iter().for_each(|id| writer.queue_body(FrameKind::Pong, id, &[]));
        writer.flush().await?;
        if control.takes_data() {
            // A PUT that failed: its client does not know yet, and has bytes on the way.
            return self.skip(request_id).await;
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Hears what the client says while a request runs.
struct Ears<'a, R> {
    reader: &'a mut FrameReader<R>,
    request_id: u32,
    control: &'a Control,
    cancels: &'a mut Cancels,
    /// How much of a PUT is taken at a time.
    transfer_budget: &'a TransferBudget,
    /// Where the bytes of a PUT go.
    sender: Option<mpsc::Sender<Inbound>>,
}

impl<R: Source> Ears<'_, R> {
    /// Returns when the connection is over.
    async fn listen(&mut self) -> Result<ControlFlow<()>, WireError> {
        loop {
            let incoming = match timeout(STALL_TIME, self.reader.next()).await {
                Ok(incoming) => incoming?,
                // Who sends a file's bytes is to send some now and then; others may listen for as long as they like.
                Err(_) if self.control.takes_data() => return Err(WireError::Stalled),
                Err(_) => continue,
            };
            let frame = match incoming {
                None => return Ok(ControlFlow::Break(())),
                Some(Incoming::Data { request_id, .. }) => {
                    self.take_data(request_id).await?;
                    continue;
                }
                Some(Incoming::Message(frame)) => frame,
            };
            match frame.kind() {
                Some(FrameKind::PutEnd) if self.is_awaited(frame.header.request_id) => {
                    let end = frame.message()?;
                    self.control.close_intake();
                    self.pass(Inbound::End(end)).await;
                }
                Some(FrameKind::Cancel) => {
                    self.cancels.count()?;
                    if frame.header.request_id == self.request_id {
                        self.control.cancelled.cancel();
                    }
                }
                Some(FrameKind::ReleasedFd)
                    if frame.header.request_id == self.request_id && self.control.release_fd() => {}
                Some(FrameKind::ReleasedFd) => {
                    return Err(WireError::Unexpected("a file is given back that was not lent"));
                }
                Some(FrameKind::Ping) if self.control.ping(frame.header.request_id) => {}
                Some(FrameKind::Ping) => return Err(WireError::TooMany("too many pings wait for an answer")),
                Some(FrameKind::Goodbye) => return Ok(ControlFlow::Break(())),
                _ => return Err(WireError::Unexpected("a second request while one runs")),
            }
        }
    }

    /// Hands on the bytes of a DATA frame as they come.
    async fn take_data(&mut self, request_id: u32) -> Result<(), WireError> {
        if !self.is_awaited(request_id) {
            return Err(WireError::Unexpected("data that belongs to no PUT"));
        }
        while self.reader.data_left() > 0 {
            let piece = timeout(STALL_TIME, self.reader.piece(self.transfer_budget.piece_bytes()))
                .await
                .map_err(|_| WireError::Stalled)??;
            self.pass(Inbound::Bytes(piece)).await;
        }
        Ok(())
    }

    fn is_awaited(&self, request_id: u32) -> bool {
        request_id == self.request_id && self.control.takes_data()
    }

    async fn pass(&self, inbound: Inbound) {
        if let Some(sender) = &self.sender {
            // The operation has ended if it does not listen; its END is on the way.
            let _ = sender.send(inbound).await;
        }
    }
}

/// How many requests were cancelled of late.
struct Cancels {
    since: Instant,
    count: u32,
}

impl Default for Cancels {
    fn default() -> Self {
        Self { since: Instant::now(), count: 0 }
    }
}

impl Cancels {
    fn count(&mut self) -> Result<(), WireError> {
        if self.since.elapsed() >= Duration::from_secs(60) {
            *self = Self::default();
        }
        self.count += 1;
        if self.count > CANCELS_PER_MINUTE_MAX {
            return Err(WireError::TooMany("too many cancellations in a minute"));
        }
        Ok(())
    }
}

/// How long a peer that is turned away may take to hear why.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
/// What such a peer may still send meanwhile.
const FAREWELL_BYTES_MAX: usize = 256 << 10;

/// Says why the connection is over, and waits a little so that it is heard.
pub(in crate::server) async fn farewell<R, W, M>(
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
    kind: FrameKind,
    why: &M,
) where
    R: Source,
    W: Sink,
    M: Message,
{
    if say(writer, kind, why).await {
        let _ = timeout(FAREWELL_TIME, reader.discard(FAREWELL_BYTES_MAX)).await;
    }
}

/// Says one last thing and ends this direction; false where that is not possible. Bounded: the peer may not read any
/// more. In the middle of a frame nothing can be said, for it would pass for the frame's bytes.
async fn say<W: Sink, M: Message>(writer: &mut FrameWriter<W>, kind: FrameKind, last: &M) -> bool {
    if !writer.is_between_frames() {
        return false;
    }
    writer.queue(kind, 0, last);
    let said = matches!(timeout(FAREWELL_TIME, writer.flush()).await, Ok(Ok(())));
    if said {
        writer.shutdown().await;
    }
    said
}
