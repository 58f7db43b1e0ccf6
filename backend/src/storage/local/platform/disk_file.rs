//! An open file and the calls that every system must have for one.

use std::fs::File;
use std::io;
use std::ops::Range;

use shared::ErrorCode;

use crate::storage::{Copied, StorageError};

/// An open regular file. Reads and writes may transfer fewer bytes than asked for, as the system calls do.
pub(in crate::storage) trait DiskFile: Send + Sync + 'static {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Non-blocking read from the page cache; `None` if the first byte is not cached or the system cannot tell.
    fn try_read_at(&self, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    fn length(&self) -> io::Result<u64>;

    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Hints that the system should start to write these bytes to the disk. Does not wait.
    fn write_out(&self, _offset: u64, _length: u64) {}

    /// Makes the content and the length durable (`fdatasync`).
    fn sync_content(&self) -> io::Result<()>;

    /// Makes content and attributes durable (`fsync`).
    fn sync(&self) -> io::Result<()>;

    /// Makes this empty file share all blocks of another one, and returns its length; `None` where that is impossible.
    fn clone_whole(&self, _source: &File) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Copies from another file by sharing blocks or inside the kernel, and returns the number of bytes; `None` where
    /// the system cannot do that for these files.
    fn copy_from(&self, _source: &File, _from: u64, _length: u64, _offset: u64) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// The next range of a file that has content, from `from` on; both ends are `u64::MAX` if only a hole follows. `None`
    /// where the system does not tell holes.
    fn data_range(_source: &File, _from: u64) -> io::Result<Option<Range<u64>>>
    where
        Self: Sized,
    {
        Ok(None)
    }

    /// Gives this file the access list and the extended attributes of another one, and if `owned` its owner, as far as
    /// this process may; returns what remains to be set. `None` where the system has no such attributes.
    fn copy_attributes(&self, _source: &File, _owned: bool) -> io::Result<Option<Copied>> {
        Ok(None)
    }

    /// The operating system's file, where there is one.
    fn as_file(&self) -> Option<&File> {
        None
    }
}

/// Reads until the buffer is full or the file ends.
pub(in crate::storage) fn read_full(
    file: &impl DiskFile,
    buffer: &mut [u8],
    offset: u64,
) -> Result<usize, StorageError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(StorageError::from_code(ErrorCode::Io, error, "reading a file"));
            }
        }
    }
    Ok(filled)
}

/// Writes all bytes.
pub(in crate::storage) fn write_full(file: &impl DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset = offset.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
