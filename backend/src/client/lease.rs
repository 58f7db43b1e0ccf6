//! A leased connection: one request and its answer.

use std::fs::File;
use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::{ABANDONED_TIME, ANSWER_BYTES_MAX, CANCEL_DRAIN_BYTES_MAX};
use shared::wire::{Failure, FrameKind, Message};
use tokio::time::timeout;

use super::connection::{Connection, DataReply, Reply};
use super::error::ClientError;
use super::slots::Slots;
use crate::admission::Permit;
use crate::transfer_budget::{TransferBudget, TransferShare};
use crate::wire::Frame;

/// What a message costs in memory besides the bytes of its strings, counted towards [`ANSWER_BYTES_MAX`].
const MESSAGE_BYTES: usize = 256;

/// A leased connection. [`Lease::finish`] returns it to the pool at the end of its request; dropping it closes the
/// connection, and gives its place back once the server has ended its work.
pub(super) struct Lease {
    /// `None` once the lease has ended.
    held: Option<Held>,
    slots: Arc<Slots>,
    transfer_budget: TransferBudget,
    pooled: bool,
}

/// A connection and its place.
struct Held {
    connection: Connection,
    permit: Permit,
}

impl Lease {
    pub(super) fn new(
        connection: Connection,
        slots: &Arc<Slots>,
        transfer_budget: TransferBudget,
        pooled: bool,
        permit: Permit,
    ) -> Self {
        Self { held: Some(Held { connection, permit }), slots: Arc::clone(slots), transfer_budget, pooled }
    }

    /// A share of the memory for transfers.
    pub(super) fn share(&self) -> TransferShare {
        self.transfer_budget.share()
    }

    /// Whether the connection has served another request before.
    pub(super) fn was_pooled(&self) -> bool {
        self.pooled
    }

