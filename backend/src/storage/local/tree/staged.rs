//! Uploads on disk: one file each, in the private directory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shared::{ErrorCode, UploadId, VPath};

use super::notes::disk_id;
use super::private_dir::{OnDisk, PrivateDir, staging_in};
use super::root::Tree;
use crate::sparse;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, DiskFile, read_full, write_full};
use crate::storage::staged::{COPY_BYTES_MAX, copy_through_buffer};
use crate::storage::{Copied, OpenFile, Staged, StorageError, Visit};

/// An open upload.
pub(super) struct LocalStaged<D: Dir> {
    pub(super) file: D::File,
    pub(super) private_dir: Arc<PrivateDir<D>>,
    pub(super) id: UploadId,
    /// Whether the name of its file is durable.
    named: AtomicBool,
    /// Where zeros end that were not written; the file may be shorter.
    zeros_end: AtomicU64,
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::stage`].
    pub(super) fn create_staged(&self, id: UploadId) -> Result<LocalStaged<D>, StorageError> {
        create_in(self.private_dir()?, id)
    }

    /// See [`crate::storage::Storage::stage_for`]. Where the volume of the target has no private directory, publishing
    /// copies the upload to it.
    pub(super) fn create_staged_for(&self, id: UploadId, target: &VPath) -> Result<LocalStaged<D>, StorageError> {
        let near = match self.parent(target) {
            Ok(Some(parent)) => self.usable_private_dir(&parent)?,
            // Publishing tells what is wrong with the target, or what has become of it by then.
            _ => None,
        };
        near.map_or_else(|| self.create_staged(id), |private_dir| create_in(private_dir, id))
    }

    /// See [`crate::storage::Storage::staged`].
    pub(super) fn open_staged(&self, id: UploadId, target: Option<&VPath>) -> Result<LocalStaged<D>, StorageError> {
        let no_upload = || StorageError::new(ErrorCode::NotFound, "looking for an upload");
        let (private_dir, file) = self.find_staged(id, target)?.ok_or_else(no_upload)?;
        let metadata = D::metadata_of_file(&file).map_err(|error| storage_error(error, "stat of an upload"))?;
        // Two names: a crash came between the link that published the file and the removal of its name here. A visible
        // file must not be written to.
        if metadata.names > 1 {
            return Err(no_upload());
        }
        Ok(LocalStaged { file, private_dir, id, named: AtomicBool::new(false), zeros_end: AtomicU64::new(0) })
    }

    /// The file of an upload; `None` only if no disk that the tree has had can hold it.
    ///
    /// # Errors
    /// [`ErrorCode::DiskAbsent`] if one of those disks is not connected and the target may be on it.
    fn find_staged(&self, id: UploadId, target: Option<&VPath>) -> Result<Option<OnDisk<D, D::File>>, StorageError> {
        let found = open_in(self.known_private_dirs()?, id);
        if matches!(found, Ok(Some(_))) {
            return found;
        }
        let noted = self.noted_disks();
        if noted.is_empty() {
            return found;
        }
        // Looked for again: a disk may have been connected meanwhile.
        let opened = self.private_dirs()?;
        let connected: Vec<_> = opened.iter().filter_map(|private_dir| disk_id(&private_dir.dir)).collect();
        match open_in(opened, id)? {
            None if noted.iter().any(|disk| !connected.contains(&disk.id) && self.may_hold(&disk.at, target)) => {
                Err(StorageError::new(ErrorCode::DiskAbsent, "looking for an upload"))
            }
            found => Ok(found),
        }
    }

    /// Whether an upload that was staged for `target` may be on a disk that was mounted at `at`. A path that leads nowhere
    /// now may lead there while the disk is connected.
    fn may_hold(&self, at: &VPath, target: Option<&VPath>) -> bool {
        match target {
            None => true,
            // On the disk of the root.
            Some(target) if target.is_root() => false,
            Some(target) => {
                let parent = self.parent(target).ok().flatten().and_then(|parent| parent.path().ok());
                parent.is_none_or(|parent| at.strip_prefix_of(&parent).is_some())
            }
        }
    }

    /// See [`crate::storage::Storage::list_staged`].
    pub(super) fn staged_ids(&self) -> Result<Vec<UploadId>, StorageError> {
        let mut ids = BTreeSet::new();
        for top in self.tops()? {
            let at = top.path()?;
            match read_staged(top.dir(), &at, &mut ids) {
                Err(error) if !at.is_root() => {
                    tracing::warn!(%error, disk = at.encoded(), "the uploads of a disk cannot be read");
                }
                read => read?,
            }
        }
        Ok(ids.into_iter().collect())
    }

    /// See [`crate::storage::Storage::unstage`].
    pub(super) fn remove_staged(&self, id: UploadId) -> Result<(), StorageError> {
        let mut failed = None;
        for private_dir in self.known_private_dirs()? {
            private_dir.unsynced().remove(&id);
            match private_dir.staging.remove_file(&staged_name(id)) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => failed = Some(storage_error(error, "deleting an upload")),
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Opens the file of an upload in the first of these directories that has it.
fn open_in<D: Dir>(
    private_dirs: Vec<Arc<PrivateDir<D>>>,
    id: UploadId,
) -> Result<Option<OnDisk<D, D::File>>, StorageError> {
    // A disk that fails does not hide the uploads on the others.
    let mut failed = None;
    for private_dir in private_dirs {
        match private_dir.staging.open_own_file(&staged_name(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => failed = Some(storage_error(error, "opening an upload")),
            Ok(file) => return Ok(Some((private_dir, file))),
        }
    }
    failed.map_or(Ok(None), Err)
}

fn create_in<D: Dir>(private_dir: Arc<PrivateDir<D>>, id: UploadId) -> Result<LocalStaged<D>, StorageError> {
    private_dir.check_reserve()?;
    let file = private_dir.staging.create_file(&staged_name(id));
    let file = file.map_err(|error| storage_error(error, "creating an upload"))?;
    Ok(LocalStaged { file, private_dir, id, named: AtomicBool::new(false), zeros_end: AtomicU64::new(0) })
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

    /// Lengthens the upload by zeros without writing them, if it ends at or before `offset`. The file itself follows with
    /// the next byte that is written behind them, or in [`LocalStaged::fill`].
    fn skip_zeros(&self, offset: u64, length: u64) -> Result<bool, StorageError> {
        let skips = offset >= self.length()?;
        if skips {
            self.zeros_end.fetch_max(offset.saturating_add(length), Ordering::AcqRel);
        }
        Ok(skips)
    }

    /// Gives the file the length of the upload if zeros at its end were skipped. Writes their last byte, because a call
    /// that sets the length could cut what another thread writes meanwhile.
    pub(super) fn fill(&self) -> Result<(), StorageError> {
        let end = self.zeros_end.load(Ordering::Acquire);
        let write_last = || -> io::Result<()> {
            if end > 0 && self.file.length()? < end { write_full(&self.file, &[0], end - 1) } else { Ok(()) }
        };
        write_last().map_err(|error| storage_error(error, "writing an upload"))
    }

    /// Shares all blocks of the source, skips a hole of it, or copies as much as the kernel can of the content that
    /// follows; `None` if it cannot copy from that source.
    fn copy_in_kernel(
        &self,
        source: Option<&File>,
        from: u64,
        length: u64,
        offset: u64,
    ) -> Result<Option<u64>, StorageError> {
        self.private_dir.check_reserve()?;
        let Some(source) = source else { return Ok(None) };
        let looked = |error| storage_error(error, "looking for holes in a file");
        let size = source.metadata().map_err(looked)?.len();
        if from == 0
            && offset == 0
            && length >= size
            && let Some(size) = self.file.clone_whole(source).map_err(looked)?
        {
            return Ok(Some(size));
        }
        let range = D::File::data_range(source, from).map_err(looked)?.unwrap_or(from..u64::MAX);
        let hole = length.min(range.start.min(size).saturating_sub(from));
        if hole > 0 && self.skip_zeros(offset, hole)? {
            return Ok(Some(hole));
        }
        let length = length.min(COPY_BYTES_MAX).min(range.end.saturating_sub(from));
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
        let length = self.file.length().map_err(|error| storage_error(error, "stat of an upload"))?;
        Ok(length.max(self.zeros_end.load(Ordering::Acquire)))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError> {
        self.private_dir.check_reserve()?;
        let mut at = offset;
        for run in sparse::runs(bytes, offset) {
            if !run.is_zeros || !self.skip_zeros(at, run.bytes.len() as u64)? {
                let written = write_full(&self.file, run.bytes, at);
                written.map_err(|error| storage_error(error, "writing an upload"))?;
            }
            at = at.saturating_add(run.bytes.len() as u64);
        }
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        self.fill()?;
        read_full(&self.file, buffer, offset)
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        match self.copy_in_kernel(source.as_file(), from, length, offset)? {
            Some(copied) => Ok(copied),
            None => copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset),
        }
    }

    fn copy_attributes(&self, source: &dyn OpenFile, owned: bool) -> Result<Option<Copied>, StorageError> {
        let Some(source) = source.as_file() else { return Ok(None) };
        self.file.copy_attributes(source, owned).map_err(|error| storage_error(error, "setting a copy's attributes"))
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        match self.copy_in_kernel(source.as_file(), from, length, offset)? {
            Some(copied) => Ok(copied),
            None => copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset),
        }
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        if length < self.length()? {
            self.zeros_end.fetch_min(length, Ordering::AcqRel);
            // A file that ends in zeros that were skipped is shorter than that, and becomes longer.
            self.file.set_length(length).map_err(|error| storage_error(error, "truncating an upload"))?;
        }
        self.private_dir.unsynced().remove(&self.id);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.fill()?;
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

    fn space(&self) -> Result<Option<u64>, StorageError> {
        self.private_dir.staging.space().map_err(|error| storage_error(error, "asking for free space"))
    }

    fn as_file(&self) -> Option<&File> {
        // A failure shows as a file that is too short.
        let _ = self.fill();
        self.file.as_file()
    }
}

/// Another handle must find the whole length.
impl<D: Dir> Drop for LocalStaged<D> {
    fn drop(&mut self) {
        let _ = self.fill();
    }
}

/// Adds the uploads of the volume whose outermost folder is `top`, at that path of the tree.
fn read_staged<D: Dir>(top: &D, at: &VPath, ids: &mut BTreeSet<UploadId>) -> Result<(), StorageError> {
    let Some(staging) = PrivateDir::peek(top, staging_in(at))? else { return Ok(()) };
    let read = staging.names(&mut |name| {
        ids.extend(str::from_utf8(name).ok().and_then(UploadId::parse));
        Visit::Continue
    });
    read.map_err(|error| storage_error(error, "reading the uploads"))
}
