//! The storage of a served directory.

#[cfg(target_os = "linux")]
use std::io;
use std::path::Path;

use shared::columns::Row;
use shared::{ETag, Entry, Timestamp, TrashId, UploadId, VPath};

#[cfg(target_os = "linux")]
use super::platform::LinuxDir;
use super::platform::PortableDir;
use super::root_path::RootPath;
use crate::storage::{
    Attributes, Expected, FolderState, OpenFile, Published, Staged, Storage, StorageError, TrashItem, TrashListing,
    TrashQuery, Visit, WatchEvent, WatchHandle,
};

/// A served directory.
pub struct LocalStorage {
    tree: Box<dyn Storage>,
    containment: Containment,
}

/// What keeps requests inside the served directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Containment {
    /// `openat2` for paths without links, a walk over directory handles for the others.
    Kernel,
    /// A walk over `O_PATH` handles, which opens nothing that it passes.
    Walk,
    /// A walk over the directory handles of cap-std, which works on every system.
    Portable,
}

impl LocalStorage {
    /// Opens a directory with the best containment that this system has. `hidden` is the server's state directory,
    /// which is hidden if it lies inside the root. It must exist unless it has the reserved name.
    ///
    /// # Errors
    /// [`shared::ErrorCode::NotFound`], [`shared::ErrorCode::NotFolder`], [`shared::ErrorCode::AccessDenied`],
    /// [`shared::ErrorCode::Io`].
    pub fn open(root: &Path, hidden: Option<&Path>) -> Result<Self, StorageError> {
        Self::open_with(root, hidden, Containment::Kernel)
    }

    /// Opens a directory with the given containment, or with the next best that this system has.
    ///
    /// # Errors
    /// As [`LocalStorage::open`].
    pub fn open_with(root: &Path, hidden: Option<&Path>, containment: Containment) -> Result<Self, StorageError> {
        let root = RootPath::find(root, hidden)?;
        #[cfg(target_os = "linux")]
        if containment != Containment::Portable {
            let failed = |error: io::Error| StorageError::from_io(error, "opening the directory to serve");
            let kernel = containment == Containment::Kernel
                && LinuxDir::open_root(root.canonical(), true).map_err(failed)?.kernel_opens_paths();
            let containment = if kernel { Containment::Kernel } else { Containment::Walk };
            return Ok(Self::new(root.open_tree(|path| LinuxDir::open_root(path, kernel))?, containment));
        }
        let _ = containment;
        Ok(Self::new(root.open_tree(PortableDir::open_root)?, Containment::Portable))
    }

    /// A storage over a tree that is open already.
    pub(in crate::storage) fn new(tree: Box<dyn Storage>, containment: Containment) -> Self {
        Self { tree, containment }
    }

    /// What keeps requests inside the directory, for the log.
    pub fn containment(&self) -> Containment {
        self.containment
    }
}

impl Storage for LocalStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.tree.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.tree.list(path, visit)
    }

    fn list_names(
        &self,
        folder: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.tree.list_names(folder, visit)
    }

    fn stat_names<'n>(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.tree.stat_names(folder, names, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.tree.open(path)
    }

    fn try_stat(&self, path: &VPath) -> Option<Entry> {
        self.tree.try_stat(path)
    }

    fn try_open(&self, path: &VPath) -> Option<Box<dyn OpenFile>> {
        self.tree.try_open(path)
    }

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        self.tree.stage(id)
    }

    fn staged(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        self.tree.staged(id)
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        self.tree.list_staged()
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.tree.unstage(id)
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.tree.publish(id, target, expected, attributes)
    }

    fn store(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.tree.store(id, bytes, target, expected, attributes)
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.tree.make_folder(path)
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.tree.make_link(path, target)
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.tree.rename(from, from_etag, to, expected)
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.tree.remove(path, etag)
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        self.tree.trash(path, etag, id, now)
    }

    fn list_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        self.tree.list_trash(query)
    }

    fn stat_trash(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        self.tree.stat_trash(id)
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.tree.restore(id, to)
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        self.tree.purge(id, visit)
    }

    fn space(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        self.tree.space(folder)
    }

    fn watch(
        &self,
        folder: &VPath,
        on_event: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        self.tree.watch(folder, on_event)
    }
}
