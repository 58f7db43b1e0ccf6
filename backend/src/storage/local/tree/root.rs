//! A served tree: its root, its volumes and its locks.

use std::path::PathBuf;
use std::sync::Arc;

use shared::{Entry, VPath};

use super::dir_locks::DirLocks;
use super::dir_stack::DirStack;
use super::open_volumes::Volumes;
use crate::storage::local::error::storage_error;
use crate::storage::local::group_fsync::GroupFsync;
use crate::storage::local::platform::{Dir, Identity, Metadata};
use crate::storage::symlinks::{ResolveError, below_root};
use crate::storage::{StorageError, is_state_folder_name};

/// A directory tree, seen from its root.
pub(in crate::storage) struct Tree<D: Dir> {
    pub(super) root: Arc<D>,
    pub(super) facts: RootFacts,
    pub(super) volumes: Volumes<D>,
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
            volumes: Volumes::default(),
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
