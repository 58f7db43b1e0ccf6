//! [`DiskFile`] for the standard library's [`File`].

use std::fs::File;
use std::io;
#[cfg(target_os = "linux")]
use std::ops::Range;

use super::disk_file::DiskFile;
#[cfg(target_os = "linux")]
use super::linux;
#[cfg(unix)]
use super::unix;
use crate::page_cache;
#[cfg(unix)]
use crate::storage::Copied;

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // System calls take signed offsets, so no file has bytes beyond.
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(self, buffer, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(self, buffer, offset);
    }

    fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        page_cache::try_read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if i64::try_from(offset).is_err() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_at(self, bytes, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_write(self, bytes, offset);
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    #[cfg(target_os = "linux")]
    fn write_out(&self, offset: u64, length: u64) {
        linux::start_writeback(self, offset, length);
    }

    fn sync_content(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    #[cfg(target_os = "linux")]
    fn clone_whole(&self, source: &File) -> io::Result<Option<u64>> {
        linux::clone_whole(self, source)
    }

    #[cfg(target_os = "linux")]
    fn copy_from(&self, source: &File, from: u64, length: u64, offset: u64) -> io::Result<Option<u64>> {
        linux::copy_in_kernel(self, source, from, length, offset)
    }

    #[cfg(target_os = "linux")]
    fn data_range(source: &File, from: u64) -> io::Result<Option<Range<u64>>> {
        linux::data_range(source, from)
    }

    #[cfg(unix)]
    fn copy_attributes(&self, source: &File, owned: bool) -> io::Result<Option<Copied>> {
        unix::copy_file_attributes(self, source, owned).map(Some)
    }

    fn as_file(&self) -> Option<&File> {
        Some(self)
    }
}
