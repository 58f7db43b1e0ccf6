//! Frames → bytes. Small frames are gathered and leave in one write; a peer that takes nothing for too long is an
//! error, one that takes little is not.

use shared::limits::STALL_TIME;
use shared::wire::{FrameKind, Header, Message, encode};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::{Frame, WireError};

/// Writes frames to one side of a connection.
pub struct FrameWriter<W> {
    sink: W,
    gathered: Vec<u8>,
}

/// How much memory a writer keeps between frames.
const KEPT_BYTES: usize = 4 << 10;

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// A writer at the start of a connection.
    pub fn new(sink: W) -> Self {
        Self { sink, gathered: Vec::new() }
    }

    /// Gathers a message; [`FrameWriter::flush`] sends it.
    pub fn queue<M: Message>(&mut self, kind: FrameKind, request_id: u32, message: &M) {
        self.queue_body(kind, request_id, &encode(message));
    }

    /// Gathers a frame whose body is already encoded, or is data.
    pub fn queue_body(&mut self, kind: FrameKind, request_id: u32, body: &[u8]) {
        self.queue_header(kind, request_id, body.len());
        self.gathered.extend_from_slice(body);
    }

    /// Gathers a header alone; `body_bytes` bytes must follow it.
    pub fn queue_header(&mut self, kind: FrameKind, request_id: u32, body_bytes: usize) {
        self.gathered.extend_from_slice(&Header::new(kind, request_id, body_bytes).encode());
    }

    /// Gathers a frame as it is.
    pub fn queue_frame(&mut self, frame: &Frame) {
        self.gathered.extend_from_slice(&frame.header.encode());
        self.gathered.extend_from_slice(&frame.body);
    }

    /// Sends what was gathered. Not to be dropped half-way: the connection is of no use then.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.write(&gathered).await?;
        if gathered.capacity() <= KEPT_BYTES {
            gathered.clear();
            self.gathered = gathered;
        }
        Ok(())
    }

    /// Takes what was gathered, for a caller that writes to the sink in its own way.
    pub fn take_gathered(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.gathered)
    }

    /// The sink itself.
    pub fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    /// Sends bytes that belong to the frame whose header was sent last.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), WireError> {
        while !bytes.is_empty() {
            match timeout(STALL_TIME, self.sink.write(bytes)).await.map_err(|_| WireError::Stalled)?? {
                0 => return Err(WireError::Io(std::io::ErrorKind::WriteZero.into())),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }

    /// Ends this direction of the connection, so that what was sent arrives.
    pub async fn shutdown(&mut self) {
        // The peer may be gone already; there is nobody left to tell.
        let _ = self.sink.shutdown().await;
    }
}
