//! A storage that fails on demand.

use std::fmt;
use std::sync::Arc;

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::faults::{Faults, Operation};
use super::open::{FaultyFile, FaultyStaged};
use crate::storage::{
    Attributes, Expected, Keep, LinkScope, OpenFile, Published, Replaced, Replacement, Staged, Storage, StorageError,
    ToRestore, ToTrash, TrashItem, TrashListing, TrashQuery, Visit, WatchEvent, WatchHandle,
};

/// Fails as its [`Faults`] say, and otherwise forwards to the inner storage.
pub struct FaultyStorage {
    inner: Arc<dyn Storage>,
    faults: Arc<Faults>,
}

impl FaultyStorage {
    /// Wraps a storage.
    pub fn new(inner: impl Storage, faults: Arc<Faults>) -> Self {
        Self { inner: Arc::new(inner), faults }
    }

    /// The planned faults, for planning more.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }
}

impl Storage for FaultyStorage {
    fn within(self: Arc<Self>, scope: LinkScope) -> Arc<dyn Storage> {
        let inner = Arc::clone(&self.inner).within(scope);
        if Arc::ptr_eq(&inner, &self.inner) { self } else { Arc::new(Self { inner, faults: Arc::clone(&self.faults) }) }
    }

    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Stat)?;
        self.inner.stat(path)
    }

    fn check_root(&self) -> Result<(), StorageError> {
        self.faults.check(Operation::Stat)?;
        self.inner.check_root()
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.faults.check(Operation::List)?;
        let mut broken = Ok(());
        self.inner.list(path, &mut |entry| {
            broken = self.faults.check(Operation::Entry);
            if broken.is_err() { Visit::Stop } else { visit(entry) }
        })?;
        broken
    }

    fn count_unnamed(&self, folder: &VPath) -> Result<u64, StorageError> {
        self.inner.count_unnamed(folder)
    }

    fn is_inside(&self, inner: &VPath, outer: &VPath) -> Result<bool, StorageError> {
        self.inner.is_inside(inner, outer)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.faults.check(Operation::Open)?;
        let inner = self.inner.open(path)?;
        let faults = Arc::clone(&self.faults);
        Ok(Box::new(FaultyFile::new(inner, faults)))
    }

    fn unreadable_names(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<Vec<usize>, StorageError> {
        self.inner.unreadable_names(folder, names)
    }

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        self.faults.check(Operation::Stage)?;
        Ok(self.wrap(id, self.inner.stage(id)?))
    }

    fn stage_for(&self, id: UploadId, target: &VPath) -> Result<Box<dyn Staged>, StorageError> {
        self.faults.check(Operation::Stage)?;
        Ok(self.wrap(id, self.inner.stage_for(id, target)?))
    }

    fn staged(&self, id: UploadId, target: Option<&VPath>) -> Result<Box<dyn Staged>, StorageError> {
        self.faults.check(Operation::Stage)?;
        Ok(self.wrap(id, self.inner.staged(id, target)?))
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        self.faults.check(Operation::Stage)?;
        self.inner.list_staged()
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.faults.check(Operation::Stage)?;
        self.faults.lock_unsynced().remove(&id);
        self.inner.unstage(id)
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.faults.check(Operation::Publish)?;
        self.faults.check_synced(id)?;
        let published = self.inner.publish(id, target, expected, attributes)?;
        self.faults.check(Operation::Published)?;
        Ok(published)
    }

    fn sync_name(&self, path: &VPath) -> Result<(), StorageError> {
        self.faults.check(Operation::Published)?;
        self.inner.sync_name(path)
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Make)?;
        self.inner.make_folder(path)
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Make)?;
        self.inner.make_link(path, target)
    }

    fn copy_folder_attributes(
        &self,
        from: &VPath,
        to: &VPath,
        modified: Timestamp,
        owned: bool,
    ) -> Result<(), StorageError> {
        self.faults.check(Operation::FolderAttributes)?;
        self.inner.copy_folder_attributes(from, to, modified, owned)
    }

    fn copy_link(&self, from: &VPath, to: &VPath, owned: bool) -> Result<(), StorageError> {
        self.faults.check(Operation::Make)?;
        self.inner.copy_link(from, to, owned)
    }

    fn is_same_link(&self, left: &VPath, right: &VPath) -> Result<bool, StorageError> {
        self.faults.check(Operation::Stat)?;
        self.inner.is_same_link(left, right)
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Rename)?;
        self.inner.rename(from, from_etag, to, expected)
    }

    fn replace(&self, new: &Replacement<'_>, to: &VPath, keep: &Keep) -> Result<Replaced, StorageError> {
        self.faults.check(match new {
            Replacement::Entry(..) => Operation::Rename,
            Replacement::Trashed(_) => Operation::Restore,
            Replacement::Upload(..) => Operation::Publish,
            Replacement::LinkCopy(..) => Operation::Make,
        })?;
        self.inner.replace(new, to, keep)
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.faults.check(Operation::Remove)?;
        self.inner.remove(path, etag)
    }

    fn remove_tree(&self, path: &VPath, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError> {
        self.faults.check(Operation::Remove)?;
        let mut broken = Ok(());
        let removed = self.inner.remove_tree(path, &mut || {
            broken = self.faults.check(Operation::Remove);
            if broken.is_err() { Visit::Stop } else { visit() }
        })?;
        if removed == Visit::Stop { broken.map(|()| Visit::Stop) } else { Ok(removed) }
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        self.faults.check(Operation::Trash)?;
        self.inner.trash(path, etag, id, now)
    }

    fn check_mounts(&self, path: &VPath) -> Result<(), StorageError> {
        self.inner.check_mounts(path)
    }

    fn trash_all(&self, entries: &[ToTrash<'_>], now: Timestamp) -> Vec<Result<(), StorageError>> {
        self.each_or_fault(Operation::Trash, entries, |entries| self.inner.trash_all(entries, now))
    }

    fn list_trash_until(
        &self,
        query: &TrashQuery,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<TrashListing, StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.list_trash_until(query, visit)
    }

    fn stat_trash(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.stat_trash(id)
    }

    fn stat_trash_all(&self, ids: &[TrashId]) -> Vec<Result<TrashItem, StorageError>> {
        self.each_or_fault(Operation::Restore, ids, |ids| self.inner.stat_trash_all(ids))
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.restore(id, to)
    }

    fn restore_all(&self, items: &[ToRestore<'_>]) -> Vec<Result<Entry, StorageError>> {
        self.each_or_fault(Operation::Restore, items, |items| self.inner.restore_all(items))
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        self.faults.check(Operation::Restore)?;
        let mut broken = Ok(());
        self.inner.purge(id, &mut || {
            broken = self.faults.check(Operation::Purge);
            if broken.is_err() { Visit::Stop } else { visit() }
        })?;
        broken
    }

    fn space(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        self.faults.check(Operation::Space)?;
        match self.faults.space() {
            Some(bytes) => Ok(Some(bytes)),
            None => self.inner.space(folder),
        }
    }

    fn maintain_reserves(&self) {
        self.inner.maintain_reserves();
    }

    fn watch(
        &self,
        folder: &VPath,
        on_event: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        self.faults.check(Operation::Watch)?;
        self.inner.watch(folder, on_event)
    }
}

impl FaultyStorage {
    /// Forwards those of a group that meet no fault, as one group.
    fn each_or_fault<I: Copy, T>(
        &self,
        operation: Operation,
        group: &[I],
        forward: impl FnOnce(&[I]) -> Vec<Result<T, StorageError>>,
    ) -> Vec<Result<T, StorageError>> {
        let checked: Vec<_> = group.iter().map(|_| self.faults.check(operation)).collect();
        let sound: Vec<_> =
            group.iter().zip(&checked).filter(|(_, check)| check.is_ok()).map(|(one, _)| *one).collect();
        let mut forwarded = forward(&sound).into_iter();
        let lacking = || Err(StorageError::new(ErrorCode::Internal, "a group has fewer results than entries"));
        checked.into_iter().map(|check| check.and_then(|()| forwarded.next().unwrap_or_else(lacking))).collect()
    }

    fn wrap(&self, id: UploadId, inner: Box<dyn Staged>) -> Box<dyn Staged> {
        Box::new(FaultyStaged { inner, id, faults: Arc::clone(&self.faults) })
    }
}

impl fmt::Debug for FaultyStorage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FaultyStorage(seed {:#x})", self.faults.seed())
    }
}
