//! Linux: from the page cache to the socket by `sendfile`, in calls that do not wait for a disk on an async thread.

use std::fs::File;
use std::io;
use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::STALL_TIME;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Sink;
use super::answer::{Answer, Stop};
use super::blocking::blocking;
use crate::pages::{self, Cached};
use crate::storage::{OpenFile, StorageError};
use crate::wire::WireError;

/// Sees to it that the part is in the page cache. False where the file system cannot say: then it is better read on a
/// thread that may block.
pub(super) async fn prepare<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<bool, Stop> {
    let Some(handle) = file.as_file() else { return Ok(false) };
    match pages::cached(handle, offset, length) {
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
pub(super) async fn send<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), Stop> {
    answer.begin_data(length);
    let writer = answer.writer();
    let gathered = writer.take_gathered();
    let (Some(stream), Some(handle)) = (writer.sink().socket(), file.as_file()) else {
        return Err(Stop::from(ErrorCode::Internal));
    };
    send_before(stream, &gathered).await?;
    send_file(stream, handle, offset, length).await?;
    writer.end_data();
    Ok(())
}

/// Reads the part into the page cache and asks for what comes after it.
fn warm(file: &dyn OpenFile, offset: u64, length: usize) -> Result<(), StorageError> {
    let Some(handle) = file.as_file() else { return Ok(()) };
    pages::warm(handle, offset, length).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            StorageError::new(ErrorCode::Changed, "the file became shorter while it was sent")
        }
        _ => StorageError::from_io(error, "reading a file"),
    })
}

/// Small frames, told to wait for the file's bytes so that both leave in one segment.
async fn send_before(stream: &TcpStream, mut bytes: &[u8]) -> Result<(), WireError> {
    while !bytes.is_empty() {
        let call = || pages::send_before(stream, bytes);
        let sent = timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, call)).await;
        bytes = &bytes[sent.map_err(|_| WireError::Stalled)??..];
    }
    Ok(())
}

async fn send_file(stream: &TcpStream, file: &File, mut offset: u64, length: usize) -> Result<(), WireError> {
    let end = offset + length as u64;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(length);
        let call = || pages::send_file(stream, file, offset, left);
        let sent = timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, call)).await;
        offset += sent.map_err(|_| WireError::Stalled)?? as u64;
    }
    Ok(())
}
