//! The client's ends of a connection over any transport.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::in_process::InProcessConnector;
use super::pipe::{PipeReader, PipeWriter};
use super::source::Source;
use super::unix::{self, UnixReader, UnixWriter};
use crate::sockets;

/// The receiving end.
#[derive(Debug)]
pub enum TransportReader {
    /// Over TCP.
    Tcp(OwnedReadHalf),
    /// Over a Unix socket.
    Unix(UnixReader),
    /// Within this process.
    Pipe(PipeReader),
}

/// The sending end.
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
    /// Whether the transport can pass file descriptors.
    pub fn takes_fds(&self) -> bool {
        matches!(self, Self::Unix(_) | Self::Pipe(_))
    }

    /// The file that was passed last, unless it was taken before.
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
    /// Writes at least one of the owned bytes and removes the written ones from `bytes`. Within a process they are not
    /// copied.
    pub(super) fn poll_write_owned(&mut self, context: &mut Context<'_>, bytes: &mut Bytes) -> Poll<io::Result<()>> {
        if let Self::Pipe(writer) = self {
            return writer.poll_write_owned(context, bytes);
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
