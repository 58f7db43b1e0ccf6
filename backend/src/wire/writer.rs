//! Frames → bytes. Small frames are queued and sent in one write. A peer that receives nothing for [`STALL_TIME`] is an
//! error; a slow one is not.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use shared::limits::STALL_TIME;
use shared::wire::{FrameKind, Header, Message, encode};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::error::WireError;
use super::frame::Frame;
use super::progress::SendProgress;
use super::transport::TransportWriter;

/// Largest queue that is kept for later frames, in bytes: enough for an answer with a small file.
const KEPT_BYTES: usize = 8 << 10;

/// Sends the frames of a connection.
pub struct FrameWriter<W> {
    sink: W,
    queued: Vec<u8>,
    /// Queued bytes are being sent, and may be sent in part.
    flushing: bool,
    /// The header of a DATA frame is queued or sent, and its payload is not sent completely.
    in_data: bool,
    progress: Arc<SendProgress>,
}

impl FrameWriter<TransportWriter> {
    /// [`FrameWriter::write`] for owned bytes, which are not copied within a process.
    pub async fn write_owned(&mut self, mut bytes: Bytes) -> Result<(), WireError> {
        while !bytes.is_empty() {
            let written = poll_fn(|context| self.sink.poll_write_owned(context, &mut bytes));
            timeout(STALL_TIME, written).await.map_err(|_| WireError::Stalled)??;
        }
        Ok(())
    }
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    /// A writer at the start of a connection.
    pub fn new(sink: W) -> Self {
        Self { sink, queued: Vec::new(), flushing: false, in_data: false, progress: Arc::default() }
    }

    /// How much is sent.
    pub fn progress(&self) -> &Arc<SendProgress> {
        &self.progress
    }

    /// Queues a message; [`FrameWriter::flush`] sends it.
    pub fn queue<M: Message>(&mut self, kind: FrameKind, request_id: u32, message: &M) {
        self.queue_body(kind, request_id, &encode(message));
    }

    /// Queues a frame with an encoded message or with data.
    pub fn queue_body(&mut self, kind: FrameKind, request_id: u32, body: &[u8]) {
        self.queue_header(kind, request_id, body.len());
        self.queued.extend_from_slice(body);
    }

    /// Queues the header of a DATA frame. The caller then writes the payload and calls [`FrameWriter::end_data`].
    pub fn begin_data(&mut self, request_id: u32, bytes: usize) {
        self.in_data = true;
        self.queue_header(FrameKind::Data, request_id, bytes);
    }

    /// Ends a DATA frame whose payload is sent.
    pub fn end_data(&mut self) {
        self.in_data = false;
    }

    /// False if a frame is sent in part: the peer would take the next bytes as the rest of it.
    pub fn is_between_frames(&self) -> bool {
        !self.in_data && !self.flushing
    }

    /// Queues a frame.
    pub fn queue_frame(&mut self, frame: &Frame) {
        self.queued.extend_from_slice(&frame.header.encode());
        self.queued.extend_from_slice(&frame.body);
    }

    /// Sends the queued frames. Not cancel safe: the connection cannot be used afterwards.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        let mut queued = std::mem::take(&mut self.queued);
        self.flushing = true;
        self.write(&queued).await?;
        self.flushing = false;
        if queued.capacity() <= KEPT_BYTES {
            queued.clear();
            self.queued = queued;
        }
        Ok(())
    }

    /// Takes the queued bytes, for a caller that writes to the sink itself.
    pub fn take_queued(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.queued)
    }

    /// The sink.
    pub fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    /// Sends bytes of the present DATA frame.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), WireError> {
        while !bytes.is_empty() {
            self.progress.begin();
            let written = timeout(STALL_TIME, self.sink.write(bytes)).await.map_err(|_| WireError::Stalled)??;
            self.progress.end(written);
            if written == 0 {
                return Err(WireError::Io(std::io::ErrorKind::WriteZero.into()));
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn queue_header(&mut self, kind: FrameKind, request_id: u32, body_bytes: usize) {
        self.queued.extend_from_slice(&Header::new(kind, request_id, body_bytes).encode());
    }

    /// Ends this direction of the connection after the bytes sent.
    pub async fn shutdown(&mut self) {
        // Fails only if the peer is gone.
        let _ = self.sink.shutdown().await;
    }
}
