//! Open files and uploads that fail on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shared::{ETag, Entry, UploadId};

use super::faults::{Fault, Faults, Operation, failure};
use crate::storage::staged::copy_through_buffer;
use crate::storage::{OpenFile, Staged, StorageError};

/// An upload of a `FaultyStorage`. Without [`Staged::as_file`], so that every byte passes through it.
pub(super) struct FaultyStaged {
    pub(super) inner: Box<dyn Staged>,
    pub(super) id: UploadId,
    pub(super) faults: Arc<Faults>,
}

impl Staged for FaultyStaged {
    fn length(&self) -> Result<u64, StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.length()
    }

    /// A failing write leaves half of its bytes, as a full disk does.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError> {
        if let Err(error) = self.faults.check(Operation::Write) {
            self.inner.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.inner.write_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.read_at(buffer, offset)
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.truncate(length)?;
        self.faults.lock_unsynced().remove(&self.id);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        if let Err(error) = self.faults.check(Operation::Sync) {
            self.faults.lock_unsynced().insert(self.id);
            return Err(error);
        }
        self.faults.check_synced(self.id)?;
        self.inner.sync()
    }

    fn space(&self) -> Result<Option<u64>, StorageError> {
        self.faults.check(Operation::Space)?;
        match self.faults.space() {
            Some(bytes) => Ok(Some(bytes)),
            None => self.inner.space(),
        }
    }
}

/// An open file of a `FaultyStorage`. Without [`OpenFile::as_file`], so that every byte passes through `read_at`.
pub(super) struct FaultyFile {
    inner: Box<dyn OpenFile>,
    faults: Arc<Faults>,
    /// Where the file ends since [`Fault::Shrink`].
    end: AtomicU64,
    changed: AtomicBool,
}

impl FaultyFile {
    pub(super) fn new(inner: Box<dyn OpenFile>, faults: Arc<Faults>) -> Self {
        Self { inner, faults, end: AtomicU64::new(u64::MAX), changed: AtomicBool::new(false) }
    }
}

impl OpenFile for FaultyFile {
    fn entry(&self) -> &Entry {
        self.inner.entry()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        let mut wanted = buffer.len();
        match self.faults.strike(Operation::Read) {
            Some(Fault::Fail(code)) => return Err(failure(code)),
            Some(Fault::ShortRead) => wanted /= 2,
            Some(Fault::Shrink) => {
                self.end.fetch_min(offset, Ordering::Relaxed);
                self.changed.store(true, Ordering::Relaxed);
            }
            Some(Fault::Change) => self.changed.store(true, Ordering::Relaxed),
            None => {}
        }
        let left = self.end.load(Ordering::Relaxed).saturating_sub(offset);
        let wanted = usize::try_from(left).map_or(wanted, |left| left.min(wanted));
        self.inner.read_at(&mut buffer[..wanted], offset)
    }

    fn size_now(&self) -> Result<u64, StorageError> {
        Ok(self.inner.size_now()?.min(self.end.load(Ordering::Relaxed)))
    }

    fn identity(&self) -> u128 {
        self.inner.identity()
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        match self.faults.strike(Operation::Validate) {
            Some(Fault::Fail(code)) => return Err(failure(code)),
            Some(Fault::Change | Fault::Shrink) => self.changed.store(true, Ordering::Relaxed),
            Some(Fault::ShortRead) | None => {}
        }
        let etag = self.inner.etag_now()?;
        Ok(if self.changed.load(Ordering::Relaxed) { ETag(etag.0.map(|byte| !byte)) } else { etag })
    }
}
