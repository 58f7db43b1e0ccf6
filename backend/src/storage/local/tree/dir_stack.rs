//! The position of a walk: the open directories from the root down.

use std::sync::Arc;

use shared::{ErrorCode, VPath};

use crate::storage::StorageError;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Identity, SyncDir};

/// The root and the open directories below it, outermost first. `..` pops, so it cannot climb above the root, however
/// directories are moved meanwhile.
pub(super) struct DirStack<D> {
    root: Arc<D>,
    below: Vec<(Arc<D>, Box<[u8]>)>,
}

impl<D> Clone for DirStack<D> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), below: self.below.clone() }
    }
}

impl<D> DirStack<D> {
    /// The position at the root.
    pub(super) fn at(root: &Arc<D>) -> Self {
        Self { root: Arc::clone(root), below: Vec::new() }
    }

    /// The innermost directory.
    pub(super) fn dir(&self) -> &D {
        self.below.last().map_or(&self.root, |(dir, _)| dir)
    }

    /// The innermost directory, to be kept open.
    pub(super) fn shared_dir(&self) -> Arc<D> {
        Arc::clone(self.below.last().map_or(&self.root, |(dir, _)| dir))
    }

    /// The names of the path from the root.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.below.iter().map(|(_, name)| &**name)
    }

    /// The path from the root, without links.
    ///
    /// # Errors
    /// [`ErrorCode::BadPath`] for a folder that lies too deep to have one.
    pub(super) fn path(&self) -> Result<VPath, StorageError> {
        let path = self.names().try_fold(VPath::root(), |path, name| path.join(name));
        path.map_err(|_| StorageError::new(ErrorCode::BadPath, "a folder lies too deep"))
    }

    /// The path from the root of a name in the innermost directory.
    ///
    /// # Errors
    /// As [`DirStack::path`].
    pub(super) fn path_of(&self, name: &[u8]) -> Result<VPath, StorageError> {
        self.path()?.join(name).map_err(|_| StorageError::new(ErrorCode::BadPath, "an entry lies too deep"))
    }

    /// How many levels below the root the innermost directory is.
    pub(super) fn depth(&self) -> usize {
        self.below.len()
    }

    /// Enters a subdirectory.
    pub(super) fn push(&mut self, dir: D, name: Box<[u8]>) {
        self.below.push((Arc::new(dir), name));
    }

    /// Goes up one level; `None` at the root.
    pub(super) fn pop(&mut self) -> Option<()> {
        self.below.pop().map(drop)
    }

    /// Goes back to the root.
    pub(super) fn clear(&mut self) {
        self.below.clear();
    }
}

impl<D: Dir> DirStack<D> {
    /// The identity of the innermost directory.
    pub(super) fn identity(&self) -> Result<Identity, StorageError> {
        let metadata = self.dir().metadata().map_err(|error| storage_error(error, "stat of a folder"))?;
        Ok(metadata.identity)
    }

    /// See [`Dir::prepare_sync`].
    pub(super) fn prepare_sync(&self) -> Result<SyncDir, StorageError> {
        self.dir().prepare_sync().map_err(|error| storage_error(error, "preparing to sync a folder"))
    }

    /// True if that directory is the root.
    pub(super) fn at_root_is(&self, dir: &Identity) -> Result<bool, StorageError> {
        let metadata = self.root.metadata().map_err(|error| storage_error(error, "stat of the root"))?;
        Ok(metadata.identity == *dir)
    }

    /// True if that directory is the innermost one or one of its parents below the root.
    pub(super) fn contains(&self, dir: &Identity) -> Result<bool, StorageError> {
        for (parent, _) in &self.below {
            let metadata = parent.metadata().map_err(|error| storage_error(error, "stat of a folder"))?;
            if metadata.identity == *dir {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
