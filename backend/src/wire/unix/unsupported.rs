//! The types of Unix sockets on systems without them: they have no values, and connecting and listening fail.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::UnixListenError;
use crate::wire::source::Source;

/// Has no values.
#[derive(Debug)]
pub enum UnixListener {}

/// Has no values.
#[derive(Debug)]
pub enum UnixReader {}

/// Has no values.
#[derive(Debug)]
pub enum UnixWriter {}

/// Always fails.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`].
pub(in crate::wire) async fn connect(_path: &Path) -> io::Result<(UnixReader, UnixWriter)> {
    Err(unsupported())
}

impl UnixListener {
    /// Always fails.
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
    io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets that pass file descriptors")
}
