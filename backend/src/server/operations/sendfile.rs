//! Linux: from the page cache to the socket by `sendfile`, in calls that never wait for a disk on an async thread.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::STALL_TIME;
use tokio::io::Interest;
use tokio::time::timeout;

use crate::page_cache::{self, Cached};
use crate::server::blocking::blocking;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::{Sink, Socket};
use crate::storage::{OpenFile, StorageError};
use crate::wire::{SendProgress, WireError};

/// Brings the part into the page cache. False if the file system cannot tell what the cache has: the part is then read
/// on a blocking thread instead.
pub(super) async fn prepare<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<bool, RequestError> {
    let Some(handle) = file.as_file() else { return Ok(false) };
    match page_cache::cached(handle, offset, length) {
        Cached::Yes => Ok(true),
        Cached::Unknown => Ok(false),
        Cached::No => {
            let file = Arc::clone(file);
            response.until_cancelled(blocking(move || Ok(warm(&*file, offset, length)?))).await?;
            Ok(true)
        }
    }
}

/// Sends the buffered frames, then a DATA header and the part of the file.
pub(super) async fn send<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), RequestError> {
    response.begin_data(length);
    let writer = response.writer();
    let progress = Arc::clone(writer.progress());
    let queued = writer.take_queued();
    let (Some(socket), Some(handle)) = (writer.sink().socket(), file.as_file()) else {
        return Err(RequestError::from(ErrorCode::Internal));
    };
    send_before(socket, &progress, &queued).await?;
    send_file(socket, &progress, handle, offset, length).await?;
    writer.end_data();
    Ok(())
}

/// Reads the part into the page cache and starts the read-ahead behind it. Blocks.
fn warm(file: &dyn OpenFile, offset: u64, length: usize) -> Result<(), StorageError> {
    let Some(handle) = file.as_file() else { return Ok(()) };
    page_cache::read_into_cache(handle, offset, length).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            StorageError::new(ErrorCode::Changed, "the file became shorter while it was sent")
        }
        _ => StorageError::from_io(error, "reading a file"),
    })
}

/// Sends small frames, marked as followed by more, so that they leave in one segment with the file's bytes.
async fn send_before(socket: Socket<'_>, progress: &SendProgress, mut bytes: &[u8]) -> Result<(), WireError> {
    while !bytes.is_empty() {
        bytes = &bytes[socket.send(progress, |descriptor| page_cache::send_before(descriptor, bytes)).await?..];
    }
    Ok(())
}

async fn send_file(
    socket: Socket<'_>,
    progress: &SendProgress,
    file: &File,
    mut offset: u64,
    length: usize,
) -> Result<(), WireError> {
    let end = offset + length as u64;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(length);
        let sent = socket.send(progress, |descriptor| page_cache::send_file(descriptor, file, offset, left));
        offset += sent.await? as u64;
    }
    Ok(())
}

impl Socket<'_> {
    /// Makes a call once the socket is writable, and again while it says that it would block.
    async fn send(
        self,
        progress: &SendProgress,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Result<usize, WireError> {
        progress.begin();
        let sent = match self {
            Self::Tcp(stream) => {
                timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, || call(stream.as_fd()))).await
            }
            Self::Unix(stream) => {
                timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, || call(stream.as_fd()))).await
            }
        };
        let sent = sent.map_err(|_| WireError::Stalled)??;
        progress.end(sent);
        Ok(sent)
    }
}
