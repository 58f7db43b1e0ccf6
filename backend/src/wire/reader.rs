//! Bytes → frames. A frame is not a buffer: messages are small and taken whole, a file's bytes are taken in pieces as
//! they come. Nothing is allocated for a frame before its header has been checked against the limits.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use shared::wire::{FrameKind, HEADER_BYTES, Header, Message, Phase, decode};
use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream, ReadHalf};
use tokio::net::tcp::OwnedReadHalf;
use tokio_util::io::poll_read_buf;

use super::WireError;

/// A frame that is not DATA, whole.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its header.
    pub header: Header,
    /// Its message.
    pub body: Bytes,
}

/// What comes next on a connection.
#[derive(Debug)]
pub enum Incoming {
    /// A message.
    Message(Frame),
    /// A DATA frame of so many bytes, which [`FrameReader::piece`] hands out.
    Data {
        /// Which request it belongs to.
        request_id: u32,
        /// Its payload in bytes, never 0.
        bytes: usize,
    },
}

/// Where frames come from. What is in memory already may be taken as it is.
pub trait Source: AsyncRead + Unpin {
    /// The next bytes without a copy, at most `bytes_max` and none at the end; or nothing where they are to be read.
    fn poll_take(&mut self, _context: &mut Context<'_>, _bytes_max: usize) -> Option<Poll<io::Result<Bytes>>> {
        None
    }
}

impl<S: Source> Source for &mut S {
    fn poll_take(&mut self, context: &mut Context<'_>, bytes_max: usize) -> Option<Poll<io::Result<Bytes>>> {
        (**self).poll_take(context, bytes_max)
    }
}

impl Source for OwnedReadHalf {}
/// For whoever drives a session without a socket.
impl Source for ReadHalf<DuplexStream> {}

fn take<S: Source>(source: &mut S, context: &mut Context<'_>, bytes_max: usize) -> Poll<Option<io::Result<Bytes>>> {
    match source.poll_take(context, bytes_max) {
        None => Poll::Ready(None),
        Some(taken) => taken.map(Some),
    }
}

/// Reads frames from one side of a connection.
pub struct FrameReader<R> {
    source: R,
    buffer: BytesMut,
    phase: Phase,
    /// What is left of the present DATA frame.
    data_bytes: usize,
}

/// What is read at least at a time; a control message seldom needs more.
const READ_BYTES: usize = 4 << 10;

impl Frame {
    /// A frame of `kind` with an encoded message.
    pub fn new(kind: FrameKind, request_id: u32, body: Vec<u8>) -> Self {
        Self { header: Header::new(kind, request_id, body.len()), body: body.into() }
    }

    /// What the frame is, if this build knows.
    pub fn kind(&self) -> Option<FrameKind> {
        self.header.kind()
    }

    /// The message.
    pub fn message<M: Message>(&self) -> Result<M, WireError> {
        Ok(decode(&self.body)?)
    }
}

impl<R: Source> FrameReader<R> {
    /// A reader at the start of a connection.
    pub fn new(source: R) -> Self {
        Self { source, buffer: BytesMut::new(), phase: Phase::Handshake, data_bytes: 0 }
    }

    /// From here on frames may be as long as after the handshake.
    pub fn open(&mut self, data_bytes_max: usize) {
        self.phase = Phase::Open { data_bytes_max };
    }

    /// The next frame; none where the stream ended between frames. May be dropped and called again without a loss.
    ///
    /// # Panics
    /// In debug builds, while [`FrameReader::piece`] has bytes of a DATA frame left.
    pub async fn next(&mut self) -> Result<Option<Incoming>, WireError> {
        debug_assert_eq!(self.data_bytes, 0, "a DATA frame is not read to its end");
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
            Some(Incoming::Data { .. }) => Err(WireError::Unexpected("data where a message is wanted")),
        }
    }

    /// What has come of the present DATA frame, at most `bytes_max`; waits only while nothing has. Empty at the
    /// frame's end. May be dropped and called again without a loss.
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
            // Room for one piece and the header behind it: the piece is handed out without a copy.
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

    /// What is left of the present DATA frame, in bytes.
    pub fn data_left(&self) -> usize {
        self.data_bytes
    }

    /// Where the bytes come from.
    pub fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Gives back the memory of a connection that will idle.
    pub fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Reads and forgets what the peer still sends, up to its end or `bytes_max`. A socket that is closed with bytes
    /// unread is reset, and what was said last is lost with it (RFC 9112 §9.6).
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

    /// Reads until the buffer holds `wanted` bytes or nothing more is there yet, but at least one byte.
    async fn fill(&mut self, wanted: usize) -> Result<(), WireError> {
        let Self { source, buffer, .. } = self;
        poll_fn(|context| {
            let mut progress = !buffer.is_empty();
            while buffer.len() < wanted {
                match poll_read_buf(Pin::new(&mut *source), context, buffer) {
                    Poll::Pending if progress => break,
                    Poll::Pending => return Poll::Pending,
                    // What came before the end is handed out first.
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
