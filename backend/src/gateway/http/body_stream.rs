//! Response bodies that are streamed from the file server: pieces are passed on as they arrive, without a copy, and at
//! most one waits. The last piece is held back until the file server has confirmed that the file did not change; if it
//! did, the body fails and the connection closes, so that no client takes a partial file for a complete one.

use std::future::Future;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use shared::ErrorCode;

use crate::client::{ClientError, Transfer};

/// A source of the pieces of a body.
pub(crate) trait BodySource: Send + 'static {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, ClientError>> + Send;
}

/// A body that requests a piece once the one before has been sent.
pub(crate) fn stream_body(source: impl BodySource) -> Body {
    Body::from_stream(try_unfold(source, |mut source| async move {
        let piece = source.next().await?;
        Ok::<_, ClientError>(piece.map(|piece| (piece, source)))
    }))
}

/// The rest of a transfer's current item, which is its last.
pub(crate) struct TransferBody {
    transfer: Transfer,
    bytes_left: u64,
}

impl TransferBody {
    /// A body of the next `length` bytes of `transfer`.
    pub(crate) fn new(transfer: Transfer, length: u64) -> Self {
        Self { transfer, bytes_left: length }
    }

    /// The body, once its first piece has arrived. An error until then still becomes a proper answer, and a small file
    /// is complete before the answer begins.
    pub(crate) async fn start(mut self) -> Result<Body, ClientError> {
        if self.bytes_left == 0 {
            finish(&mut self.transfer).await?;
            return Ok(Body::empty());
        }
        let first = self.next().await?;
        if self.bytes_left == 0 {
            return Ok(first.map_or_else(Body::empty, Body::from));
        }
        Ok(stream_body(Prefetched { first, rest: self }))
    }
}

impl BodySource for TransferBody {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        if self.bytes_left == 0 {
            return Ok(None);
        }
        let piece = next_piece(&mut self.transfer, &mut self.bytes_left).await?;
        if self.bytes_left == 0 {
            finish(&mut self.transfer).await?;
        }
        Ok(Some(piece))
    }
}

/// A body whose first piece has arrived.
pub(crate) struct Prefetched<S> {
    pub(crate) first: Option<Bytes>,
    pub(crate) rest: S,
}

impl<S: BodySource> BodySource for Prefetched<S> {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.rest.next().await,
        }
    }
}

/// The next piece of an item; subtracts its length from `bytes_left`.
pub(crate) async fn next_piece(transfer: &mut Transfer, bytes_left: &mut u64) -> Result<Bytes, ClientError> {
    let piece = transfer.piece().await?.ok_or_else(|| protocol_error("an item ended early"))?;
    *bytes_left =
        bytes_left.checked_sub(piece.len() as u64).ok_or_else(|| protocol_error("an item is longer than announced"))?;
    Ok(piece)
}

/// Waits for the file server's confirmation at the end of an item.
pub(crate) async fn end_item(transfer: &mut Transfer) -> Result<(), ClientError> {
    match transfer.piece().await? {
        None => Ok(()),
        Some(_) => Err(protocol_error("an item is longer than announced")),
    }
}

/// Waits for the confirmation of the last item and the end of the transfer, which frees its connection.
pub(crate) async fn finish(transfer: &mut Transfer) -> Result<(), ClientError> {
    end_item(transfer).await?;
    match transfer.next_item().await? {
        None => Ok(()),
        Some(_) => Err(protocol_error("an item that was not requested")),
    }
}

/// The file server violated the protocol.
pub(crate) fn protocol_error(sentence: &str) -> ClientError {
    ClientError::new(ErrorCode::Protocol, sentence)
}
