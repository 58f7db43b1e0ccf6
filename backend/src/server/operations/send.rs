//! A part of a file as one DATA frame: without a copy where the system can, by reading and writing elsewhere.

use std::fs::File;
use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::server::blocking::blocking;
use crate::server::connection::response::{Answer, Stop};
use crate::storage::{OpenFile, StorageError};
use crate::wire::{PipeWriter, UnixWriter, WireError};

/// What takes bytes straight from a file, where the system can.
#[derive(Clone, Copy, Debug)]
pub enum Socket<'a> {
    /// Over TCP.
    Tcp(&'a TcpStream),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(&'a UnixStream),
}

/// Where frames go. What has no socket (a pipe in memory) is written to.
pub trait Sink: AsyncWrite + Unpin + Send {
    /// The socket behind it.
    fn socket(&self) -> Option<Socket<'_>> {
        None
    }

    /// Whether it carries open files beside the bytes.
    fn can_pass_fd(&self) -> bool {
        false
    }

    /// Hands over an open file, where it can.
    fn pass_fd(&mut self, _file: File) {}
}

impl Sink for OwnedWriteHalf {
    fn socket(&self) -> Option<Socket<'_>> {
        Some(Socket::Tcp(self.as_ref()))
    }
}

impl Sink for UnixWriter {
    #[cfg(unix)]
    fn socket(&self) -> Option<Socket<'_>> {
        Some(Socket::Unix(UnixWriter::socket(self)))
    }

    fn can_pass_fd(&self) -> bool {
        true
    }

    fn pass_fd(&mut self, file: File) {
        UnixWriter::pass_fd(self, file);
    }
}

impl Sink for PipeWriter {
    fn can_pass_fd(&self) -> bool {
        true
    }

    fn pass_fd(&mut self, file: File) {
        PipeWriter::pass_fd(self, file);
    }
}

impl Sink for tokio::io::WriteHalf<tokio::io::DuplexStream> {}

/// Sends `length` bytes from `offset` as one frame. Until the header is out a failure is the item's; afterwards it can
/// only end the connection, for a frame that has begun cannot be taken back, and is never padded.
pub(in crate::server) async fn send_part<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), Stop> {
    #[cfg(target_os = "linux")]
    if file.as_file().is_some()
        && answer.writer().sink().socket().is_some()
        && crate::server::operations::sendfile::prepare(answer, file, offset, length).await?
    {
        return crate::server::operations::sendfile::send(answer, file, offset, length).await;
    }
    copy(answer, file, offset, length).await
}

/// Reads on a blocking thread and writes, a piece at a time.
async fn copy<W: Sink>(
    answer: &mut Answer<'_, W>,
    file: &Arc<dyn OpenFile>,
    offset: u64,
    length: usize,
) -> Result<(), Stop> {
    let mut buffer = Vec::new();
    let mut sent = 0;
    while sent < length {
        let (file, wanted, at) = (Arc::clone(file), PIECE_BYTES.min(length - sent), offset + sent as u64);
        let read = blocking(move || {
            buffer.resize(wanted, 0);
            read_exactly(&*file, &mut buffer, at)?;
            Ok(buffer)
        });
        if sent == 0 {
            buffer = answer.during(read).await?;
            answer.begin_data(length);
            answer.writer().flush().await?;
        } else {
            buffer = read.await.map_err(|error| Stop::Broken(cut(&error)))?;
        }
        answer.writer().write(&buffer).await?;
        sent += wanted;
    }
    answer.writer().end_data();
    Ok(())
}

/// Fills `buffer` from `offset`.
///
/// # Errors
/// [`ErrorCode::Changed`] where the file is shorter than it was.
pub(in crate::server) fn read_exactly(file: &dyn OpenFile, buffer: &mut [u8], offset: u64) -> Result<(), StorageError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => return Err(StorageError::new(ErrorCode::Changed, "the file became shorter while it was sent")),
            read => filled += read,
        }
    }
    Ok(())
}

/// Why a frame that has begun cannot be ended.
pub(in crate::server) fn cut(error: &StorageError) -> WireError {
    WireError::Io(std::io::Error::other(error.to_string()))
}
