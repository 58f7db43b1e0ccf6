//! The frames that answer a request, and the client's signals (CANCEL, PING) that are handled between two of them.

use std::fs::File;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use shared::wire::{Failure, FrameKind, Message};
use tokio::io::AsyncWrite;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::control::RequestControl;
use super::effect::{CloseOnDrop, EffectGate};
use super::sink::Sink;
use crate::server::error::RequestError;
use crate::wire::{FrameWriter, MemoryHeld};

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

    /// Notes that the answer holds memory that is counted, until the guard is dropped: while that memory is scarce, a
    /// client that takes too little of the answer is disconnected.
    pub(in crate::server) fn hold_memory(&self) -> MemoryHeld {
        self.writer.progress().hold_memory()
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
        self.until_interrupted(work).await?
    }

    /// Waits for `work`, which passes `gate` before its effect, and answers PINGs meanwhile. Until then the request can
    /// be cancelled, and its effect does not begin afterwards; from then on it is answered with its outcome.
    ///
    /// # Errors
    /// As `work`; before the effect also [`ErrorCode::Canceled`] after CANCEL and [`ErrorCode::DeadlineExceeded`].
    pub(in crate::server) async fn until_effect<T>(
        &mut self,
        gate: EffectGate,
        work: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        let _close_on_drop = CloseOnDrop(&gate);
        tokio::pin!(work);
        match self.until_interrupted(work.as_mut()).await {
            Ok(done) => done,
            Err(interruption) if gate.close() => Err(interruption),
            Err(_) => self.run_to_completion(work).await,
        }
    }

    /// Waits for `work`, and answers PINGs meanwhile.
    ///
    /// # Errors
    /// [`ErrorCode::Canceled`] after CANCEL, [`ErrorCode::DeadlineExceeded`], and a broken connection.
    async fn until_interrupted<T>(&mut self, mut work: Pin<&mut impl Future<Output = T>>) -> Result<T, RequestError> {
        loop {
            let deadline = self.deadline;
            tokio::select! {
                biased;
                done = work.as_mut() => return Ok(done),
                () = self.control.cancelled.cancelled() => return Err(canceled()),
                () = self.control.ping_arrived() => self.answer_pings().await?,
                () = sleep_to(deadline) => {
                    return Err(Failure::new(ErrorCode::DeadlineExceeded, "the request's deadline passed").into());
                }
            }
        }
    }

    /// Waits for `work` to the end, whether or not the client still wants it, and answers PINGs meanwhile. For work
    /// that must not be left half done, and whose outcome the client has to learn.
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    /// The outcome of work that begins its effect at once, or not before it is interrupted by `interrupt`.
    async fn outcome(begun: bool, interrupt: impl Fn(&mut ResponseWriter<'_, tokio::io::Sink>)) -> Option<ErrorCode> {
        let (control, gate) = (RequestControl::default(), EffectGate::default());
        let mut writer = FrameWriter::new(tokio::io::sink());
        let mut response = ResponseWriter::new(&mut writer, 1, &control);
        let (finish, finished) = oneshot::channel();
        let passed = gate.clone();
        let work = async move {
            if begun {
                passed.begin()?;
            }
            let _: Result<(), _> = finished.await;
            passed.begin()?;
            Ok(())
        };
        interrupt(&mut response);
        let until_then = async {
            sleep(Duration::from_secs(1)).await;
            let _ = finish.send(());
        };
        let (ended, ()) = tokio::join!(response.until_effect(gate.clone(), work), until_then);
        assert_eq!(gate.begin().is_ok(), ended.is_ok(), "an effect after the end");
        match ended {
            Ok(()) => None,
            Err(RequestError::Failed(failure)) => Some(failure.code),
            Err(RequestError::Connection(error)) => panic!("{error}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_interrupted_before_its_effect_only() {
        let cancel = |response: &mut ResponseWriter<'_, tokio::io::Sink>| response.cancelled().cancel();
        let deadline = |response: &mut ResponseWriter<'_, tokio::io::Sink>| response.set_deadline(Some(0));
        assert_eq!(outcome(false, cancel).await, Some(ErrorCode::Canceled));
        assert_eq!(outcome(false, deadline).await, Some(ErrorCode::DeadlineExceeded));
        assert_eq!(outcome(true, cancel).await, None);
        assert_eq!(outcome(true, deadline).await, None);
        assert_eq!(outcome(true, |_| ()).await, None);
    }

    /// As at the end of the connection.
    #[tokio::test]
    async fn a_dropped_request_has_no_effect() {
        let (control, gate) = (RequestControl::default(), EffectGate::default());
        let mut writer = FrameWriter::new(tokio::io::sink());
        let mut response = ResponseWriter::new(&mut writer, 1, &control);
        let work = std::future::pending::<Result<(), RequestError>>();
        let request = response.until_effect(gate.clone(), work);
        assert!(futures_util::FutureExt::now_or_never(request).is_none());
        assert!(gate.begin().is_err());
    }
}
