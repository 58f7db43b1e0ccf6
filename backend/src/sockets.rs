//! How every TCP connection is set up, whichever end of it this is.

use std::io;

use tokio::net::TcpStream;

/// Makes a new connection one of ours: what is written leaves at once, and no more waits in the system's send buffer than
/// keeps the line busy.
///
/// # Errors
/// Those of the system, mostly that the other side has gone already.
pub fn set_up(stream: &TcpStream) -> io::Result<()> {
    // Otherwise the end of a small message waits for the acknowledgement of its beginning.
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    linux::bound_unsent(stream)?;
    Ok(())
}

/// The one option that no safe crate sets.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod linux {
    use std::ffi::c_int;
    use std::io;
    use std::os::fd::AsRawFd;

    use tokio::net::TcpStream;

    /// How many bytes wait unsent before a socket counts as full; it counts as writable again at half of that. What was
    /// sent and not yet acknowledged comes on top, so that long lines stay full. The default is megabytes: then a client that
    /// takes five kilobytes a second is not seen to move for minutes, and much of what waits leaves the processor's caches
    /// again before it is sent.
    pub(super) const UNSENT_BYTES: c_int = 64 << 10;

    /// Sets `TCP_NOTSENT_LOWAT` (tcp(7), Linux 3.12).
    pub(super) fn bound_unsent(stream: &TcpStream) -> io::Result<()> {
        let value: *const c_int = &UNSENT_BYTES;
        let length = size_of::<c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is that of `stream`, which lives throughout; `value` points to `length` readable bytes,
        // which the system copies before it returns.
        let result = unsafe {
            libc::setsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value.cast(), length)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_connection_holds_little_that_was_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        set_up(&near).unwrap();
        assert!(near.nodelay().unwrap());
        // Nobody reads: the other side's buffer fills first, then ours.
        let piece = vec![0; 16 << 10];
        near.writable().await.unwrap();
        let mut filled = 0;
        while let Ok(written) = near.try_write(&piece) {
            filled += written;
        }
        // Whoever takes as much as was waiting is seen to have moved.
        let mut taken = vec![0; filled];
        let mut far = far;
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut taken).await.unwrap();
        near.writable().await.unwrap();
        assert!(near.try_write(&piece).is_ok());
    }
}
