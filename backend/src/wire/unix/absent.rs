//! Where there are no Unix sockets: none of these exists, and who asks for one is told.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::Source;
use super::UnixListenError;

/// There is none.
#[derive(Debug)]
pub enum UnixListener {}

/// There is none.
#[derive(Debug)]
pub enum UnixReader {}

/// There is none.
#[derive(Debug)]
pub enum UnixWriter {}

/// Fails.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub(in crate::wire) async fn connect(_path: &Path) -> io::Result<(UnixReader, UnixWriter)> {
    Err(unsupported())
}

impl UnixListener {
    /// Fails.
    ///
    /// # Errors
    /// [`UnixListenError::Io`].
    pub fn open(path: &Path) -> Result<Self, UnixListenError> {
        Err(UnixListenError::Io { path: path.to_owned(), source: unsupported() })
    }

    /// Never called.
    ///
    /// # Errors
    /// None.
    pub async fn accept(&self) -> io::Result<(UnixReader, UnixWriter)> {
        match *self {}
    }

    /// Never called.
    pub fn path(&self) -> &Path {
        match *self {}
    }
}

impl UnixReader {
    /// Never called.
    pub fn take_fd(&mut self) -> Option<File> {
        match *self {}
    }
}

impl UnixWriter {
    /// Never called.
    pub fn pass_fd(&mut self, _file: File) {
        match *self {}
    }
}

impl Source for UnixReader {}

impl AsyncRead for UnixReader {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

impl AsyncWrite for UnixWriter {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }
}

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "Unix sockets that carry files are not to be had on this system")
}
