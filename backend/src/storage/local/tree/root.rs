//! A served tree: its root, its private directory and its locks.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use shared::{Entry, VPath};

use super::dir_locks::DirLocks;
use super::dir_stack::DirStack;
use super::private_dir::{PrivateDir, REPLACED, STAGING, TRASH};
use crate::storage::local::error::storage_error;
use crate::storage::local::group_fsync::GroupFsync;
use crate::storage::local::platform::{Dir, Identity, Metadata};
use crate::storage::symlinks::{ResolveError, below_root};
use crate::storage::{StorageError, is_state_folder_name};

/// A directory tree, seen from its root.
pub(in crate::storage) struct Tree<D: Dir> {
    pub(super) root: Arc<D>,
    pub(super) facts: RootFacts,
    /// `None` before the first write.
    private_dir: Mutex<Option<Arc<PrivateDir<D>>>>,
    pub(super) locks: DirLocks,
    pub(super) group_fsync: GroupFsync,
}

/// Facts about a root besides its handle.
#[derive(Default)]
pub(in crate::storage) struct RootFacts {
    /// The root's absolute paths that an absolute link may begin with: the canonical one and the configured one.
    pub(in crate::storage) root_paths: Vec<Vec<u8>>,
    /// A folder that is never shown, besides those with the reserved name.
    pub(in crate::storage) hidden: Option<Identity>,
    /// Whether names alone tell that a path leads into a hidden folder. If not, each folder on the way is looked at,
    /// and the kernel may not open whole paths.
    pub(in crate::storage) hidden_by_name: bool,
    /// The root's path, for systems that watch by path.
    pub(in crate::storage) canonical: PathBuf,
}

impl<D: Dir> Tree<D> {
    pub(in crate::storage) fn new(root: D, facts: RootFacts) -> Self {
        Self {
            root: Arc::new(root),
            facts,
            private_dir: Mutex::default(),
            locks: DirLocks::default(),
            group_fsync: GroupFsync::default(),
        }
    }

    pub(super) fn at_root(&self) -> DirStack<D> {
        DirStack::at(&self.root)
    }

    pub(super) fn root_entry(&self) -> Result<Entry, StorageError> {
        let metadata = self.root.metadata().map_err(|error| storage_error(error, "stat of the root"))?;
        Ok(metadata.entry(VPath::root(), None))
    }

    /// True for the folder that is hidden whatever its name.
    pub(super) fn is_hidden(&self, metadata: &Metadata) -> bool {
        self.facts.hidden == Some(metadata.identity)
    }

    /// Whether the kernel may open the whole path: nothing on it can be hidden.
    pub(super) fn may_descend(&self, path: &VPath) -> bool {
        self.facts.hidden_by_name && !path.segments().any(is_state_folder_name)
    }

    /// An absolute link target relative to the root; `None` for a relative target.
    ///
    /// # Errors
    /// [`ResolveError::Escapes`].
    pub(super) fn strip_root(&self, target: &[u8]) -> Result<Option<Vec<u8>>, ResolveError> {
        if !is_absolute(target) {
            return Ok(None);
        }
        let below = self.facts.root_paths.iter().find_map(|root| below_root(root, target));
        below.map(Some).ok_or(ResolveError::Escapes)
    }

    /// The private directory, created if it is missing.
    pub(super) fn private_dir(&self) -> Result<Arc<PrivateDir<D>>, StorageError> {
        let mut opened = self.private_dir.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(private_dir) = &*opened {
            return Ok(Arc::clone(private_dir));
        }
        Ok(Arc::clone(opened.insert(Arc::new(PrivateDir::open(&*self.root)?))))
    }

    /// The private directory, if it is open.
    pub(super) fn opened_private_dir(&self) -> Option<Arc<PrivateDir<D>>> {
        self.private_dir.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The private directory; `None` if nothing was written yet, and then it is not created.
    pub(super) fn existing_private_dir(&self) -> Result<Option<Arc<PrivateDir<D>>>, StorageError> {
        match self.opened_private_dir() {
            None if self.peek_staging()?.is_none() => Ok(None),
            None => self.private_dir().map(Some),
            opened => Ok(opened),
        }
    }

    /// The directory of uploads, for looking only; `None` before the first write.
    pub(super) fn peek_staging(&self) -> Result<Option<D>, StorageError> {
        PrivateDir::peek(&*self.root, STAGING)
    }

    /// The directory of the trash, for looking only; `None` before the first write.
    pub(super) fn peek_trash(&self) -> Result<Option<D>, StorageError> {
        PrivateDir::peek(&*self.root, TRASH)
    }

    /// The directory of replaced files, for looking only; `None` before the first write.
    pub(super) fn peek_replaced(&self) -> Result<Option<D>, StorageError> {
        PrivateDir::peek(&*self.root, REPLACED)
    }
}

#[cfg(unix)]
pub(super) fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/")
}

/// Includes a drive alone (`C:x`), which is relative to a directory outside the root.
#[cfg(windows)]
pub(super) fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/") || target.get(1) == Some(&b':')
}
