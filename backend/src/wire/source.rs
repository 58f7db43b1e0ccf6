//! The receiving end of a connection.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, DuplexStream, ReadHalf};
use tokio::net::tcp::OwnedReadHalf;

/// A byte stream that can hand over bytes in memory without a copy.
pub trait Source: AsyncRead + Unpin {
    /// The next bytes without a copy, at most `bytes_max`, empty at the end. `None` if the next bytes have to be read
    /// by [`AsyncRead`].
    fn poll_take(&mut self, _context: &mut Context<'_>, _bytes_max: usize) -> Option<Poll<io::Result<Bytes>>> {
        None
    }
}

impl<S: Source> Source for &mut S {
    fn poll_take(&mut self, context: &mut Context<'_>, bytes_max: usize) -> Option<Poll<io::Result<Bytes>>> {
        (**self).poll_take(context, bytes_max)
    }
}

impl Source for OwnedReadHalf {}

/// For a session without a socket, in tests.
impl Source for ReadHalf<DuplexStream> {}
