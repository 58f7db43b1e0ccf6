//! The writing half of a connection.

use std::fs::File;

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::wire::{PipeWriter, UnixWriter};

/// A socket that the operating system can send files to.
#[derive(Clone, Copy, Debug)]
pub enum Socket<'a> {
    /// Over TCP.
    Tcp(&'a TcpStream),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(&'a UnixStream),
}

/// The writing half of a connection, with what it can do beside writing bytes.
pub trait Sink: AsyncWrite + Unpin + Send {
    /// The socket below; `None` for a pipe in memory.
    fn socket(&self) -> Option<Socket<'_>> {
        None
    }

    /// Whether it passes open files beside the bytes.
    fn can_pass_fd(&self) -> bool {
        false
    }

    /// Passes an open file, if [`Sink::can_pass_fd`].
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