    /// Whether the server takes the key of a STORE.
    pub(super) fn takes_store_keys(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.connection.takes_store_keys)
    }

    /// Sends a request and waits for the first frame of its answer.
    pub(super) async fn call<M: Message>(&mut self, kind: FrameKind, request: &M) -> Result<Reply, ClientError> {
        self.connection()?.send_request(kind, request).await?;
        self.connection()?.reply().await
    }

    /// Sends a request with all its bytes, and waits for the first frame of its answer.
    pub(super) async fn call_with<M: Message>(
        &mut self,
        kind: FrameKind,
        request: &M,
        bytes: &[u8],
    ) -> Result<Reply, ClientError> {
        self.connection()?.send_request_with(kind, request, bytes).await?;
        self.connection()?.reply().await
    }

    /// Sends a message that belongs to the running request.
    pub(super) async fn send_message<M: Message>(&mut self, kind: FrameKind, message: &M) -> Result<(), ClientError> {
        self.connection()?.send_message(kind, message).await
    }

    /// See [`Connection::send_data`].
    pub(super) async fn send_data(&mut self, bytes: bytes::Bytes) -> Result<Option<Reply>, ClientError> {
        self.connection()?.send_data(bytes).await
    }

    /// See [`Connection::unsolicited`].
    pub(super) async fn unsolicited(&mut self) -> Result<Reply, ClientError> {
        self.connection()?.unsolicited().await
    }

    /// The last message of an answer whose messages are all of that kind; those before it report progress. Takes END and
    /// returns the connection.
    pub(super) async fn last_message<M: Message>(mut self, first: Reply, kind: FrameKind) -> Result<M, ClientError> {
        let mut last = None;
        let mut reply = first;
        loop {
            match reply {
                Reply::Frame(frame) => last = Some(self.message(&frame, kind)?),
                Reply::End(None) => {
                    self.finish();
                    return last.ok_or_else(|| ClientError::new(ErrorCode::Protocol, "an answer without a message"));
                }
                Reply::End(error) => return Err(self.end(error)),
            }
            reply = self.reply().await?;
        }
    }

    /// All messages of an answer, which must be of that kind and fit into [`ANSWER_BYTES_MAX`]. Takes END and returns the
    /// connection.
    pub(super) async fn all_messages<M: Message>(
        mut self,
        first: Reply,
        kind: FrameKind,
    ) -> Result<Vec<M>, ClientError> {
        let mut messages = Vec::new();
        let mut bytes_left = ANSWER_BYTES_MAX;
        let mut reply = first;
        loop {
            match reply {
                Reply::Frame(frame) => {
                    let Some(left) = bytes_left.checked_sub(frame.body.len() + MESSAGE_BYTES) else {
                        return Err(self.broken("a longer answer than a client accepts"));
                    };
                    bytes_left = left;
                    messages.push(self.message(&frame, kind)?);
                }
                Reply::End(None) => {
                    self.finish();
                    return Ok(messages);
                }
                Reply::End(error) => return Err(self.end(error)),
            }
            reply = self.reply().await?;
        }
    }

    /// Takes an END without a message before it, and returns the connection.
    pub(super) fn no_message(self, reply: Reply) -> Result<(), ClientError> {
        match reply {
            Reply::End(None) => {
                self.finish();
                Ok(())
            }
            Reply::End(error) => Err(self.end(error)),
            Reply::Frame(_) => Err(self.broken("a message in place of the end")),
        }
    }

    /// The next frame of an answer without DATA.
    pub(super) async fn reply(&mut self) -> Result<Reply, ClientError> {
        self.connection()?.reply().await
    }

    /// The next frame of an answer.
    pub(super) async fn data_reply(&mut self) -> Result<DataReply, ClientError> {
        self.connection()?.data_reply().await
    }

    /// See [`Connection::piece`].
    pub(super) async fn piece(&mut self, bytes_max: usize) -> Result<bytes::Bytes, ClientError> {
        self.connection()?.piece(bytes_max).await
    }

    /// Bytes left in the present DATA frame.
    pub(super) fn data_left(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.connection.data_left())
    }

    /// See [`Connection::take_fd`].
    pub(super) fn take_fd(&mut self) -> Option<File> {
        self.held.as_mut()?.connection.take_fd()
    }

    /// See [`Connection::release_fd`].
    pub(super) async fn release_fd(&mut self) -> Result<(), ClientError> {
        self.connection()?.release_fd().await
    }

    /// Cancels the request.
    pub(super) async fn cancel(&mut self) -> Result<(), ClientError> {
        self.connection()?.cancel().await
    }

    /// See [`Connection::ping`].
    pub(super) async fn ping(&mut self) -> Result<(), ClientError> {
        self.connection()?.ping().await
    }

    /// Decodes the message of a frame, which must be of that kind.
    pub(super) fn message<M: Message>(&self, frame: &Frame, kind: FrameKind) -> Result<M, ClientError> {
        if frame.kind() == Some(kind) {
            Ok(frame.message()?)
        } else {
            Err(ClientError::new(ErrorCode::Protocol, "a frame that does not belong into this answer"))
        }
    }

    /// Takes END, and returns the connection.
    pub(super) async fn expect_end(mut self) -> Result<(), ClientError> {
        match self.reply().await? {
            Reply::End(None) => {
                self.finish();
                Ok(())
            }
            Reply::End(error) => Err(self.end(error)),
            Reply::Frame(_) => Err(self.broken("an answer without an end")),
        }
    }

    /// Ends a request that failed; the connection can be used again.
    pub(super) fn end(self, error: Option<Failure>) -> ClientError {
        self.finish();
        error.map_or_else(|| ClientError::new(ErrorCode::Protocol, "an answer without a result"), ClientError::from)
    }

    /// Closes the connection because the server violates the protocol.
    pub(super) fn broken(self, sentence: &str) -> ClientError {
        ClientError::new(ErrorCode::Protocol, sentence)
    }

    /// See [`Connection::is_between_frames`].
    pub(super) fn is_between_frames(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.connection.is_between_frames())
    }

    /// Returns the connection after END, unless a frame to the server is incomplete: the server would take the next
    /// request as the rest of that frame.
    pub(super) fn finish(mut self) {
        let Some(Held { mut connection, permit: _permit }) = self.held.take() else { return };
        if connection.is_between_frames() {
            connection.prepare_to_idle();
            self.slots.put(connection);
        }
    }

    /// # Errors
    /// None before the lease has ended.
    fn connection(&mut self) -> Result<&mut Connection, ClientError> {
        let held = self.held.as_mut().map(|held| &mut held.connection);
        held.ok_or_else(|| ClientError::new(ErrorCode::Internal, "the lease has ended"))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(Held { connection, permit }) = self.held.take().filter(|held| held.connection.is_running()) else {
            return;
        };
        // The server may run to its end what it has begun. Otherwise a client that leaves at once would have any number of
        // requests at work there. Outside a runtime the program ends.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = timeout(ABANDONED_TIME, connection.close(CANCEL_DRAIN_BYTES_MAX)).await;
                drop(permit);
            });
        }
    }
}
