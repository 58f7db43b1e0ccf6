//! From a framed transfer to an HTTP body: pieces go through as they come, none is copied and at most one waits. The
//! last one is held back until the file server has said that the file was the same throughout; where it was not, the
//! body fails, and with it the connection, so that no client takes half a file for a whole one.

use std::future::Future;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::try_unfold;
use shared::ErrorCode;

use crate::client::{ClientError, Transfer};

/// Something that hands out the pieces of a body.
pub(crate) trait BodySource: Send + 'static {
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, ClientError>> + Send;
}

/// A body that asks for a piece when the one before is on its way.
pub(crate) fn body(source: impl BodySource) -> Body {
    Body::from_stream(try_unfold(source, |mut source| async move {
        let piece = source.next().await?;
        Ok::<_, ClientError>(piece.map(|piece| (piece, source)))
    }))
}

/// The rest of a transfer's present item, which must be its last.
pub(crate) struct TransferBody {
    transfer: Transfer,
    bytes_left: u64,
}

impl TransferBody {
    /// Of an item of which `length` bytes follow.
    pub(crate) fn new(transfer: Transfer, length: u64) -> Self {
        Self { transfer, bytes_left: length }
    }

    /// The body, once its first piece is there: what goes wrong until then is still answered properly, and a small file
    /// is whole before anything is said.
    pub(crate) async fn start(mut self) -> Result<Body, ClientError> {
        if self.bytes_left == 0 {
            finish(&mut self.transfer).await?;
            return Ok(Body::empty());
        }
        let first = self.next().await?;
        if self.bytes_left == 0 {
            return Ok(first.map_or_else(Body::empty, Body::from));
        }
        Ok(body(Started { first, relay: self }))
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

struct Started {
    first: Option<Bytes>,
    relay: TransferBody,
}

impl BodySource for Started {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.relay.next().await,
        }
    }
}

/// The next piece of an item of which `bytes_left` are still wanted, counted down.
pub(crate) async fn next_piece(transfer: &mut Transfer, bytes_left: &mut u64) -> Result<Bytes, ClientError> {
    let piece = transfer.piece().await?.ok_or_else(|| protocol_error("an item ended early"))?;
    *bytes_left =
        bytes_left.checked_sub(piece.len() as u64).ok_or_else(|| protocol_error("an item is longer than it said"))?;
    Ok(piece)
}

/// The verified end of an item.
pub(crate) async fn end_item(transfer: &mut Transfer) -> Result<(), ClientError> {
    match transfer.piece().await? {
        None => Ok(()),
        Some(_) => Err(protocol_error("an item is longer than it said")),
    }
}

/// The verified end of the present item and of the whole transfer, after which its connection serves others.
pub(crate) async fn finish(transfer: &mut Transfer) -> Result<(), ClientError> {
    end_item(transfer).await?;
    match transfer.next_item().await? {
        None => Ok(()),
        Some(_) => Err(protocol_error("an item that nobody asked for")),
    }
}

/// The file server does not do what it said.
pub(crate) fn protocol_error(sentence: &str) -> ClientError {
    ClientError::new(ErrorCode::Protocol, sentence)
}
