//! Uploads on disk: one file each, in a folder that no path reaches.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::{ErrorCode, UploadId};

use super::disk::{DiskFile, Folder, read_full, write_full};
use super::tree::{Tree, refusal};
use super::vault::Vault;
use crate::storage::rules::{COPY_BYTES_MAX, copy_by_hand, refused};
use crate::storage::{OpenFile, Staged, StorageError, Visit};

/// An upload of a directory.
pub(super) struct LocalStaged<F: Folder> {
    file: F::File,
    vault: Arc<Vault<F>>,
    id: UploadId,
    /// Whether its name is durable.
    named: AtomicBool,
}

impl<F: Folder> Tree<F> {
    pub(super) fn make_staged(&self, id: UploadId) -> Result<LocalStaged<F>, StorageError> {
        let vault = self.vault()?;
        let file = vault.staging.create_file(&file_name(id));
        let file = file.map_err(|error| refusal(error, "making room for an upload"))?;
        Ok(LocalStaged { file, vault, id, named: AtomicBool::new(false) })
    }

    pub(super) fn open_staged(&self, id: UploadId) -> Result<LocalStaged<F>, StorageError> {
        let Some(vault) = self.known_vault()? else { return Err(no_upload()) };
        let file = vault.staging.open_own_file(&file_name(id));
        let file = file.map_err(|error| refusal(error, "opening an upload"))?;
        let metadata = F::metadata_of_file(&file).map_err(|error| refusal(error, "asking about an upload"))?;
        // With a second name it is a file that somebody sees: a crash came between the link and the removal of the name
        // here. It must not be written to any more.
        if metadata.names > 1 {
            return Err(no_upload());
        }
        Ok(LocalStaged { file, vault, id, named: AtomicBool::new(false) })
    }

    pub(super) fn staged_ids(&self) -> Result<Vec<UploadId>, StorageError> {
        let mut ids = Vec::new();
        if let Some(staging) = self.peek_staging()? {
            let read = staging.names(&mut |name| {
                ids.extend(str::from_utf8(name).ok().and_then(UploadId::parse));
                Visit::Continue
            });
            read.map_err(|error| refusal(error, "reading the uploads"))?;
        }
        Ok(ids)
    }

    pub(super) fn remove_staged(&self, id: UploadId) -> Result<(), StorageError> {
        let Some(vault) = self.known_vault()? else { return Ok(()) };
        vault.unsure().remove(&id);
        match vault.staging.remove_file(&file_name(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refusal(error, "giving up an upload")),
            _ => Ok(()),
        }
    }
}

pub(super) fn file_name(id: UploadId) -> Vec<u8> {
    id.to_string().into_bytes()
}

fn no_upload() -> StorageError {
    refused(ErrorCode::NotFound, "looking for an upload")
}

impl<F: Folder> LocalStaged<F> {
    pub(super) fn file(&self) -> &F::File {
        &self.file
    }

    pub(super) fn id(&self) -> UploadId {
        self.id
    }

    pub(super) fn vault(&self) -> &Arc<Vault<F>> {
        &self.vault
    }

    /// Syncs, unless an earlier failure has made that worthless, and remembers where it failed.
    pub(super) fn sync_with(&self, sync: impl FnOnce(&F::File) -> io::Result<()>) -> Result<(), StorageError> {
        // The lock is not held while the disk works.
        if self.vault.unsure().contains(&self.id) {
            return Err(refused(ErrorCode::Io, "an earlier sync of the upload failed"));
        }
        sync(&self.file).map_err(|error| {
            self.vault.unsure().insert(self.id);
            refusal(error, "syncing an upload")
        })
    }

    /// As much as the kernel copies; none where it does not.
    fn copy_inside(
        &self,
        source: Option<&std::fs::File>,
        from: u64,
        length: u64,
        offset: u64,
    ) -> Result<Option<u64>, StorageError> {
        let Some(source) = source else { return Ok(None) };
        let mut copied = 0;
        while copied < length {
            match self.file.copy_from(
                source,
                from.saturating_add(copied),
                length - copied,
                offset.saturating_add(copied),
            ) {
                Ok(Some(0)) => break,
                Ok(Some(count)) => copied += count,
                Ok(None) if copied == 0 => return Ok(None),
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(refusal(error, "copying into an upload")),
            }
        }
        Ok(Some(copied))
    }
}

impl<F: Folder> Staged for LocalStaged<F> {
    fn length(&self) -> Result<u64, StorageError> {
        self.file.length().map_err(|error| refusal(error, "asking about an upload"))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError> {
        write_full(&self.file, bytes, offset).map_err(|error| refusal(error, "writing an upload"))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        read_full(&self.file, buffer, offset)
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        match self.copy_inside(source.as_file(), from, length.min(COPY_BYTES_MAX), offset)? {
            Some(copied) => Ok(copied),
            None => copy_by_hand(self, |buffer, at| source.read_at(buffer, at), from, length, offset),
        }
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        match self.copy_inside(source.as_file(), from, length.min(COPY_BYTES_MAX), offset)? {
            Some(copied) => Ok(copied),
            None => copy_by_hand(self, |buffer, at| source.read_at(buffer, at), from, length, offset),
        }
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        if length < self.length()? {
            self.file.set_length(length).map_err(|error| refusal(error, "cutting an upload"))?;
        }
        self.vault.unsure().remove(&self.id);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.sync_with(F::File::sync_content)?;
        if !self.named.load(Ordering::Acquire) {
            self.sync_with(|_| self.vault.staging.ready_to_sync()?())?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn write_out(&self, offset: u64, length: u64) {
        self.file.write_out(offset, length);
    }

    fn as_file(&self) -> Option<&std::fs::File> {
        self.file.as_file()
    }
}
