//! Linux: from the page cache to the socket by `sendfile`, in calls that do not wait for a disk on an async thread.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::Arc;

use rustix::fs::Advice;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::SendFlags;
use shared::ErrorCode;
use shared::limits::{PIECE_BYTES, STALL_TIME};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Sink;
use super::answer::{Answer, Stop};
use super::blocking::blocking;
use super::send::read_exactly;
use crate::storage::{OpenFile, StorageError};
use crate::wire::WireError;

/// How far ahead the kernel is told to read, in bytes.
const AHEAD_BYTES: u64 = 4 << 20;

/// What is known of a part of a file without waiting for it.
enum Cached {
    Yes,
    No,
    /// The file system cannot say.
    Unknown,
}

/// Sees to it that the part is in the page cache. False where the file system cannot say: then it is better read on a
/// thread that may block.
pub(super) async fn prepare<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<bool, Stop> {
    let Some(handle) = file.as_file() else { return Ok(false) };
    match cached(handle, offset, length) {
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

/// Looks at the last byte: the kernel reads ahead, so where that is there the rest is, nearly always.
fn cached(file: &File, offset: u64, length: usize) -> Cached {
    let mut byte = [0];
    let last = offset + length as u64 - 1;
    match rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut byte)], last, ReadWriteFlags::NOWAIT) {
        Ok(_) => Cached::Yes,
        Err(Errno::AGAIN) => Cached::No,
        Err(_) => Cached::Unknown,
    }
}

/// Reads the part into the page cache and asks for what comes after it.
fn warm(file: &dyn OpenFile, offset: u64, length: usize) -> Result<(), StorageError> {
    if let Some(handle) = file.as_file() {
        // Advice may be refused; the bytes come all the same.
        let _ = rustix::fs::fadvise(handle, offset, std::num::NonZeroU64::new(AHEAD_BYTES), Advice::WillNeed);
    }
    let mut scratch = vec![0; PIECE_BYTES.min(length)];
    let mut done = 0;
    while done < length {
        let piece = scratch.len().min(length - done);
        read_exactly(file, &mut scratch[..piece], offset + done as u64)?;
        done += piece;
    }
    Ok(())
}

/// Small frames, told to wait for the file's bytes so that both leave in one segment.
async fn send_before(stream: &TcpStream, mut bytes: &[u8]) -> Result<(), WireError> {
    while !bytes.is_empty() {
        let call = || rustix::net::send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL).map_err(io::Error::from);
        let sent = timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, call)).await;
        bytes = &bytes[sent.map_err(|_| WireError::Stalled)??..];
    }
    Ok(())
}

async fn send_file(stream: &TcpStream, file: &File, mut offset: u64, length: usize) -> Result<(), WireError> {
    let end = offset + length as u64;
    while offset < end {
        let left = usize::try_from(end - offset).unwrap_or(length);
        let call = || {
            let mut at = offset;
            rustix::fs::sendfile(stream, file, Some(&mut at), left).map_err(io::Error::from)
        };
        let sent = timeout(STALL_TIME, stream.async_io(Interest::WRITABLE, call)).await;
        match sent.map_err(|_| WireError::Stalled)?? {
            0 => return Err(WireError::Io(io::Error::other("the file became shorter while it was sent"))),
            sent => offset += sent as u64,
        }
    }
    Ok(())
}
