//! System calls on open files: copying inside the kernel, early writeback.

use std::fs::File;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;

use rustix::fs::{Advice, SeekFrom};
use rustix::io::Errno;

/// Most bytes that one call of `copy_file_range` is asked for; the kernel may copy fewer.
const COPY_CALL_BYTES: u64 = 64 << 20;

/// See [`crate::storage::local::platform::DiskFile::clone_whole`].
pub(in crate::storage::local::platform) fn clone_whole(to: &File, source: &File) -> io::Result<Option<u64>> {
    let size = source.metadata()?.len();
    // After any failure the bytes can still be copied.
    let cloned = size > 0 && to.metadata()?.len() == 0 && rustix::fs::ioctl_ficlone(to, source).is_ok();
    Ok(cloned.then_some(size))
}

/// Copies by `copy_file_range`, which shares blocks where the file system can and needs no buffer where it cannot.
/// `None` if the kernel cannot copy between these files.
pub(in crate::storage::local::platform) fn copy_in_kernel(
    to: &File,
    source: &File,
    mut from: u64,
    length: u64,
    mut offset: u64,
) -> io::Result<Option<u64>> {
    if i64::try_from(from).is_err() || i64::try_from(offset).is_err() {
        return Ok(None);
    }
    let length = usize::try_from(length.min(COPY_CALL_BYTES)).unwrap_or(usize::MAX);
    match rustix::fs::copy_file_range(source, Some(&mut from), to, Some(&mut offset), length) {
        Ok(copied) => Ok(Some(copied as u64)),
        // Another file system, an old kernel, a file whose content the kernel generates.
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::BADF) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// See [`crate::storage::local::platform::DiskFile::data_range`]. The position in the file changes, which no one uses.
pub(in crate::storage::local::platform) fn data_range(source: &File, from: u64) -> io::Result<Option<Range<u64>>> {
    let start = match rustix::fs::seek(source, SeekFrom::Data(from)) {
        Ok(start) => start,
        // The end of the file, or a hole up to it.
        Err(Errno::NXIO) => return Ok(Some(u64::MAX..u64::MAX)),
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // The file may have become shorter in between.
    let end = rustix::fs::seek(source, SeekFrom::Hole(start)).unwrap_or(start);
    Ok((end > start).then_some(start..end))
}

/// Starts to write dirty pages to the disk without waiting. `posix_fadvise(2)`: `DONTNEED` writes dirty pages before it
/// drops them, and pages under writeback stay in the cache. If the call fails, a later sync has more to do.
pub(in crate::storage::local::platform) fn start_writeback(file: &File, offset: u64, length: u64) {
    let _ = rustix::fs::fadvise(file, offset, NonZeroU64::new(length), Advice::DontNeed);
}
