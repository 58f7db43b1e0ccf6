//! [`FileBody`]: an HTTP body from an open file that the file server passed to this process.
//!
//! Where the connection supports `sendfile(2)`, the body yields placeholders and never reads the file; elsewhere it
//! reads the file in pieces. The last bytes are held back until the file server has confirmed that the file did not
//! change; if it did, the body fails, and the connection with it.

use std::collections::VecDeque;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use shared::{ErrorCode, Span};
use tokio::task::spawn_blocking;

use super::queue::{PLACEHOLDER_BYTES_MAX, SendfileQueue};
use crate::client::{ClientError, Transfer};
use crate::gateway::http::body_stream::{BodySource, finish, stream_body};
use crate::page_cache::{self, Cached};

/// How many bytes are held back where the rest is sent by `sendfile(2)`. They are copied, so they are few.
const HELD_BYTES: u64 = 16 << 10;
/// How many pieces may be in transit before their memory is reused.
const PIECES_MAX: usize = 2;

/// The rest of a transfer whose only item came as an open file.
pub(crate) struct FileBody {
    transfer: Transfer,
    file: Arc<File>,
    offset: u64,
    end: u64,
    /// `None` where the bytes must be read.
    queue: Option<SendfileQueue>,
    pieces: VecDeque<Bytes>,
}

impl FileBody {
    /// The range `span` of `file`, which `transfer` has handed out.
    pub(crate) fn new(transfer: Transfer, file: File, span: Span, queue: Option<SendfileQueue>) -> Self {
        let (offset, end) = (span.offset, span.end());
        Self { transfer, file: Arc::new(file), offset, end, queue, pieces: VecDeque::new() }
    }

    /// The body, once its first bytes are in the page cache. An error until then still becomes a proper answer, and a
    /// file that fits into one piece is complete before the answer begins.
    pub(crate) async fn start(mut self) -> Result<Body, ClientError> {
        if self.left() <= self.held() {
            return self.last().await.map(Body::from);
        }
        self.prepare(PLACEHOLDER_BYTES_MAX).await?;
        Ok(stream_body(self))
    }

    fn left(&self) -> u64 {
        self.end - self.offset
    }

    /// How many bytes are held back until the file is known to be unchanged.
    fn held(&self) -> u64 {
        if self.queue.is_some() { HELD_BYTES } else { self.transfer.piece_bytes() as u64 }
    }

    /// The length of the next piece, where `held` bytes are left for the last one.
    fn length(&self, held: u64, bytes_max: usize) -> usize {
        usize::try_from(self.left().saturating_sub(held)).unwrap_or(bytes_max).min(bytes_max)
    }

    /// Reads the next bytes into the page cache. False where the system cannot tell what is cached.
    async fn prepare(&self, bytes_max: usize) -> Result<bool, ClientError> {
        let (offset, length) = (self.offset, self.length(HELD_BYTES, bytes_max));
        match page_cache::cached(&self.file, offset, length) {
            Cached::Yes => Ok(true),
            Cached::Unknown => Ok(false),
            Cached::No => {
                let file = Arc::clone(&self.file);
                blocking(move || page_cache::read_into_cache(&file, offset, length)).await.map(|()| true)
            }
        }
    }

    /// Reads the next bytes.
    async fn read(&mut self, length: usize) -> Result<Bytes, ClientError> {
        let mut buffer = self.buffer(length);
        let count = page_cache::try_read_at(&self.file, &mut buffer, self.offset).unwrap_or(0);
        if count < length {
            let (file, offset) = (Arc::clone(&self.file), self.offset + count as u64);
            buffer = blocking(move || {
                page_cache::read_exactly(&file, &mut buffer[count..], offset)?;
                Ok(buffer)
            })
            .await?;
        }
        self.offset += length as u64;
        let piece = buffer.freeze();
        self.pieces.push_back(piece.clone());
        Ok(piece)
    }

    /// A buffer for a piece: that of an earlier piece, if it has been sent.
    fn buffer(&mut self, length: usize) -> BytesMut {
        if self.pieces.len() >= PIECES_MAX
            && let Some(Ok(mut buffer)) = self.pieces.pop_front().map(Bytes::try_into_mut)
            && buffer.capacity() <= 2 * length
        {
            buffer.resize(length, 0);
            return buffer;
        }
        BytesMut::zeroed(length)
    }

    /// The last bytes, once the file server has confirmed that the file did not change.
    async fn last(&mut self) -> Result<Bytes, ClientError> {
        if let Some(queue) = &self.queue {
            // All placeholders are sent before the file server checks the file.
            poll_fn(|context| queue.poll_empty(context)).await;
        }
        let length = self.length(0, usize::MAX);
        let bytes = self.read(length).await?;
        self.transfer.release_fd().await?;
        finish(&mut self.transfer).await?;
        Ok(bytes)
    }
}

impl BodySource for FileBody {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let (held, piece_bytes) = (self.held(), self.transfer.piece_bytes());
        if self.left() == 0 {
            return Ok(None);
        }
        if self.left() <= held {
            return self.last().await.map(Some);
        }
        if self.queue.is_none() || !self.prepare(PLACEHOLDER_BYTES_MAX).await? {
            let length = self.length(held, piece_bytes);
            return self.read(length).await.map(Some);
        }
        let length = self.length(held, PLACEHOLDER_BYTES_MAX);
        let placeholder =
            self.queue.as_ref().map(|queue| queue.placeholder(Arc::clone(&self.file), self.offset, length));
        self.offset += length as u64;
        Ok(placeholder)
    }
}

/// Runs `work` on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, ClientError> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                ClientError::new(ErrorCode::Changed, "the file became shorter while it was sent")
            }
            _ => ClientError::new(ErrorCode::Io, format!("a passed file could not be read: {error}")),
        }),
        Err(error) => Err(ClientError::new(ErrorCode::Internal, format!("reading a passed file failed: {error}"))),
    }
}
