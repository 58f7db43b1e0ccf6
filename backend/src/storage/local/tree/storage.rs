//! [`Storage`] for a tree: each method is in the file of its subject.

use std::ffi::OsStr;
use std::sync::Arc;

use shared::columns::Row;
use shared::{ETag, Entry, Timestamp, TrashId, UploadId, VPath};

use super::root::Tree;
use crate::storage::local::platform::Dir;
use crate::storage::{
    Attributes, Expected, FolderState, Keep, LinkScope, OpenFile, Published, Replaced, Replacement, Staged, Storage,
    StorageError, ToRestore, ToTrash, TrashItem, TrashListing, TrashQuery, Visit, WatchEvent, WatchHandle,
    is_state_folder_name,
};

// The default bodies of the trait are correct but slow, so none of them is used.
#[warn(clippy::missing_trait_methods)]
impl<D: Dir> Storage for Tree<D> {
    fn within(self: Arc<Self>, scope: LinkScope) -> Arc<dyn Storage> {
        if self.links == scope { self } else { Arc::new(self.narrowed(scope)) }
    }

    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.stat_path(path)
    }

    fn check_root(&self) -> Result<(), StorageError> {
        self.follow_root()
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.visit_entries(path, visit)
    }

    fn count_unnamed(&self, folder: &VPath) -> Result<u64, StorageError> {
        self.count_unnamed_in(folder)
    }

    fn is_inside(&self, inner: &VPath, outer: &VPath) -> Result<bool, StorageError> {
        let outer = self.folder(outer)?.identity()?;
        let inner = self.folder(inner)?;
        Ok(inner.at_root_is(&outer)? || inner.contains(&outer))
    }

    fn list_names(
        &self,
        folder: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.visit_names(folder, visit)
    }

    fn stat_names<'n>(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.visit_rows(folder, names, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.open_path(path)
    }

    fn try_stat(&self, path: &VPath) -> Option<Entry> {
        self.try_stat_path(path)
    }

    fn try_open(&self, path: &VPath) -> Option<Box<dyn OpenFile>> {
        self.try_open_path(path)
    }

    fn unreadable_names(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<Vec<usize>, StorageError> {
        self.find_unreadable(folder, names)
    }

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        Ok(Box::new(self.create_staged(id)?))
    }

    fn stage_for(&self, id: UploadId, target: &VPath) -> Result<Box<dyn Staged>, StorageError> {
        Ok(Box::new(self.create_staged_for(id, target)?))
    }

    fn staged(&self, id: UploadId, target: Option<&VPath>) -> Result<Box<dyn Staged>, StorageError> {
        Ok(Box::new(self.open_staged(id, target)?))
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        self.staged_ids()
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.remove_staged(id)
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.publish_staged(id, target, expected, attributes)
    }

    fn store(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.store_bytes(id, bytes, target, expected, attributes)
    }

    fn sync_name(&self, path: &VPath) -> Result<(), StorageError> {
        self.sync_name_of(path)
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.create_folder(path)
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.create_link(path, target)
    }

    fn make_private_folder(&self, path: &VPath) -> Result<(), StorageError> {
        self.create_private_folder(path)
    }

    fn copy_folder_attributes(
        &self,
        from: &VPath,
        to: &VPath,
        modified: Timestamp,
        owned: bool,
    ) -> Result<(), StorageError> {
        self.copy_attributes_of_folder(from, to, modified, owned)
    }

    fn copy_link(&self, from: &VPath, to: &VPath, owned: bool) -> Result<(), StorageError> {
        self.copy_link_text(from, to, owned).map(drop)
    }

    fn is_same_link(&self, left: &VPath, right: &VPath) -> Result<bool, StorageError> {
        Ok(self.link_at(left)?.text == self.link_at(right)?.text)
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.rename_entry(from, from_etag, to, expected)
    }

    fn replace(&self, new: &Replacement<'_>, to: &VPath, keep: &Keep) -> Result<Replaced, StorageError> {
        self.replace_entry(new, to, keep)
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.remove_entry(path, etag)
    }

    fn remove_tree(&self, path: &VPath, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError> {
        self.remove_tree_at(path, visit)
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        // One result for each entry.
        self.trash_entries(&[ToTrash { path, etag, id }], now).pop().unwrap_or(Ok(()))
    }

    fn trash_all(&self, entries: &[ToTrash<'_>], now: Timestamp) -> Vec<Result<(), StorageError>> {
        self.trash_entries(entries, now)
    }

    fn check_mounts(&self, path: &VPath) -> Result<(), StorageError> {
        self.check_mounts_at(path)
    }

    fn list_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        self.list_trash_until(query, &mut || Visit::Continue)
    }

    fn list_trash_until(
        &self,
        query: &TrashQuery,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<TrashListing, StorageError> {
        self.select_trash(query, visit)
    }

    fn stat_trash(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        self.trash_item(id)
    }

    fn stat_trash_all(&self, ids: &[TrashId]) -> Vec<Result<TrashItem, StorageError>> {
        self.trash_items(ids)
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.restore_one(id, to)
    }

    fn restore_all(&self, items: &[ToRestore<'_>]) -> Vec<Result<Entry, StorageError>> {
        self.restore_items(items)
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        self.purge_item(id, visit)
    }

    fn space(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        self.free_space(folder)
    }

    fn maintain_reserves(&self) {
        self.maintain_open_reserves();
    }

    fn watch(
        &self,
        folder: &VPath,
        on_event: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        let folder = self.folder(folder)?;
        let path = folder.names().fold(self.facts.canonical.clone(), |path, name| path.join(as_os(name)));
        let visible = move |event: WatchEvent| match &event {
            WatchEvent::Name(name) if is_state_folder_name(name) => {}
            _ => on_event(event),
        };
        folder.dir().watch(&path, Box::new(visible))
    }
}

#[cfg(unix)]
fn as_os(name: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(name)
}

/// Windows has no names that are not Unicode text, so the empty name stands for one, which no folder has.
#[cfg(not(unix))]
fn as_os(name: &[u8]) -> &OsStr {
    str::from_utf8(name).unwrap_or_default().as_ref()
}
