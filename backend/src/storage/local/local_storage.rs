//! The storage of a served directory.

#[cfg(target_os = "linux")]
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

#[cfg(target_os = "linux")]
use super::platform::LinuxDir;
use super::platform::PortableDir;
use super::root_path::RootPath;
use crate::storage::{Storage, StorageError};

/// A served directory. It derefs to its [`Storage`], and becomes an `Arc<dyn Storage>` without a layer of calls.
pub struct LocalStorage {
    tree: Arc<dyn Storage>,
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
            return Ok(Self::new(root.open_tree(move |path| LinuxDir::open_root(path, kernel))?, containment));
        }
        let _ = containment;
        Ok(Self::new(root.open_tree(PortableDir::open_root)?, Containment::Portable))
    }

    /// A storage over a tree that is open already.
    pub(in crate::storage) fn new(tree: Arc<dyn Storage>, containment: Containment) -> Self {
        Self { tree, containment }
    }

    /// What keeps requests inside the directory, for the log.
    pub fn containment(&self) -> Containment {
        self.containment
    }
}

impl Deref for LocalStorage {
    type Target = dyn Storage;

    fn deref(&self) -> &Self::Target {
        &*self.tree
    }
}

impl From<LocalStorage> for Arc<dyn Storage> {
    fn from(storage: LocalStorage) -> Self {
        storage.tree
    }
}
