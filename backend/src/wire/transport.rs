//! The client's ends of a connection, whatever carries it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::pipe::{PipeReader, PipeWriter};
use super::unix::{self, UnixReader, UnixWriter};
use super::{InProcessConnector, Source};
use crate::sockets;

/// What comes from the other side.
#[derive(Debug)]
pub enum TransportReader {
    /// Over TCP.
    Tcp(OwnedReadHalf),
    /// Over a Unix socket.
    Unix(UnixReader),
    /// Within this process.
    Pipe(PipeReader),
}

/// What goes to the other side.
#[derive(Debug)]
pub enum TransportWriter {
    /// Over TCP.
    Tcp(OwnedWriteHalf),
    /// Over a Unix socket.
    Unix(UnixWriter),
    /// Within this process.
    Pipe(PipeWriter),
}

/// Connects over TCP to `host:port`.
///
/// # Errors
/// Those of the system.
pub async fn connect_tcp(address: &str) -> io::Result<(TransportReader, TransportWriter)> {
    let stream = TcpStream::connect(address).await?;
    sockets::set_up(&stream)?;
    let (reader, writer) = stream.into_split();
    Ok((TransportReader::Tcp(reader), TransportWriter::Tcp(writer)))
}

/// Connects over the Unix socket at `path`.
///
/// # Errors
/// Those of the system.
pub async fn connect_unix(path: &Path) -> io::Result<(TransportReader, TransportWriter)> {
    let (reader, writer) = unix::connect(path).await?;
    Ok((TransportReader::Unix(reader), TransportWriter::Unix(writer)))
}

/// Connects within this process.
///
/// # Errors
/// As [`InProcessConnector::connect`].
pub async fn connect_in_process(connector: &InProcessConnector) -> io::Result<(TransportReader, TransportWriter)> {
    let (reader, writer) = connector.connect().await?;
    Ok((TransportReader::Pipe(reader), TransportWriter::Pipe(writer)))
}

impl TransportReader {
    /// Whether open files can come beside the bytes.
    pub fn takes_fds(&self) -> bool {
        matches!(self, Self::Unix(_) | Self::Pipe(_))
    }

    /// The file that was lent last, unless it was taken before.
    pub fn take_fd(&mut self) -> Option<File> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(reader) => reader.take_fd(),
            Self::Pipe(reader) => reader.take_fd(),
        }
    }
}

impl Source for TransportReader {
    fn poll_take(&mut self, context: &mut Context<'_>, bytes_max: usize) -> Option<Poll<io::Result<Bytes>>> {
        match self {
            Self::Pipe(reader) => reader.poll_take(context, bytes_max),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }
}

impl TransportWriter {
    /// Writes bytes that are somebody's own: within a process they go over as they are. Some of them are gone from
    /// `bytes` then, at least one.
    pub(super) fn poll_pass(&mut self, context: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        if let Self::Pipe(writer) = self {
            return writer.poll_pass(context, bytes);
        }
        match ready!(Pin::new(self).poll_write(context, bytes))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => {
                bytes.advance(written);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncRead for TransportReader {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(reader) => Pin::new(reader).poll_read(context, into),
            Self::Unix(reader) => Pin::new(reader).poll_read(context, into),
            Self::Pipe(reader) => Pin::new(reader).poll_read(context, into),
        }
    }
}

impl AsyncWrite for TransportWriter {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(writer) => Pin::new(writer).poll_write(context, bytes),
            Self::Unix(writer) => Pin::new(writer).poll_write(context, bytes),
            Self::Pipe(writer) => Pin::new(writer).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(writer) => Pin::new(writer).poll_flush(context),
            Self::Unix(writer) => Pin::new(writer).poll_flush(context),
            Self::Pipe(writer) => Pin::new(writer).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(writer) => Pin::new(writer).poll_shutdown(context),
            Self::Unix(writer) => Pin::new(writer).poll_shutdown(context),
            Self::Pipe(writer) => Pin::new(writer).poll_shutdown(context),
        }
    }
}
