//! The answer to the request that runs: frames out, and what the client may say meanwhile (CANCEL, PING) taken into
//! account between them.

use std::fs::File;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use shared::ErrorCode;
use shared::limits::{PIECE_BYTES, PINGS_WAITING_MAX};
use shared::wire::{Failure, FrameKind, Message, PutEnd};
use tokio::io::AsyncWrite;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::server::operations::send::Sink;
use crate::storage::StorageError;
use crate::wire::{FrameWriter, WireError};

/// Why an operation stops.
#[derive(Debug)]
pub(in crate::server) enum Stop {
    /// The request fails; the connection goes on.
    Failed(Failure),
    /// The connection is over, because it broke or because an answer can only be cut off.
    Broken(WireError),
}

/// What the client said while a request runs.
#[derive(Default)]
pub(in crate::server) struct Control {
    /// Set by CANCEL, and when the connection is over.
    pub cancelled: CancellationToken,
    pings: Mutex<Vec<u32>>,
    pinged: Notify,
    /// A PUT was told that its bytes may come.
    takes_data: AtomicBool,
    /// Its PUT_END has come.
    put_ended: AtomicBool,
    /// A file is lent.
    fd_passed: AtomicBool,
    /// It is given back.
    returned: Notify,
}

/// What comes in during a PUT.
#[derive(Debug)]
pub(in crate::server) enum Inbound {
    /// Some of its bytes.
    Bytes(Bytes),
    /// That there are no more.
    End(PutEnd),
}

/// The frames that answer one request.
pub(in crate::server) struct Answer<'a, W> {
    writer: &'a mut FrameWriter<W>,
    request_id: u32,
    control: &'a Control,
    /// Until when the first frame must be out.
    deadline: Option<Instant>,
    gathered_bytes: usize,
}

impl Control {
    /// Takes a PING to be answered between two frames; false where there are too many.
    pub(in crate::server) fn ping(&self, request_id: u32) -> bool {
        let mut pings = self.pings.lock().unwrap_or_else(PoisonError::into_inner);
        pings.push(request_id);
        self.pinged.notify_one();
        pings.len() <= PINGS_WAITING_MAX as usize
    }

    /// From here on DATA may come.
    pub(in crate::server) fn open_intake(&self) {
        self.takes_data.store(true, Ordering::Release);
    }

    /// True between the server's word that it is ready and PUT_END.
    pub(in crate::server) fn takes_data(&self) -> bool {
        self.takes_data.load(Ordering::Acquire) && !self.put_ended.load(Ordering::Acquire)
    }

    /// True once DATA may have come.
    pub(in crate::server) fn is_open(&self) -> bool {
        self.takes_data.load(Ordering::Acquire)
    }

    /// No more DATA may come.
    pub(in crate::server) fn close_intake(&self) {
        self.put_ended.store(true, Ordering::Release);
    }

    /// The client gives back what it was lent; false where that is nothing.
    pub(in crate::server) fn release_fd(&self) -> bool {
        let was_passed = self.fd_passed.swap(false, Ordering::AcqRel);
        if was_passed {
            self.returned.notify_one();
        }
        was_passed
    }

