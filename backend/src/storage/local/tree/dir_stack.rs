//! The position of a walk: the directories from the root down, of which the innermost ones are open.

use std::sync::Arc;

use shared::{ErrorCode, VPath};

use crate::storage::StorageError;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Identity, SyncDir};

/// Most directories below the root that one position keeps open. A position at the greatest depth would take 255 file
/// descriptors else, and a hundred of them all that a process may have.
const OPEN_DIRS_MAX: usize = 32;

/// The root and the directories below it, outermost first. `..` pops, so it cannot climb above the root, however
/// directories are moved meanwhile.
pub(super) struct DirStack<D> {
    root: Arc<D>,
    below: Vec<Level<D>>,
    innermost: Arc<D>,
}

/// A directory below the root.
struct Level<D> {
    name: Box<[u8]>,
    identity: Identity,
    /// `None` if it was closed in favour of a deeper one.
    dir: Option<Arc<D>>,
}

impl<D> Clone for DirStack<D> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), below: self.below.clone(), innermost: Arc::clone(&self.innermost) }
    }
}

impl<D> Clone for Level<D> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), identity: self.identity, dir: self.dir.clone() }
    }
}

impl<D> DirStack<D> {
    /// The position at the root.
    pub(super) fn at(root: &Arc<D>) -> Self {
        Self { root: Arc::clone(root), below: Vec::new(), innermost: Arc::clone(root) }
    }

    /// The innermost directory.
    pub(super) fn dir(&self) -> &D {
        &self.innermost
    }

    /// The innermost directory, to be kept open.
    pub(super) fn shared_dir(&self) -> Arc<D> {
        Arc::clone(&self.innermost)
    }

    /// The names of the path from the root.
    pub(super) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.below.iter().map(|level| &*level.name)
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

    /// Enters a subdirectory, and closes an outer one if too many are open.
    pub(super) fn push(&mut self, dir: D, identity: Identity, name: Box<[u8]>) {
        self.innermost = Arc::new(dir);
        self.below.push(Level { name, identity, dir: Some(Arc::clone(&self.innermost)) });
        if let Some(outer) = self.below.len().checked_sub(OPEN_DIRS_MAX + 1) {
            self.below[outer].dir = None;
        }
    }

    /// Goes back to the root.
    pub(super) fn clear(&mut self) {
        self.below.clear();
        self.innermost = Arc::clone(&self.root);
    }

    /// True if that directory is the innermost one or one of its parents below the root.
    pub(super) fn contains(&self, dir: &Identity) -> bool {
        self.below.iter().any(|level| level.identity == *dir)
    }
}

impl<D: Dir> DirStack<D> {
    /// Goes up one level; `None` at the root.
    ///
    /// # Errors
    /// [`ErrorCode::Changed`] if the directory above was closed, and is no longer where it was.
    pub(super) fn pop(&mut self) -> Result<Option<()>, StorageError> {
        if self.below.pop().is_none() {
            return Ok(None);
        }
        self.innermost = match self.below.last() {
            None => Arc::clone(&self.root),
            Some(Level { dir: Some(dir), .. }) => Arc::clone(dir),
            Some(_) => self.reopen()?,
        };
        Ok(Some(()))
    }

    /// The innermost directory, reopened from the root down.
    fn reopen(&mut self) -> Result<Arc<D>, StorageError> {
        let kept_from = self.below.len().saturating_sub(OPEN_DIRS_MAX);
        let mut dir = Arc::clone(&self.root);
        for (depth, level) in self.below.iter_mut().enumerate() {
            dir = Arc::new(dir.open_dir(&level.name).map_err(|error| storage_error(error, "reopening a folder"))?);
            let metadata = dir.metadata().map_err(|error| storage_error(error, "stat of a folder"))?;
            if metadata.identity != level.identity {
                return Err(StorageError::new(ErrorCode::Changed, "a folder was moved while its path was followed"));
            }
            level.dir = (depth >= kept_from).then(|| Arc::clone(&dir));
        }
        Ok(dir)
    }

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
}
