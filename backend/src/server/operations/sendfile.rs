//! Linux: from the page cache to the socket by `sendfile`, in calls that do not wait for a disk on an async thread.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::STALL_TIME;
use tokio::io::Interest;
use tokio::time::timeout;

use super::send::{Sink, Socket};
use crate::page_cache::{self, Cached};
use crate::server::blocking::blocking;
use crate::server::connection::response::{Answer, Stop};
use crate::storage::{OpenFile, StorageError};
use crate::wire::WireError;

/// Sees to it that the part is in the page cache. False where the file system cannot say: then it is better read on a
/// thread that may block.
pub(in crate::server) async fn prepare<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<bool, Stop> {
    let Some(handle) = file.as_file() else { return Ok(false) };
    match page_cache::cached(handle, offset, length) {
        Cached::Yes => Ok(true),
        Cached::Unknown => Ok(false),
        Cached::No => {
            let file = Arc::clone(file);
            answer.during(blocking(move || warm(&*file, offset, length))).await?;
            Ok(true)
        }
    }
}

/// Sends what was gathered, then a DATA header with the part of the file behind it.
pub(in crate::server) async fn send<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), Stop> {
    answer.begin_data(length);
    let writer = answer.writer();
    let gathered = writer.take_queued();
    let (Some(socket), Some(handle)) = (writer.sink().socket(), file.as_file()) else {
        return Err(Stop::from(ErrorCode::Internal));
    };
    send_before(socket, &gathered).await?;
    send_file(socket, handle, offset, length).await?;
    writer.end_data();
    Ok(())
}

/// Reads the part into the page cache and asks for what comes after it.
fn warm(file: &dyn OpenFile, offset: u64, length: usize) -> Result<(), StorageError> {
    let Some(handle) = file.as_file() else { return Ok(()) };
    page_cache::warm(handle, offset, length).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            StorageError::new(ErrorCode::Changed, "the file became shorter while it was sent")
        }
        _ => StorageError::from_io(error, "reading a file"),
    })
}

/// Small frames, told to wait for the file's bytes so that both leave in one segment.
async fn send_before(socket: Socket<'_>, mut bytes: &[u8]) -> Result<(), WireError> {
    while !bytes.is_empty() {
        bytes = &bytes[socket.send(|descriptor| page_cache::send_before(descriptor, bytes)).await?..];
    }
    Ok(())
}

async fn send_file(socket: Socket<'_>, file: &File, mut offset: u64, length: usize) -> Result<(), WireError> {
    let end = offset + length as u64;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(length);
        offset += socket.send(|descriptor| page_cache::send_file(descriptor, file, offset, left)).await? as u64;
    }
    Ok(())
}

impl Socket<'_> {
    /// Calls when there is room, and again for as long as there is none after all.
    async fn send(self, mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>) -> Result<usize, WireError> {
        let sent = match self {
            Self::Tcp(stream) => {
                timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, || call(stream.as_fd()))).await
            }
            Self::Unix(stream) => {
                timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, || call(stream.as_fd()))).await
            }
        };
        Ok(sent.map_err(|_| WireError::Stalled)??)
    }
}
