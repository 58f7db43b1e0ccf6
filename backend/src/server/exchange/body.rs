//! The body of a request: the bytes of a PUT or a STORE, as they arrive.

use bytes::{Bytes, BytesMut};
use shared::ErrorCode;
use shared::wire::{Failure, PutEnd};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::control::RequestControl;
use super::response::ResponseWriter;
use super::sink::Sink;
use crate::server::error::RequestError;

/// A part of a body.
#[derive(Debug)]
pub(in crate::server) enum Inbound {
    /// Some of its bytes.
    Bytes(Bytes),
    /// Its end.
    End(PutEnd),
}

/// The body of a PUT or a STORE.
pub(in crate::server) struct RequestBody<'a> {
    receiver: Receiver<Inbound>,
    control: &'a RequestControl,
}

/// What has arrived of a body since the previous batch.
#[derive(Default)]
pub(in crate::server) struct Batch {
    /// The bytes.
    pub pieces: Vec<Bytes>,
    /// The end of the body.
    pub end: Option<PutEnd>,
    /// The connection has ended.
    pub disconnected: bool,
    /// The upload is wanted by a newer request.
    pub taken_over: bool,
}

impl<'a> RequestBody<'a> {
    /// The body that `receiver` gives, once `control` allows DATA.
    pub(in crate::server) fn new(receiver: Receiver<Inbound>, control: &'a RequestControl) -> Self {
        Self { receiver, control }
    }

    /// Allows DATA from here on, and receives it.
    pub(in crate::server) fn open(&self) {
        self.control.open_body();
        self.receive();
    }

    /// Receives DATA from here on, which was allowed before.
    pub(in crate::server) fn receive(&self) {
        self.control.body_wanted.cancel();
    }

    /// The whole body, which has to be `length` bytes long.
    ///
    /// # Errors
    /// [`ErrorCode::LengthMismatch`]; [`ErrorCode::Canceled`] if the client's own source broke;
    /// [`ErrorCode::Disconnected`].
    pub(in crate::server) async fn whole<W: Sink>(
        mut self,
        response: &mut ResponseWriter<'_, W>,
        length: u64,
    ) -> Result<Bytes, RequestError> {
        let (mut first, mut more, mut left) = (Bytes::new(), BytesMut::new(), length);
        loop {
            let inbound = response.until_cancelled(async { Ok(self.receiver.recv().await) }).await?;
            let piece = match inbound {
                Some(Inbound::Bytes(piece)) => piece,
                Some(Inbound::End(PutEnd { broken: true })) => {
                    return Err(Failure::new(ErrorCode::Canceled, "the client's own source broke").into());
                }
                Some(Inbound::End(_)) if left > 0 => return Err(too_short()),
                Some(Inbound::End(_)) => return Ok(if more.is_empty() { first } else { more.freeze() }),
                None => return Err(disconnected()),
            };
            left = left.checked_sub(piece.len() as u64).ok_or_else(too_long)?;
            // A body of one piece, the usual case, is not copied.
            if first.is_empty() {
                first = piece;
                continue;
            }
            if more.is_empty() {
                more.extend_from_slice(&first);
            }
            more.extend_from_slice(&piece);
        }
    }

    /// Waits for bytes, and takes what else has arrived, up to about `bytes_max`. Once `taken_over` is set, takes only
    /// what has arrived already.
    pub(in crate::server) async fn next<W: Sink>(
        &mut self,
        response: &mut ResponseWriter<'_, W>,
        taken_over: &CancellationToken,
        bytes_max: usize,
    ) -> Result<Batch, RequestError> {
        let first = response.until_cancelled(async {
            tokio::select! {
                biased;
                () = taken_over.cancelled() => Ok(None),
                inbound = self.receiver.recv() => Ok(Some(inbound)),
            }
        });
        let mut batch = Batch::default();
        let mut bytes = 0;
        let mut next = match first.await? {
            Some(inbound) => Some(inbound),
            None => {
                batch.taken_over = true;
                self.receiver.try_recv().ok().map(Some)
            }
        };
        while let Some(inbound) = next {
            match inbound {
                Some(Inbound::Bytes(piece)) => {
                    bytes += piece.len();
                    batch.pieces.push(piece);
                }
                Some(Inbound::End(end)) => batch.end = Some(end),
                None => batch.disconnected = true,
            }
            let enough = batch.end.is_some() || batch.disconnected || bytes >= bytes_max;
            next = if enough { None } else { self.receiver.try_recv().ok().map(Some) };
        }
        Ok(batch)
    }
}

/// More bytes than announced.
pub(in crate::server) fn too_long() -> RequestError {
    Failure::new(ErrorCode::LengthMismatch, "the body is longer than announced").into()
}

/// Fewer bytes than announced.
pub(in crate::server) fn too_short() -> RequestError {
    Failure::new(ErrorCode::LengthMismatch, "the body is shorter than announced").into()
}

/// The connection ended within the body.
pub(in crate::server) fn disconnected() -> RequestError {
    Failure::new(ErrorCode::Disconnected, "the connection broke in the middle of the body").into()
}
