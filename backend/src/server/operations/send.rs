//! A part of a file as one DATA frame: by `sendfile` where the system can, by reading and writing elsewhere.

use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::PIECE_BYTES;

use crate::server::blocking::blocking;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::storage::{OpenFile, StorageError};
use crate::wire::WireError;

/// Sends `length` bytes from `offset` as one frame.
///
/// # Errors
/// Before the header of the frame is out, [`RequestError::Failed`]. After that only [`RequestError::Connection`]: a
/// frame that has begun cannot be taken back, and is never padded.
pub(super) async fn send_part<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), RequestError> {
    #[cfg(target_os = "linux")]
    if file.as_file().is_some()
        && response.writer().sink().socket().is_some()
        && super::sendfile::prepare(response, file, offset, length).await?
    {
        return super::sendfile::send(response, file, offset, length).await;
    }
    copy(response, file, offset, length).await
}

/// Reads on a blocking thread and writes, piece by piece.
async fn copy<W: Sink>(
    response: &mut ResponseWriter<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), RequestError> {
    let mut buffer = Vec::new();
    let mut sent = 0;
    while sent < length {
        let (file, wanted, at) = (Arc::clone(file), PIECE_BYTES.min(length - sent), offset + sent as u64);
        let read = blocking(move || {
            buffer.resize(wanted, 0);
            read_exactly(&*file, &mut buffer, at)?;
            Ok::<_, StorageError>(buffer)
        });
        if sent == 0 {
            buffer = response.until_cancelled(async { Ok(read.await?) }).await?;
            response.begin_data(length);
            response.writer().flush().await?;
        } else {
            buffer = read.await.map_err(|error| cut_off(&error))?;
        }
        response.writer().write(&buffer).await?;
        sent += wanted;
    }
    response.writer().end_data();
    Ok(())
}

/// Fills `buffer` from `offset`.
///
/// # Errors
/// [`ErrorCode::Changed`] if the file ends before that.
pub(super) fn read_exactly(file: &dyn OpenFile, buffer: &mut [u8], offset: u64) -> Result<(), StorageError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => return Err(StorageError::new(ErrorCode::Changed, "the file became shorter while it was sent")),
            read => filled += read,
        }
    }
    Ok(())
}

/// The end of the connection within a frame.
fn cut_off(error: &StorageError) -> RequestError {
    RequestError::Connection(WireError::Io(std::io::Error::other(error.to_string())))
}
