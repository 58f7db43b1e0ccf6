//! A regular file of the served directory, open for reading.

use std::fs::File;

use shared::{ETag, Entry};

use super::error::storage_error;
use super::platform::{Dir, DiskFile, Metadata, read_full};
use crate::storage::{OpenFile, StorageError};

/// An open file with its entry and metadata at the moment of opening.
pub(super) struct LocalFile<D: Dir> {
    pub(super) file: D::File,
    pub(super) entry: Entry,
    pub(super) opened: Metadata,
}

impl<D: Dir> OpenFile for LocalFile<D> {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        read_full(&self.file, buffer, offset)
    }

    fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        self.file.try_read_at(buffer, offset)
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        let now = D::metadata_of_file(&self.file).map_err(|error| storage_error(error, "stat of an open file"))?;
        // The entry has the validator already; hashing it again would cost more than the comparison.
        let opened = self.entry.etag.filter(|_| now.has_content_of(&self.opened));
        Ok(opened.unwrap_or_else(|| now.etag()))
    }

    fn size_now(&self) -> Result<u64, StorageError> {
        let now = D::metadata_of_file(&self.file).map_err(|error| storage_error(error, "stat of an open file"))?;
        Ok(now.size)
    }

    fn identity(&self) -> u128 {
        let identity = self.opened.identity;
        u128::from(identity.device) << 64 | u128::from(identity.inode)
    }

    fn as_file(&self) -> Option<&File> {
        self.file.as_file()
    }
}
