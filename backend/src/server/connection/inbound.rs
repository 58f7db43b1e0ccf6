//! Frames from the client while its request runs.

use std::ops::ControlFlow;
use std::time::Duration;

use shared::limits::{CANCELS_PER_MINUTE_MAX, STALL_TIME};
use shared::wire::FrameKind;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::server::exchange::body::Inbound;
use crate::server::exchange::control::RequestControl;
use crate::transfer_budget::TransferBudget;
use crate::wire::{FrameReader, Incoming, Source, WireError};

/// Reads frames while a request runs: signals go to its [`RequestControl`], the body to its operation.
pub(super) struct InboundReader<'a, R> {
    pub(super) reader: &'a mut FrameReader<R>,
    pub(super) request_id: u32,
    pub(super) control: &'a RequestControl,
    pub(super) cancels: &'a mut CancelRate,
    /// How many bytes of the body are read at a time.
    pub(super) transfer_budget: &'a TransferBudget,
    /// Takes the body.
    pub(super) sender: Option<mpsc::Sender<Inbound>>,
}

impl<R: Source> InboundReader<'_, R> {
    /// Reads until the connection ends.
    ///
    /// # Errors
    /// A frame that is not allowed now; [`WireError::Stalled`] for a body that does not arrive.
    pub(super) async fn run(&mut self) -> Result<ControlFlow<()>, WireError> {
        loop {
            let incoming = match timeout(STALL_TIME, self.reader.next()).await {
                Ok(incoming) => incoming?,
                // Only a client that sends a body has to send something now and then.
                Err(_) if self.control.expects_data() => return Err(WireError::Stalled),
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
            let own = frame.header.request_id == self.request_id;
            match frame.kind() {
                Some(FrameKind::PutEnd) if own && self.control.expects_data() => {
                    let end = frame.message()?;
                    self.control.end_body();
                    self.pass(Inbound::End(end)).await;
                }
                Some(FrameKind::Cancel) => {
                    self.cancels.count()?;
                    if own {
                        self.control.cancelled.cancel();
                    }
                }
                Some(FrameKind::ReleasedFd) if own && self.control.release_fd() => {}
                Some(FrameKind::ReleasedFd) => {
                    return Err(WireError::Unexpected("a file is released that was not passed"));
                }
                Some(FrameKind::Ping) if self.control.push_ping(frame.header.request_id) => {}
                Some(FrameKind::Ping) => return Err(WireError::TooMany("too many pings wait for an answer")),
                Some(FrameKind::Goodbye) => return Ok(ControlFlow::Break(())),
                _ => return Err(WireError::Unexpected("a second request while one runs")),
            }
        }
    }

    /// Passes the payload of a DATA frame on, piece by piece.
    async fn take_data(&mut self, request_id: u32) -> Result<(), WireError> {
        if request_id != self.request_id || !self.control.expects_data() {
            return Err(WireError::Unexpected("data that belongs to no PUT"));
        }
        tokio::select! {
            () = self.control.body_wanted.cancelled() => {}
            () = self.control.cancelled.cancelled() => {}
        }
        while self.reader.data_left() > 0 {
            let piece = timeout(STALL_TIME, self.reader.piece(self.transfer_budget.piece_bytes()))
                .await
                .map_err(|_| WireError::Stalled)??;
            self.pass(Inbound::Bytes(piece)).await;
        }
        Ok(())
    }

    /// Passes a part of the body on. What arrives after CANCEL is dropped: the request has no further effect.
    async fn pass(&self, inbound: Inbound) {
        if self.control.cancelled.is_cancelled() {
            return;
        }
        if let Some(sender) = &self.sender {
            // Fails if the operation has ended already; its END then tells the client.
            let _ = sender.send(inbound).await;
        }
    }
}

/// Limits how many requests a client cancels in a minute.
pub(super) struct CancelRate {
    since: Instant,
    count: u32,
}

impl Default for CancelRate {
    fn default() -> Self {
        Self { since: Instant::now(), count: 0 }
    }
}

impl CancelRate {
    /// Counts a CANCEL.
    pub(super) fn count(&mut self) -> Result<(), WireError> {
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
