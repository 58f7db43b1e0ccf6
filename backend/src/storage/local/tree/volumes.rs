//! The volumes of a served tree. Each has a private directory of its own at its outermost folder, because a rename cannot
//! cross from one volume to another. The volumes are found by the mounts of this process, and where the system lists none
//! or a file system has subvolumes, by the notes in the private directory of the root.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::{ErrorCode, VPath};

use super::dir_stack::DirStack;
use super::notes::{DISKS, NotedDisk, Notes, noted_disks};
use super::private_dir::{PrivateDir, TRASH};
use super::root::Tree;
use crate::storage::StorageError;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, VolumeId};

impl<D: Dir> Tree<D> {
    /// The private directory of the root's volume, created if it is missing.
    ///
    /// # Errors
    /// As [`PrivateDir::open`].
    pub(super) fn private_dir(&self) -> Result<Arc<PrivateDir<D>>, StorageError> {
        self.private_dir_of(&self.at_root())
    }

    /// The private directory of the volume of a folder, created if it is missing.
    ///
    /// # Errors
    /// As [`PrivateDir::open`].
    pub(super) fn private_dir_of(&self, folder: &DirStack<D>) -> Result<Arc<PrivateDir<D>>, StorageError> {
        let volume = volume_of(folder.dir())?;
        if let Some(open) = self.opened_above(folder, volume) {
            return Ok(open);
        }
        let top = self.top_of(folder, volume)?;
        // The notes are a convenience: a root that cannot be written to may hold disks that can.
        let root = if top.depth() == 0 { None } else { self.private_dir().ok() };
        let _opening = self.volumes.opening();
        if let Some(open) = self.opened_above(folder, volume) {
            return Ok(open);
        }
        let mut opened = PrivateDir::open(top.dir(), top.path()?, self.volumes.in_use().iter())?;
        if let Some(root) = root {
            let notes = Notes::open(&root.dir, &opened.dir, &opened.at);
            opened.notes = notes.inspect_err(|error| tracing::warn!(%error, "a disk could not be noted")).ok();
        }
        let opened = Arc::new(opened);
        self.volumes.insert(volume, &opened);
        Ok(opened)
    }

    /// The private directory of the volume of a folder, if it is open. One whose outermost folder was moved has to be opened
    /// anew, where that is now.
    fn opened_above(&self, folder: &DirStack<D>, volume: VolumeId) -> Option<Arc<PrivateDir<D>>> {
        let is_above = |at: &VPath| at.is_root() || folder.path().is_ok_and(|path| at.strip_prefix_of(&path).is_some());
        self.volumes.get(volume).filter(|open| is_above(&open.at))
    }

