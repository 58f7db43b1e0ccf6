//! A file that is open for reading.

use shared::{ETag, Entry};

use super::StorageError;

/// An open file. Its bytes are those of the file that was opened, even after its name has come to lead to another one.
pub trait OpenFile: Send + Sync {
    /// The file's entry at the moment of opening.
    fn entry(&self) -> &Entry;

    /// Fills `buffer` from `offset` and returns the number of bytes read; less than `buffer.len()` only at the end of
    /// the file.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError>;

    /// Non-blocking [`OpenFile::read_at`]: reads the bytes that are in the page cache, which may be fewer than fit.
    /// `None` means that the first byte is not cached, that the system cannot tell, or that reading fails: call
    /// [`OpenFile::read_at`].
    fn try_read_at(&self, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }

    /// The validator of the open file's present state; differs from `entry().etag` if the file may have changed.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn etag_now(&self) -> Result<ETag, StorageError>;

    /// The size of the open file now, in bytes.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn size_now(&self) -> Result<u64, StorageError>;

    /// Tells the file from every other file of the storage, under any name and whatever its content.
    fn identity(&self) -> u128;

    /// The operating system's file, where there is one, for system calls that move bytes without copying them.
    fn as_file(&self) -> Option<&std::fs::File> {
        None
    }
}

/// Bytes that the content of a file takes on its disk, which holes do not; its size where that is not known.
pub fn allocated_bytes(file: &dyn OpenFile) -> u64 {
    #[cfg(unix)]
    if let Some(metadata) = file.as_file().and_then(|file| file.metadata().ok()) {
        // In units of 512 bytes on every Unix.
        return std::os::unix::fs::MetadataExt::blocks(&metadata).saturating_mul(512);
    }
    file.entry().size
}
