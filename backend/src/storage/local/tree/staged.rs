//! Uploads on disk: one file each, in the private directory.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::{ErrorCode, UploadId};

use super::private_dir::PrivateDir;
use super::root::Tree;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, DiskFile, read_full, write_full};
use crate::storage::staged::{COPY_BYTES_MAX, copy_through_buffer};
use crate::storage::{OpenFile, Staged, StorageError, Visit};

/// An open upload.
pub(super) struct LocalStaged<D: Dir> {
    pub(super) file: D::File,
    pub(super) private_dir: Arc<PrivateDir<D>>,
    pub(super) id: UploadId,
    /// Whether the name of its file is durable.
    named: AtomicBool,
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::stage`].
    pub(super) fn create_staged(&self, id: UploadId) -> Result<LocalStaged<D>, StorageError> {
        let private_dir = self.private_dir()?;
        let file = private_dir.staging.create_file(&staged_name(id));
        let file = file.map_err(|error| storage_error(error, "creating an upload"))?;
        Ok(LocalStaged { file, private_dir, id, named: AtomicBool::new(false) })
    }

    /// See [`crate::storage::Storage::staged`].
    pub(super) fn open_staged(&self, id: UploadId) -> Result<LocalStaged<D>, StorageError> {
        let no_upload = || StorageError::new(ErrorCode::NotFound, "looking for an upload");
        let private_dir = self.existing_private_dir()?.ok_or_else(no_upload)?;
        let file = private_dir.staging.open_own_file(&staged_name(id));
        let file = file.map_err(|error| storage_error(error, "opening an upload"))?;
        let metadata = D::metadata_of_file(&file).map_err(|error| storage_error(error, "stat of an upload"))?;
        // Two names: a crash came between the link that published the file and the removal of its name here. A visible
        // file must not be written to.
        if metadata.names > 1 {
            return Err(no_upload());
        }
        Ok(LocalStaged { file, private_dir, id, named: AtomicBool::new(false) })
    }

    /// See [`crate::storage::Storage::list_staged`].
    pub(super) fn staged_ids(&self) -> Result<Vec<UploadId>, StorageError> {
        let mut ids = Vec::new();
        if let Some(staging) = self.peek_staging()? {
            let read = staging.names(&mut |name| {
                ids.extend(str::from_utf8(name).ok().and_then(UploadId::parse));
                Visit::Continue
            });
            read.map_err(|error| storage_error(error, "reading the uploads"))?;
        }
        Ok(ids)
    }

    /// See [`crate::storage::Storage::unstage`].
    pub(super) fn remove_staged(&self, id: UploadId) -> Result<(), StorageError> {
        let Some(private_dir) = self.existing_private_dir()? else { return Ok(()) };
        private_dir.unsynced().remove(&id);
        match private_dir.staging.remove_file(&staged_name(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(storage_error(error, "deleting an upload")),
            _ => Ok(()),
        }
    }
}

/// The name of an upload's file in the private directory.
pub(super) fn staged_name(id: UploadId) -> Vec<u8> {
    id.to_string().into_bytes()
}

impl<D: Dir> LocalStaged<D> {
    /// Syncs by `sync`, unless an earlier sync has failed, and records a failure.
    pub(super) fn sync_with(&self, sync: impl FnOnce(&D::File) -> io::Result<()>) -> Result<(), StorageError> {
        // The lock is released before the disk works.
        if self.private_dir.unsynced().contains(&self.id) {
            return Err(StorageError::new(ErrorCode::Io, "an earlier sync of the upload failed"));
        }
        sync(&self.file).map_err(|error| {
            self.private_dir.unsynced().insert(self.id);
            storage_error(error, "syncing an upload")
        })
    }

    /// Copies as much as the kernel can; `None` if it cannot copy from that source.
    fn copy_in_kernel(
        &self,
        source: Option<&File>,
        from: u64,
        length: u64,
        offset: u64,
    ) -> Result<Option<u64>, StorageError> {
        let Some(source) = source else { return Ok(None) };
        let mut copied = 0;
        while copied < length {
            let (from, offset) = (from.saturating_add(copied), offset.saturating_add(copied));
            match self.file.copy_from(source, from, length - copied, offset) {
                Ok(Some(0)) => break,
                Ok(Some(count)) => copied += count,
                Ok(None) if copied == 0 => return Ok(None),
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(storage_error(error, "copying into an upload")),
            }
        }
        Ok(Some(copied))
    }
}

impl<D: Dir> Staged for LocalStaged<D> {
    fn length(&self) -> Result<u64, StorageError> {
        self.file.length().map_err(|error| storage_error(error, "stat of an upload"))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError> {
        write_full(&self.file, bytes, offset).map_err(|error| storage_error(error, "writing an upload"))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        read_full(&self.file, buffer, offset)
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        match self.copy_in_kernel(source.as_file(), from, length.min(COPY_BYTES_MAX), offset)? {
            Some(copied) => Ok(copied),
            None => copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset),
        }
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        match self.copy_in_kernel(source.as_file(), from, length.min(COPY_BYTES_MAX), offset)? {
            Some(copied) => Ok(copied),
            None => copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset),
        }
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        if length < self.length()? {
            self.file.set_length(length).map_err(|error| storage_error(error, "truncating an upload"))?;
        }
        self.private_dir.unsynced().remove(&self.id);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.sync_with(D::File::sync_content)?;
        if !self.named.load(Ordering::Acquire) {
            self.sync_with(|_| self.private_dir.staging.prepare_sync()?())?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn write_out(&self, offset: u64, length: u64) {
        self.file.write_out(offset, length);
    }

    fn as_file(&self) -> Option<&File> {
        self.file.as_file()
    }
}