    /// [`Tree::private_dir_of`]; `None` on a disk other than the root's that this server can have none on: the system
    /// denies it, or another server holds it.
    ///
    /// # Errors
    /// As [`PrivateDir::open`].
    pub(super) fn usable_private_dir(&self, folder: &DirStack<D>) -> Result<Option<Arc<PrivateDir<D>>>, StorageError> {
        match self.private_dir_of(folder) {
            Err(error) if is_refused(error.code) && !self.is_on_roots_volume(folder)? => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// The private directories that exist, those of earlier processes included. One that cannot be opened is left out,
    /// except that of the root.
    pub(super) fn private_dirs(&self) -> Result<Vec<Arc<PrivateDir<D>>>, StorageError> {
        for top in self.tops()? {
            // What is not there yet is not created.
            if PrivateDir::peek(top.dir(), TRASH).is_ok_and(|trash| trash.is_some()) {
                match self.private_dir_of(&top) {
                    Err(error) if top.depth() == 0 => return Err(error),
                    Err(error) => tracing::warn!(%error, "the private directory of a disk cannot be opened"),
                    Ok(_) => {}
                }
            }
        }
        self.volumes.all_found();
        Ok(self.volumes.opened())
    }

    /// [`Tree::private_dirs`], which looks for those of earlier processes once. Those of a disk that is connected later
    /// are there after the first change on it.
    pub(super) fn known_private_dirs(&self) -> Result<Vec<Arc<PrivateDir<D>>>, StorageError> {
        if self.volumes.are_found() { Ok(self.volumes.opened()) } else { self.private_dirs() }
    }

    /// The outermost folder of each volume of the tree, that of the root first.
    pub(super) fn tops(&self) -> Result<Vec<DirStack<D>>, StorageError> {
        let mut paths: BTreeSet<VPath> = self.noted_disks().into_iter().map(|disk| disk.at).collect();
        let points = self.root().mounts_below().map_err(|error| storage_error(error, "reading the mounts"))?;
        paths.extend(points.iter().filter_map(|point| VPath::from_bytes(point.as_slice()).ok()));
        let mut tops = vec![self.at_root()];
        // A mount point of a file, or one that is hidden by another mount, is no folder of the tree.
        for folder in paths.iter().filter_map(|path| self.folder(path).ok()) {
            // A disk that fails does not keep the others from working.
            if is_top(&folder).unwrap_or(false) {
                tops.push(folder);
            }
        }
        Ok(tops)
    }

    /// The private directory of the volume of a folder, if it is open.
    pub(super) fn opened_private_dir(&self, folder: &DirStack<D>) -> Option<Arc<PrivateDir<D>>> {
        self.volumes.get(folder.dir().volume().ok()?)
    }

    /// The other disks that the notes have, connected or not.
    pub(super) fn noted_disks(&self) -> Vec<NotedDisk<D>> {
        let disks = PrivateDir::peek(&*self.root(), DISKS).ok().flatten();
        disks.and_then(|disks| noted_disks(&disks).ok()).unwrap_or_default()
    }

    /// True if a rename can connect the two folders.
    pub(super) fn share_volume(&self, one: &DirStack<D>, other: &DirStack<D>) -> Result<bool, StorageError> {
        Ok(volume_of(one.dir())? == volume_of(other.dir())?)
    }

    /// True if a rename can connect the trash of a private directory and a folder.
    pub(super) fn share_volume_with_item(
        &self,
        private_dir: &PrivateDir<D>,
        folder: &DirStack<D>,
    ) -> Result<bool, StorageError> {
        Ok(volume_of(&private_dir.dir)? == volume_of(folder.dir())?)
    }

    /// True if the folder is on the volume of the root.
    pub(super) fn is_on_roots_volume(&self, folder: &DirStack<D>) -> Result<bool, StorageError> {
        Ok(volume_of(folder.dir())? == volume_of(&*self.root())?)
    }

    /// The outermost folder on the way to `folder` that is on this volume.
    fn top_of(&self, folder: &DirStack<D>, volume: VolumeId) -> Result<DirStack<D>, StorageError> {
        if volume == volume_of(&*self.root())? {
            return Ok(self.at_root());
        }
        let mut top = folder.clone();
        loop {
            let mut above = top.clone();
            if above.pop()?.is_none() || volume_of(above.dir())? != volume {
                return Ok(top);
            }
            top = above;
        }
    }
}

/// Refuses a change that a rename cannot make.
pub(super) fn crosses_volumes() -> StorageError {
    StorageError::new(ErrorCode::CrossDevice, "source and destination are on different volumes")
}

fn is_refused(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::AccessDenied | ErrorCode::Locked)
}

pub(super) fn volume_of<D: Dir>(dir: &D) -> Result<VolumeId, StorageError> {
    dir.volume().map_err(|error| storage_error(error, "looking for the file system of a folder"))
}

/// True if another volume begins at the folder.
fn is_top<D: Dir>(folder: &DirStack<D>) -> Result<bool, StorageError> {
    let mut above = folder.clone();
    Ok(above.pop()?.is_some() && volume_of(above.dir())? != volume_of(folder.dir())?)
}
