//! Bytes → frames. Messages are small and received complete; the payload of DATA is received in pieces as it arrives.
//! Memory for a frame is allocated after its header has been checked against the limits.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use shared::wire::{FrameKind, HEADER_BYTES, Header, LENGTH_BYTES, Phase};
use tokio::io::AsyncReadExt;
use tokio_util::io::poll_read_buf;

use super::error::WireError;
use super::frame::{Frame, Incoming};
use super::source::Source;

/// Receives the frames of a connection.
pub struct FrameReader<R> {
    source: R,
    buffer: BytesMut,
    phase: Phase,
    /// Bytes left in the present DATA frame.
    data_bytes: usize,
}

/// Least free space for one read, in bytes; most messages are shorter.
const READ_BYTES: usize = 4 << 10;

impl<R: Source> FrameReader<R> {
    /// A reader at the start of a connection.
    pub fn new(source: R) -> Self {
        Self { source, buffer: BytesMut::new(), phase: Phase::Handshake, data_bytes: 0 }
    }

    /// Allows the frames that are allowed after the handshake.
    pub fn open(&mut self, data_bytes_max: usize) {
        self.phase = Phase::Open { data_bytes_max };
    }

    /// The next frame; `None` if the stream has ended between frames. Cancel safe.
    ///
    /// # Panics
    /// In debug builds, while [`FrameReader::piece`] has bytes of a DATA frame left.
    pub async fn next(&mut self) -> Result<Option<Incoming>, WireError> {
        debug_assert_eq!(self.data_bytes, 0, "the payload of a DATA frame is not received");
        loop {
            if let Some(incoming) = self.take()? {
                return Ok(Some(incoming));
            }
            self.buffer.reserve(READ_BYTES);
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(WireError::Truncated) };
            }
        }
    }

    /// The next message. A DATA frame is an error.
    pub async fn message(&mut self) -> Result<Option<Frame>, WireError> {
        match self.next().await? {
            None => Ok(None),
            Some(Incoming::Message(frame)) => Ok(Some(frame)),
            Some(Incoming::Data { .. }) => Err(WireError::Unexpected("data in place of a message")),
        }
    }

    /// The bytes of the present DATA frame that have arrived, at most `bytes_max`; waits for the first byte. Empty at
    /// the frame's end. Cancel safe.
    pub async fn piece(&mut self, bytes_max: usize) -> Result<Bytes, WireError> {
        let wanted = self.data_bytes.min(bytes_max);
        if self.buffer.is_empty()
            && wanted > 0
            && let Some(taken) = poll_fn(|context| take(&mut self.source, context, wanted)).await
        {
            let piece = taken?;
            self.data_bytes -= piece.len();
            return if piece.is_empty() { Err(WireError::Truncated) } else { Ok(piece) };
        }
        if self.buffer.len() < wanted {
            // Space for one piece and the header behind it, so that the piece can be split off without a copy.
            let missing = wanted - self.buffer.len();
            if self.buffer.capacity() - self.buffer.len() < missing {
                self.buffer.reserve(missing + READ_BYTES);
            }
            self.fill(wanted).await?;
        }
        let piece = self.buffer.split_to(wanted.min(self.buffer.len())).freeze();
        self.data_bytes -= piece.len();
        Ok(piece)
    }

    /// Bytes left in the present DATA frame.
    pub fn data_left(&self) -> usize {
        self.data_bytes
    }

    /// The source of the bytes.
    pub fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Frees the buffer, for a connection that will idle.
    pub fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Receives and discards bytes until the peer's end or `bytes_max`. Closing a socket with unread bytes resets the
    /// connection, which loses the last frames sent (RFC 9112 §9.6).
    pub async fn discard(&mut self, bytes_max: usize) {
        let mut discarded = 0;
        while discarded < bytes_max {
            self.buffer.clear();
            self.buffer.reserve(READ_BYTES);
            match self.source.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => discarded += read,
            }
        }
    }

    fn take(&mut self) -> Result<Option<Incoming>, WireError> {
        let Some(bytes) = self.buffer.first_chunk::<HEADER_BYTES>() else {
            let length = self.buffer.first_chunk::<LENGTH_BYTES>();
            length.map(|length| Header::check_length(*length, self.phase)).transpose()?;
            return Ok(None);
        };
        let header = Header::decode(*bytes, self.phase)?;
        if header.kind() == Some(FrameKind::Data) {
            self.buffer.advance(HEADER_BYTES);
            self.data_bytes = header.body_bytes;
            return Ok(Some(Incoming::Data { request_id: header.request_id, bytes: header.body_bytes }));
        }
        let whole = HEADER_BYTES + header.body_bytes;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(HEADER_BYTES);
        let body = Bytes::copy_from_slice(&self.buffer[..header.body_bytes]);
        self.buffer.advance(header.body_bytes);
        Ok(Some(Incoming::Message(Frame { header, body })))
    }

    /// Reads until the buffer holds `wanted` bytes or the source has no more for now, but at least one byte.
    async fn fill(&mut self, wanted: usize) -> Result<(), WireError> {
        let Self { source, buffer, .. } = self;
        poll_fn(|context| {
            let mut progress = !buffer.is_empty();
            while buffer.len() < wanted {
                match poll_read_buf(Pin::new(&mut *source), context, buffer) {
                    Poll::Pending if progress => break,
                    Poll::Pending => return Poll::Pending,
                    // The caller gets the bytes before it gets the end.
                    Poll::Ready(Err(_) | Ok(0)) if progress => break,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(WireError::Truncated)),
                    Poll::Ready(Ok(_)) => progress = true,
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }
}

fn take<S: Source>(source: &mut S, context: &mut Context<'_>, bytes_max: usize) -> Poll<Option<io::Result<Bytes>>> {
    match source.poll_take(context, bytes_max) {
        None => Poll::Ready(None),
        Some(taken) => taken.map(Some),
    }
}