    /// The PINGs that wait for an answer.
    pub(in crate::server) fn take_pings(&self) -> Vec<u32> {
        std::mem::take(&mut *self.pings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<'a, W: AsyncWrite + Unpin> Answer<'a, W> {
    /// An answer to `request_id`.
    pub(in crate::server) fn new(writer: &'a mut FrameWriter<W>, request_id: u32, control: &'a Control) -> Self {
        Self { writer, request_id, control, deadline: None, gathered_bytes: 0 }
    }

    /// The request's own bound on the time to the first frame.
    pub(in crate::server) fn set_deadline(&mut self, milliseconds: Option<u32>) {
        self.deadline = milliseconds.map(|time| Instant::now() + Duration::from_millis(time.into()));
    }

    /// Gathers the header of a DATA frame, whose payload the operation sends in its own way.
    pub(in crate::server) fn begin_data(&mut self, bytes: usize) {
        let request_id = self.request_id;
        self.writer().begin_data(request_id, bytes);
    }

    /// Cancelled by CANCEL, for work on other threads to look at.
    pub(in crate::server) fn cancelled(&self) -> &CancellationToken {
        &self.control.cancelled
    }

    /// Waits for work elsewhere, but no longer than the client wants it, and answers PINGs meanwhile.
    pub(in crate::server) async fn during<T, E: Into<Stop>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Stop> {
        tokio::pin!(work);
        loop {
            let deadline = self.deadline;
            tokio::select! {
                biased;
                done = &mut work => return done.map_err(E::into),
                () = self.control.cancelled.cancelled() => return Err(canceled()),
                () = self.control.pinged.notified() => self.answer_pings().await?,
                () = past(deadline) => {
                    return Err(Failure::new(ErrorCode::DeadlineExceeded, "the request's deadline passed").into());
                }
            }
        }
    }

    /// Waits for work that is not to be left half-way, whatever the client wants, and answers PINGs meanwhile.
    pub(in crate::server) async fn attend<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.control.pinged.notified() => {
                    if self.answer_pings().await.is_err() {
                        // Nobody is there to be answered; the work is done all the same.
                        return work.await;
                    }
                }
            }
        }
    }

    /// Gathers a message of the answer, and sends what is gathered once it is worth it.
    pub(in crate::server) async fn send<M: Message>(&mut self, kind: FrameKind, message: &M) -> Result<(), Stop> {
        self.send_body(kind, &shared::wire::encode(message)).await
    }

    /// Gathers a frame of the answer, and sends what is gathered once it is worth it.
    pub(in crate::server) async fn send_body(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), Stop> {
        self.deadline = None;
        self.writer.queue_body(kind, self.request_id, body);
        self.gathered_bytes += body.len();
        if self.gathered_bytes >= PIECE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Lends a file to the client, and waits until it is given back, for as long as the client likes: what bounds its
    /// reader bounds this, too.
    pub(in crate::server) async fn pass_fd(&mut self, file: File) -> Result<(), Stop>
    where
        W: Sink,
    {
        self.control.fd_passed.store(true, Ordering::Release);
        self.writer().sink().pass_fd(file);
        self.send_body(FrameKind::PassedFd, &[]).await?;
        self.flush().await?;
        let control = self.control;
        let returned = async {
            control.returned.notified().await;
            Ok::<_, Stop>(())
        };
        self.during(returned).await
    }

    /// Sends what is gathered, then looks at what the client said.
    pub(in crate::server) async fn flush(&mut self) -> Result<(), Stop> {
        self.gathered_bytes = 0;
        self.writer.flush().await?;
        self.answer_pings().await?;
        if self.control.cancelled.is_cancelled() { Err(canceled()) } else { Ok(()) }
    }

    /// The writer, for an operation that sends in its own way.
    pub(in crate::server) fn writer(&mut self) -> &mut FrameWriter<W> {
        self.deadline = None;
        self.gathered_bytes = 0;
        self.writer
    }

    async fn answer_pings(&mut self) -> Result<(), Stop> {
        let pings = self.control.take_pings();
        if !pings.is_empty() {
            pings.into_iter().for_each(|id| self.writer.queue_body(FrameKind::Pong, id, &[]));
            self.writer.flush().await?;
        }
        Ok(())
    }
}

async fn past(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn canceled() -> Stop {
    Failure::new(ErrorCode::Canceled, "the client cancelled the request").into()
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        Self::Broken(error)
    }
}

impl From<ErrorCode> for Stop {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(Failure::new(code, code.name()))
    }
}

/// What went wrong is the storage's to know and the log's to keep; the peer gets the code and the context.
impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        if error.code == ErrorCode::Io || error.code == ErrorCode::Internal {
            tracing::warn!(code = %error.code, context = error.context, cause = ?error.source, "the storage failed");
        }
        Self::Failed(Failure::new(error.code, error.context))
    }
}
