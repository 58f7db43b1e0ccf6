//! Deleting a tree: an item of the trash, or an entry where it is. Entry by entry, the innermost first, through handles:
//! no link leads elsewhere, and a file system that is mounted in the tree meanwhile is left alone. A tree of any depth
//! needs a bounded number of open folders and no recursion.

use std::io;
use std::sync::Arc;

use shared::{ErrorCode, TrashId, VPath};

use super::mounted::{mount_in, mounted, refuse_mounted};
use super::private_dir::remove_copies;
use super::root::Tree;
use super::trash::{Absence, delete_items, gone};
use super::trash_item::Item;
use super::volumes::volume_of;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, FileType, VolumeId};
use crate::storage::{STATE_FOLDER_NAME, StorageError, Visit};

/// Most folders that are open at a time; the outer ones are reopened by their names.
const OPEN_FOLDERS_MAX: usize = 32;
/// Most names of a folder that are read at a time.
const NAMES_MAX: usize = 256;

/// A folder on the path to the innermost one.
struct Level<D> {
    name: Box<[u8]>,
    /// `None` if it was closed in favour of a deeper one.
    folder: Option<Arc<D>>,
    /// Names that were read and whose entries are not deleted yet.
    names: Vec<Box<[u8]>>,
}

/// A tree that is being deleted.
struct Removal<D> {
    /// The folder that holds the tree, and its volume.
    holder: Arc<D>,
    volume: VolumeId,
    /// The path from the tree to the innermost folder that is being emptied.
    levels: Vec<Level<D>>,
    /// The entry in that folder that is deleted next; `None` once it is empty.
    next: Option<Box<[u8]>>,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Trash,
    /// In the served tree, where a private directory of another server stays.
    Tree,
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::purge`].
    pub(super) fn purge_item(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        let (private_dir, item) = self.open_item(id)?;
        if item.is_folder()
            && let Some(point) = mount_in(&*item.dir, &item.data)?
        {
            return Err(mounted_in(&item, &point));
        }
        // Before the first look at the data: a restore has taken them by now, or finds the item among these.
        let _purging = private_dir.begin_purge(id);
        let in_use = private_dir.use_groups([id].into_iter());
        let is_missing = item.metadata().map_err(failed)?.is_none();
        let mut removal = Removal::of(Arc::clone(&item.dir), &item.data, Place::Trash)?;
        let purged = private_dir.freeing(|| {
            if removal.run(self, visit)? == Visit::Continue {
                delete_items(&private_dir, &[&item], Absence::Unsynced, &in_use).map_err(failed)?;
            }
            Ok(())
        });
        if is_missing { purged.and(Err(gone())) } else { purged }
    }

    /// See [`crate::storage::Storage::remove_tree`].
    pub(super) fn remove_tree_at(&self, path: &VPath, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError> {
        let parent = self.old_parent(path)?;
        self.source(&parent, path, None)?;
        refuse_mounted(&parent, path.name())?;
        let sync = parent.prepare_sync()?;
        let mut removal = Removal::of(parent.shared_dir(), path.name(), Place::Tree)?;
        match self.freeing(&parent, || removal.run(self, visit)) {
            Ok(Visit::Continue) => {
                sync().map_err(|error| storage_error(error, "syncing a folder"))?;
                Ok(Visit::Continue)
            }
            Ok(Visit::Stop) => Ok(Visit::Stop),
            Err(error) => Err(match removal.present_path(path) {
                Some(path) => error.about(path),
                None => error,
            }),
        }
    }
}

impl<D: Dir> Removal<D> {
    /// The removal of the entry `name` in `holder`.
    fn of(holder: Arc<D>, name: &[u8], place: Place) -> Result<Self, StorageError> {
        let volume = volume_of(&*holder)?;
        Ok(Self { holder, volume, levels: Vec::new(), next: Some(name.into()), place })
    }

    /// Deletes the tree, until it is gone or `visit` returns [`Visit::Stop`].
    fn run(&mut self, tree: &Tree<D>, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError> {
        loop {
            let Some(name) = self.next.clone() else {
                let Some(level) = self.levels.pop() else { return Ok(Visit::Continue) };
                let above = self.innermost()?;
                self.next = Some(level.name.clone());
                match above.remove_dir(&level.name) {
                    // Another program has added an entry meanwhile: empty it again.
                    Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => continue,
                    removed => removed.map_err(failed)?,
                }
                if self.is_stopped(visit) {
                    return Ok(Visit::Stop);
                }
                self.next_in(&above)?;
                continue;
            };
            let folder = self.innermost()?;
            match folder.metadata_of(&name) {
                Ok(metadata) if metadata.file_type == FileType::Folder => {
                    if tree.is_hidden(&metadata) {
                        return Err(StorageError::new(
                            ErrorCode::AccessDenied,
                            "the tree holds the server's own folder",
                        ));
                    }
                    let inner = Arc::new(folder.open_dir(&name).map_err(failed)?);
                    self.refuse_mount(&inner)?;
                    if self.place == Place::Tree && *name == *STATE_FOLDER_NAME {
                        // A crash has left copies of uploads there. A private directory holds more, and stays.
                        remove_copies(&*inner);
                        folder.remove_dir(&name).map_err(failed)?;
                        self.next_in(&folder)?;
                    } else {
                        self.enter(name, &inner)?;
                    }
                }
                Ok(_) => {
                    folder.remove_file(&name).map_err(failed)?;
                    if self.is_stopped(visit) {
                        return Ok(Visit::Stop);
                    }
                    self.next_in(&folder)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.next_in(&folder)?,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Reports that an entry is deleted. A stop after the last entry has no effect.
    fn is_stopped(&self, visit: &mut dyn FnMut() -> Visit) -> bool {
        visit() == Visit::Stop && !self.levels.is_empty()
    }

    /// Goes into a folder, and closes an outer one if too many are open.
    fn enter(&mut self, name: Box<[u8]>, folder: &Arc<D>) -> Result<(), StorageError> {
        self.levels.push(Level { name, folder: Some(Arc::clone(folder)), names: Vec::new() });
        if let Some(outer) = self.levels.len().checked_sub(OPEN_FOLDERS_MAX + 1) {
            self.levels[outer].folder = None;
        }
        self.next_in(folder)
    }

    /// The innermost folder of the path, reopened from the tree down if it was closed.
    fn innermost(&mut self) -> Result<Arc<D>, StorageError> {
        let Some(innermost) = self.levels.last() else { return Ok(Arc::clone(&self.holder)) };
        if let Some(folder) = &innermost.folder {
            return Ok(Arc::clone(folder));
        }
        let kept_from = self.levels.len().saturating_sub(OPEN_FOLDERS_MAX);
        let mut folder = Arc::clone(&self.holder);
        for depth in 0..self.levels.len() {
            folder = Arc::new(folder.open_dir(&self.levels[depth].name).map_err(failed)?);
            self.refuse_mount(&folder)?;
            self.levels[depth].folder = (depth >= kept_from).then(|| Arc::clone(&folder));
        }
        Ok(folder)
    }

    /// Refuses a folder that another file system is mounted at: it is none of the tree.
    fn refuse_mount(&self, folder: &Arc<D>) -> Result<(), StorageError> {
        if volume_of(&**folder)?.shares_mount_with(self.volume) { Ok(()) } else { Err(mounted()) }
    }

    /// Sets the next name in the innermost folder: `None` at its end, and while the tree itself is deleted.
    fn next_in(&mut self, folder: &Arc<D>) -> Result<(), StorageError> {
        self.next = None;
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        if level.names.is_empty() {
            let names = &mut level.names;
            let read = folder.names(&mut |name| {
                names.push(name.into());
                if names.len() < NAMES_MAX { Visit::Continue } else { Visit::Stop }
            });
            read.map_err(failed)?;
        }
        self.next = level.names.pop();
        Ok(())
    }

    /// The path of the entry that is being deleted, for a tree at `top`.
    fn present_path(&self, top: &VPath) -> Option<VPath> {
        let names = self.levels.iter().map(|level| &level.name).chain(&self.next);
        // The first name is that of the tree.
        names.skip(1).try_fold(top.clone(), |path, name| path.join(name)).ok()
    }
}

/// The error of an item that holds a mount point, which it names by its original path.
fn mounted_in<D: Dir>(item: &Item<D>, point: &[u8]) -> StorageError {
    let inner = point.strip_prefix(item.data.as_slice()).and_then(|inner| inner.strip_prefix(b"/")).unwrap_or_default();
    let inner = VPath::from_bytes(inner).ok();
    let path = item.original_path().zip(inner).and_then(|(path, inner)| path.join_path(&inner).ok());
    match path {
        Some(path) => mounted().about(path),
        None => mounted(),
    }
}

fn failed(error: io::Error) -> StorageError {
    storage_error(error, "deleting a tree")
}
