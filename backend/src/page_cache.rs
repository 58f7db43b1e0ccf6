//! The operating system's page cache: whether a range of a file is cached, reading it into the cache, and sending it to
//! a socket without a copy. Functions that block on the disk say so; async threads must not call them.

use std::fs::File;
use std::io;

use shared::limits::PIECE_BYTES;

#[cfg(target_os = "linux")]
pub use linux::{cached, send_before, send_file, try_read_at};
#[cfg(not(target_os = "linux"))]
pub use portable::{cached, try_read_at};

/// Whether a range of a file is in the page cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cached {
    /// It is, almost certainly.
    Yes,
    /// It is not.
    No,
    /// The system cannot tell.
    Unknown,
}

/// Reads a range into the page cache, and starts to read ahead. Blocks on the disk.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] if the file is shorter, and errors of the system.
pub fn read_into_cache(file: &File, offset: u64, length: usize) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    linux::read_ahead(file, offset);
    let mut scratch = vec![0; PIECE_BYTES.min(length)];
    let mut done = 0;
    while done < length {
        let piece = scratch.len().min(length - done);
        read_exactly(file, &mut scratch[..piece], offset + done as u64)?;
        done += piece;
    }
    Ok(())
}

/// Fills `buffer` from `offset`. Blocks on the disk.
///
/// # Errors
/// As [`read_into_cache`].
pub fn read_exactly(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// Moves the position of the handle, which no code here uses.
#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::{self, IoSliceMut};
    use std::num::NonZeroU64;
    use std::os::fd::AsFd;

    use rustix::fs::Advice;
    use rustix::io::{Errno, ReadWriteFlags};
    use rustix::net::SendFlags;

    use super::Cached;

    /// Bytes that the kernel is asked to read ahead.
    const AHEAD_BYTES: NonZeroU64 = NonZeroU64::new(4 << 20).unwrap();
    /// Most bytes that one call sends. A call locks the socket, so in a longer one acknowledgements wait: on loopback,
    /// 1 MiB a call takes twice the processor time.
    const SEND_BYTES_MAX: usize = 128 << 10;

    /// Checks the last byte: because the kernel reads ahead, the rest is almost always cached, too.
    pub fn cached(file: &File, offset: u64, length: usize) -> Cached {
        let last = offset + (length as u64).saturating_sub(1);
        match preadv2(file, &mut [0], last) {
            Ok(_) => Cached::Yes,
            Err(Errno::AGAIN) => Cached::No,
            Err(_) => Cached::Unknown,
        }
    }

    /// Reads cached bytes, up to the first one that is not cached. `None` if that is the first one, or if the system
    /// cannot tell. 0 at the end of the file.
    pub fn try_read_at(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
        preadv2(file, buffer, offset).ok()
    }

    fn preadv2(file: &File, buffer: &mut [u8], offset: u64) -> rustix::io::Result<usize> {
        rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
    }

    pub(super) fn read_ahead(file: &File, offset: u64) {
        // A failure only makes later reads slower.
        let _ = rustix::fs::fadvise(file, offset, Some(AHEAD_BYTES), Advice::WillNeed);
    }

    /// Sends bytes that are followed by a range of a file, so that both leave in one segment. Does not block.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the socket is full, and errors of the system.
    pub fn send_before(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(socket, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?)
    }

    /// Sends at most `length` bytes of a file, and at most [`SEND_BYTES_MAX`]. Blocks on the disk unless they are
    /// cached, never on the socket.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the socket is full, [`io::ErrorKind::UnexpectedEof`] if the file ends at or
    /// before `offset`, and errors of the system.
    pub fn send_file(socket: impl AsFd, file: &File, offset: u64, length: usize) -> io::Result<usize> {
        let mut at = offset;
        match rustix::fs::sendfile(socket, file, Some(&mut at), length.min(SEND_BYTES_MAX))? {
            0 if length > 0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
            sent => Ok(sent),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::fs::File;

    use super::Cached;

    /// Not available on this system.
    pub fn cached(_file: &File, _offset: u64, _length: usize) -> Cached {
        Cached::Unknown
    }

    /// Not available on this system.
    pub fn try_read_at(_file: &File, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_was_read_is_cached_and_a_short_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..600_000).map(|index| (index % 251) as u8).collect();
        std::fs::write(folder.path().join("file"), &content).unwrap();
        let file = File::open(folder.path().join("file")).unwrap();
        read_into_cache(&file, 100, 500_000).unwrap();
        assert_ne!(cached(&file, 100, 500_000), Cached::No);
        let mut bytes = vec![0; 1000];
        read_exactly(&file, &mut bytes, 7).unwrap();
        assert_eq!(bytes, content[7..1007]);
        assert_eq!(read_exactly(&file, &mut bytes, 599_001).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(read_into_cache(&file, 1, 600_000).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        if let Some(count) = try_read_at(&file, &mut bytes, 599_500) {
            assert_eq!(bytes[..count], content[599_500..599_500 + count]);
        }
    }
}
