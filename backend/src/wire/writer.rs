//! Frames → bytes. Small frames are gathered and leave in one write; a peer that takes nothing for too long is an
//! error, one that takes little is not.

use std::future::poll_fn;

use bytes::Bytes;
use shared::limits::STALL_TIME;
use shared::wire::{FrameKind, Header, Message, encode};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::{Frame, TransportWriter, WireError};

/// How much memory a writer keeps between frames, in bytes: what the answer with a file of a page takes.
const KEPT_BYTES: usize = 8 << 10;

/// Writes frames to one side of a connection.
pub struct FrameWriter<W> {
    sink: W,
    gathered: Vec<u8>,
    /// Gathered bytes are on their way, and may be out in part.
    flushing: bool,
    /// The header of a DATA frame is gathered or out, and its payload not all out.
    in_data: bool,
}

impl FrameWriter<TransportWriter> {
    /// As [`FrameWriter::write`], of bytes that are nobody else's: within a process they are not copied.
    pub async fn pass(&mut self, mut bytes: Bytes) -> Result<(), WireError> {
        while !bytes.is_empty() {
            let passed = poll_fn(|context| self.sink.poll_pass(context, &mut bytes));
            timeout(STALL_TIME, passed).await.map_err(|_| WireError::Stalled)??;
        }
        Ok(())
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// A writer at the start of a connection.
    pub fn new(sink: W) -> Self {
        Self { sink, gathered: Vec::new(), flushing: false, in_data: false }
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

    /// Gathers the header of a DATA frame. The payload must follow, and then [`FrameWriter::end_data`].
    pub fn begin_data(&mut self, request_id: u32, bytes: usize) {
        self.in_data = true;
        self.queue_header(FrameKind::Data, request_id, bytes);
    }

    /// The payload of the DATA frame is out.
    pub fn end_data(&mut self) {
        self.in_data = false;
    }

    /// False if a frame is out in part: whatever is sent now would be taken for the rest of it.
    pub fn is_between_frames(&self) -> bool {
        !self.in_data && !self.flushing
    }

    /// Gathers a frame as it is.
    pub fn queue_frame(&mut self, frame: &Frame) {
        self.gathered.extend_from_slice(&frame.header.encode());
        self.gathered.extend_from_slice(&frame.body);
    }

    /// Sends what was gathered. Not to be dropped half-way: the connection is of no use then.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.flushing = true;
        self.write(&gathered).await?;
        self.flushing = false;
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

    /// Sends bytes that belong to the DATA frame that began last.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), WireError> {
        while !bytes.is_empty() {
            match timeout(STALL_TIME, self.sink.write(bytes)).await.map_err(|_| WireError::Stalled)?? {
                0 => return Err(WireError::Io(std::io::ErrorKind::WriteZero.into())),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }

    fn queue_header(&mut self, kind: FrameKind, request_id: u32, body_bytes: usize) {
        self.gathered.extend_from_slice(&Header::new(kind, request_id, body_bytes).encode());
    }

    /// Ends this direction of the connection, so that what was sent arrives.
    pub async fn shutdown(&mut self) {
        // The peer may be gone already; there is nobody left to tell.
        let _ = self.sink.shutdown().await;
    }
}
