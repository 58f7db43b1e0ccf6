//! The last frame of a connection.

use std::time::Duration;

use shared::wire::{FrameKind, Message};
use tokio::time::timeout;

use crate::server::exchange::sink::Sink;
use crate::wire::{FrameReader, FrameWriter, Source};

/// Most time for sending the last frame, and for the peer to read it.
const CLOSE_TIME: Duration = Duration::from_secs(1);
/// Most bytes that are read from a peer that is being closed.
const CLOSE_BYTES_MAX: usize = 256 << 10;

/// Sends the reason as a frame of `kind` and gives the peer time to read it: a socket that is closed with unread input
/// is reset, and the peer's system then drops what it had not read yet.
pub(super) async fn close_with<R, W, M>(
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
    kind: FrameKind,
    reason: &M,
) where
    R: Source,
    W: Sink,
    M: Message,
{
    if send_last(writer, kind, reason).await {
        let _ = timeout(CLOSE_TIME, reader.discard(CLOSE_BYTES_MAX)).await;
    }
}

/// Sends the last frame and shuts this direction down. False if that fails, if the peer does not read within
/// [`CLOSE_TIME`], or in the middle of a frame, whose payload the frame would become.
pub(super) async fn send_last<W: Sink, M: Message>(writer: &mut FrameWriter<W>, kind: FrameKind, last: &M) -> bool {
    if !writer.is_between_frames() {
        return false;
    }
    writer.queue(kind, 0, last);
    let sent = matches!(timeout(CLOSE_TIME, writer.flush()).await, Ok(Ok(())));
    if sent {
        writer.shutdown().await;
    }
    sent
}
