//! The bytes of an upload that no path reaches yet.

use super::{Copied, OpenFile, StorageError};

/// Most bytes that one call copies, so that its caller can report progress and cancel in between.
pub(super) const COPY_BYTES_MAX: u64 = 64 << 20;

/// The bytes of an upload. Several threads may write and read concurrently.
pub trait Staged: Send + Sync {
    /// Its length in bytes. Gaps between writes are zeros, and zeros behind the end may become a gap, which takes no
    /// space.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn length(&self) -> Result<u64, StorageError>;

    /// Writes all of `bytes` at `offset`. They are durable after [`Staged::sync`].
    ///
    /// # Errors
    /// [`shared::ErrorCode::NoSpace`], [`shared::ErrorCode::QuotaExceeded`], [`shared::ErrorCode::Io`]; any part of the
    /// bytes may then be written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError>;

    /// Fills `buffer` from `offset` and returns the number of bytes read; less than `buffer.len()` only at the end.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError>;

    /// Copies up to `length` bytes of an open file from offset `from` to offset `offset`, by sharing blocks or inside
    /// the kernel where the system can, and returns how many bytes were copied. Holes stay holes behind the end of the
    /// upload. It stops early at the end of the source
    /// and after at most a bounded number of bytes, so that the caller can report progress; it returns 0 only at the
    /// end of the source.
    ///
    /// # Errors
    /// As [`Staged::write_at`].
    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError>;

    /// [`Staged::copy_from`] with another upload as the source.
    ///
    /// # Errors
    /// As [`Staged::write_at`].
    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError>;

    /// Makes the upload the copy of an open file: gives it the extended attributes and the access list, and if `owned` the
    /// owner, as far as this process may. Attributes of the kernel's security modules and of the administrator
    /// (`security.*`, `trusted.*`) are not copied, nor are set-user-ID, set-group-ID and the sticky bit. Called after the
    /// content is complete. `None` where the system has no such attributes.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn copy_attributes(&self, _source: &dyn OpenFile, _owned: bool) -> Result<Option<Copied>, StorageError> {
        Ok(None)
    }

    /// Cuts the upload to `length` bytes; a longer `length` changes nothing.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn truncate(&self, length: u64) -> Result<(), StorageError>;

    /// Makes the upload and every byte written so far durable. After a failure, bytes written since the last success
    /// may be lost and a later call proves nothing: truncate to the durable length, and write again from there.
    ///
    /// # Errors
    /// [`shared::ErrorCode::NoSpace`], [`shared::ErrorCode::Io`].
    fn sync(&self) -> Result<(), StorageError>;

    /// Hints that the system should start to write these bytes to the disk, so that a later sync has less to do. Does
    /// nothing where the system has no such call.
    fn write_out(&self, _offset: u64, _length: u64) {}

    /// Free space on its disk, in bytes; `None` where that is unknown.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn space(&self) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }

    /// The operating system's file, where there is one, for system calls that move bytes without copying them.
    fn as_file(&self) -> Option<&std::fs::File> {
        None
    }
}

/// Copies through a buffer, where the system has no better way, and returns how many bytes were copied: less than
/// `length` only at the end of the source or after [`COPY_BYTES_MAX`].
pub(super) fn copy_through_buffer(
    to: &dyn Staged,
    read: impl Fn(&mut [u8], u64) -> Result<usize, StorageError>,
    from: u64,
    length: u64,
    offset: u64,
) -> Result<u64, StorageError> {
    let length = length.min(COPY_BYTES_MAX);
    let mut buffer = vec![0; shared::limits::PIECE_BYTES.min(usize::try_from(length).unwrap_or(usize::MAX))];
    let mut copied = 0;
    while copied < length {
        let wanted = usize::try_from(length - copied).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = read(&mut buffer[..wanted], from.saturating_add(copied))?;
        if count == 0 {
            break;
        }
        to.write_at(&buffer[..count], offset.saturating_add(copied))?;
        copied += count as u64;
    }
    Ok(copied)
}
