//! Entries that are or hold the mount point of another disk. Linux would rename a folder that holds one, and with it
//! would go what is on that disk, so such an entry is neither moved nor deleted.

use shared::{ErrorCode, VPath};

use super::dir_stack::DirStack;
use super::root::Tree;
use crate::storage::StorageError;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::Dir;

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::check_mounts`].
    pub(super) fn check_mounts_at(&self, path: &VPath) -> Result<(), StorageError> {
        match self.parent(path)? {
            Some(parent) => refuse_mounted(&parent, path.name()),
            None => Ok(()),
        }
    }
}

/// Refuses the entry `name` of a folder if it is or holds a mount point, which the error names.
///
/// # Errors
/// [`ErrorCode::Mounted`].
pub(super) fn refuse_mounted<D: Dir>(parent: &DirStack<D>, name: &[u8]) -> Result<(), StorageError> {
    MountPoints::below(parent)?.refuse(parent, name)
}

/// The mount points below a folder, relative to it.
pub(super) struct MountPoints(Vec<Vec<u8>>);

impl MountPoints {
    /// Reads the mount points below a folder.
    pub(super) fn below<D: Dir>(folder: &DirStack<D>) -> Result<Self, StorageError> {
        Self::below_dir(folder.dir())
    }

    fn below_dir<D: Dir>(dir: &D) -> Result<Self, StorageError> {
        dir.mounts_below().map(Self).map_err(|error| storage_error(error, "reading the mounts"))
    }

    /// See [`refuse_mounted`].
    pub(super) fn refuse<D: Dir>(&self, folder: &DirStack<D>, name: &[u8]) -> Result<(), StorageError> {
        let Some(point) = self.find(name) else { return Ok(()) };
        let below = VPath::from_bytes(point).ok();
        let path = below.and_then(|below| folder.path().ok()?.join_path(&below).ok());
        Err(match path {
            Some(path) => mounted().about(path),
            None => mounted(),
        })
    }

    fn find(&self, name: &[u8]) -> Option<&[u8]> {
        let is_in = |point: &&Vec<u8>| point.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest[0] == b'/');
        self.0.iter().find(is_in).map(Vec::as_slice)
    }
}

/// The mount point that is the entry `name` of a directory or lies in it, relative to the directory.
pub(super) fn mount_in<D: Dir>(dir: &D, name: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
    Ok(MountPoints::below_dir(dir)?.find(name).map(<[u8]>::to_vec))
}

/// The error of an entry that is or holds a mount point.
pub(super) fn mounted() -> StorageError {
    StorageError::new(ErrorCode::Mounted, "another disk is mounted at the entry or in it")
}
