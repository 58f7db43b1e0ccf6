//! The frames that answer a request, and the client's signals (CANCEL, PING) that are handled between two of them.

use std::fs::File;
use std::future::Future;
use std::time::Duration;

use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use shared::wire::{Failure, FrameKind, Message};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::control::RequestControl;
use super::sink::Sink;
use crate::server::error::RequestError;
use crate::wire::FrameWriter;

/// Writes the frames that answer one request.
pub(in crate::server) struct ResponseWriter<'a, W> {
    writer: &'a mut FrameWriter<W>,
    request_id: u32,
    control: &'a RequestControl,
    /// When the first frame must be out.
    deadline: Option<Instant>,
    buffered_bytes: usize,
}

impl<'a, W: AsyncWrite + Unpin> ResponseWriter<'a, W> {
    /// The answer to `request_id`.
    pub(in crate::server) fn new(writer: &'a mut FrameWriter<W>, request_id: u32, control: &'a RequestControl) -> Self {
        Self { writer, request_id, control, deadline: None, buffered_bytes: 0 }
    }

    /// Limits the time until the first frame, in milliseconds from now.
    pub(in crate::server) fn set_deadline(&mut self, milliseconds: Option<u32>) {
        self.deadline = milliseconds.map(|time| Instant::now() + Duration::from_millis(time.into()));
    }

    /// Set by CANCEL and at the end of the connection; for work on other threads.
    pub(in crate::server) fn cancelled(&self) -> &CancellationToken {
        &self.control.cancelled
    }

    /// Waits for `work`, and answers PINGs meanwhile.
    ///
    /// # Errors
    /// As `work`; [`ErrorCode::Canceled`] after CANCEL, [`ErrorCode::DeadlineExceeded`].
    pub(in crate::server) async fn until_cancelled<T>(
        &mut self,
        work: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        tokio::pin!(work);
        loop {
            let deadline = self.deadline;
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.control.cancelled.cancelled() => return Err(canceled()),
                () = self.control.ping_arrived() => self.answer_pings().await?,
                () = sleep_to(deadline) => {
                    return Err(Failure::new(ErrorCode::DeadlineExceeded, "the request's deadline passed").into());
                }
            }
        }
    }

    /// Waits for `work` to the end, whether or not the client still wants it, and answers PINGs meanwhile. For work
    /// that must not be left half done.
    pub(in crate::server) async fn run_to_completion<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.control.ping_arrived() => {
                    if self.answer_pings().await.is_err() {
                        // The connection is gone; the work still counts.
                        return work.await;
                    }
                }
            }
        }
    }

    /// Buffers a message, and sends the buffer once it is large.
    pub(in crate::server) async fn send<M: Message>(
        &mut self,
        kind: FrameKind,
        message: &M,
    ) -> Result<(), RequestError> {
        self.send_body(kind, &shared::wire::encode(message)).await
    }

    /// Buffers a frame, and sends the buffer once it is large.
    pub(in crate::server) async fn send_body(&mut self, kind: FrameKind, body: &[u8]) -> Result<(), RequestError> {
        self.deadline = None;
        self.writer.queue_body(kind, self.request_id, body);
        self.buffered_bytes += body.len();
        if self.buffered_bytes >= PIECE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Buffers the header of a DATA frame, whose `bytes` of payload the operation then writes itself.
    pub(in crate::server) fn begin_data(&mut self, bytes: usize) {
        let request_id = self.request_id;
        self.writer().begin_data(request_id, bytes);
    }

    /// Passes an open file to the client, and waits without a time limit until the client releases it: the client's own
    /// reader is what is limited.
    pub(in crate::server) async fn pass_fd(&mut self, file: File) -> Result<(), RequestError>
    where
        W: Sink,
    {
        self.control.pass_fd();
        self.writer().sink().pass_fd(file);
        self.send_body(FrameKind::PassedFd, &[]).await?;
        self.flush().await?;
        let control = self.control;
        self.until_cancelled(async {
            control.fd_released().await;
            Ok(())
        })
        .await
    }

    /// Sends the buffer, then handles the client's signals.
    pub(in crate::server) async fn flush(&mut self) -> Result<(), RequestError> {
        self.buffered_bytes = 0;
        self.writer.flush().await?;
        self.answer_pings().await?;
        if self.control.cancelled.is_cancelled() { Err(canceled()) } else { Ok(()) }
    }

    /// The writer below, for an operation that writes a payload itself.
    pub(in crate::server) fn writer(&mut self) -> &mut FrameWriter<W> {
        self.deadline = None;
        self.buffered_bytes = 0;
        self.writer
    }

    async fn answer_pings(&mut self) -> Result<(), RequestError> {
        let pings = self.control.take_pings();
        if !pings.is_empty() {
            pings.into_iter().for_each(|id| self.writer.queue_body(FrameKind::Pong, id, &[]));
            self.writer.flush().await?;
        }
        Ok(())
    }
}

async fn sleep_to(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn canceled() -> RequestError {
    Failure::new(ErrorCode::Canceled, "the client cancelled the request").into()
}
