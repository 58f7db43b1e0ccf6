//! A served tree: its root, its volumes and its locks.

use std::io;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use shared::{Entry, ErrorCode, VPath};

use super::dir_locks::DirLocks;
use super::dir_stack::DirStack;
use super::name_locks::NameLocks;
use super::open_volumes::Volumes;
use super::private_dir::{PrivateDir, STAGING};
use crate::storage::local::error::storage_error;
use crate::storage::local::group_fsync::GroupFsync;
use crate::storage::local::platform::{Dir, FileType, Identity, Metadata};
use crate::storage::symlinks::{PathWalk, ResolveError, below_root};
use crate::storage::{LinkScope, STATE_FOLDER_NAME, StorageError, is_state_folder_name};

/// A directory tree, seen from its root. Its views for requests share all but the scope of links.
pub(in crate::storage) struct Tree<D: Dir> {
    shared: Arc<SharedTree<D>>,
    pub(super) links: LinkScope,
    /// [`Tree::links`] without links in its own folder; empty until a link stands on the way.
    real_links: OnceLock<LinkScope>,
}

/// What the views of a tree share.
pub(in crate::storage) struct SharedTree<D: Dir> {
    root: RwLock<Arc<D>>,
    /// Opens the directory that the root's path leads to now; `None` for a tree without a path.
    reopen: Option<Reopen<D>>,
    pub(super) facts: RootFacts,
    pub(super) volumes: Volumes<D>,
    pub(super) locks: DirLocks,
    pub(super) name_locks: NameLocks,
    pub(super) group_fsync: GroupFsync,
}

/// Opens a directory.
type Reopen<D> = Box<dyn Fn() -> io::Result<D> + Send + Sync>;

/// Facts about a root besides its handle.
#[derive(Default)]
pub(in crate::storage) struct RootFacts {
    /// The root's absolute paths that an absolute link may begin with: the canonical one and the configured one.
    pub(in crate::storage) root_paths: Vec<Vec<u8>>,
    /// A folder that is never shown, besides those with the reserved name.
    pub(in crate::storage) hidden: Option<Identity>,
    /// The folders between the root and the hidden one. They stay where they are: the hidden one would go along.
    pub(in crate::storage) above_hidden: Vec<Identity>,
    /// Whether names alone tell that a path leads into a hidden folder. If not, each folder on the way is looked at,
    /// and the kernel may not open whole paths.
    pub(in crate::storage) hidden_by_name: bool,
    /// The root's path, for systems that watch by path.
    pub(in crate::storage) canonical: PathBuf,
}

impl<D: Dir> Deref for Tree<D> {
    type Target = SharedTree<D>;

    fn deref(&self) -> &SharedTree<D> {
        &self.shared
    }
}

impl<D: Dir> Tree<D> {
    /// A tree without a path.
    #[cfg(feature = "testing")]
    pub(in crate::storage) fn new(root: D, facts: RootFacts) -> Self {
        Self::with(root, facts, None)
    }

    /// A tree with a way to open the directory that the root's path leads to later.
    pub(in crate::storage) fn reopening(
        root: D,
        facts: RootFacts,
        reopen: impl Fn() -> io::Result<D> + Send + Sync + 'static,
    ) -> Self {
        Self::with(root, facts, Some(Box::new(reopen)))
    }

    fn with(root: D, facts: RootFacts, reopen: Option<Reopen<D>>) -> Self {
        let volumes = Volumes::default();
        volumes.notice(&root);
        let shared = SharedTree {
            root: RwLock::new(Arc::new(root)),
            reopen,
            facts,
            volumes,
            locks: DirLocks::default(),
            name_locks: NameLocks::default(),
            group_fsync: GroupFsync::default(),
        };
        Self { shared: Arc::new(shared), links: LinkScope::default(), real_links: OnceLock::new() }
    }

    /// See [`crate::storage::Storage::within`].
    pub(super) fn narrowed(&self, links: LinkScope) -> Self {
        Self { shared: Arc::clone(&self.shared), links, real_links: OnceLock::new() }
    }

    /// How far links lead, as paths without links. Links in the path of the scope's folder are the administrator's and
    /// are followed.
    ///
    /// # Errors
    /// [`ResolveError::Escapes`] if the folder is gone.
    pub(super) fn real_links(&self) -> Result<&LinkScope, ResolveError> {
        if let Some(known) = self.real_links.get() {
            return Ok(known);
        }
        let end = self.walk(self.at_root(), PathWalk::along(self.links.folder(), &self.links));
        let folder = end.ok().and_then(|end| end.path().ok()).ok_or(ResolveError::Escapes)?;
        Ok(self.real_links.get_or_init(|| self.links.moved_to(folder)))
    }

    /// The root at present.
    pub(super) fn root(&self) -> Arc<D> {
        Arc::clone(&self.root.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks that the root's path still leads to the root. A directory that has taken its place becomes the root if it
    /// is the one to serve: it is on the same file system, as after a move or a restored backup, or a server has written
    /// into it, as into a disk that was away. The empty mount point of a disk that is away is neither.
    ///
    /// # Errors
    /// [`ErrorCode::Io`], also for another directory.
    pub(super) fn follow_root(&self) -> Result<(), StorageError> {
        let Some(reopen) = &self.reopen else { return self.root_entry().map(drop) };
        let found = reopen().map_err(|error| StorageError::from_io(error, "the served folder is not at its path"))?;
        let identity = |dir: &D| dir.metadata().map(|metadata| metadata.identity);
        let there = identity(&found).map_err(|error| storage_error(error, "stat of the served folder"))?;
        let before = identity(&self.root());
        if before.as_ref().is_ok_and(|before| *before == there) {
            return self.follow_private_dir(&found);
        }
        let same_device = before.is_ok_and(|before| before.device == there.device);
        // Where the state directory is hidden by its identity, the one of another root is not known.
        if !self.facts.hidden_by_name || !(same_device || found.open_dir(STATE_FOLDER_NAME).is_ok()) {
            return Err(StorageError::new(ErrorCode::Io, "another folder is at the path of the served one"));
        }
        *self.root.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        self.volumes.close(&self.root());
        tracing::info!("the served folder was replaced, and its successor is served");
        Ok(())
    }

    /// Closes the private directories if another one, or none, has taken the place of the root's: the next change opens
    /// that one.
    fn follow_private_dir(&self, root: &D) -> Result<(), StorageError> {
        let volume = root.volume().map_err(|error| storage_error(error, "looking for the file system of a folder"))?;
        let Some(private_dir) = self.volumes.get(volume) else { return Ok(()) };
        let identity = |dir: &D| dir.metadata().map(|metadata| metadata.identity);
        let there = PrivateDir::peek(root, STAGING)?;
        let is_there = there.is_some_and(|there| match (identity(&there), identity(&private_dir.staging)) {
            (Ok(there), Ok(before)) => there == before,
            _ => false,
        });
        if !is_there {
            self.volumes.close(root);
        }
        Ok(())
    }

    pub(super) fn at_root(&self) -> DirStack<D> {
        DirStack::at(&self.root())
    }

    pub(super) fn root_entry(&self) -> Result<Entry, StorageError> {
        let metadata = self.root().metadata().map_err(|error| storage_error(error, "stat of the root"))?;
        Ok(metadata.entry(VPath::root(), None))
    }

    /// True for a folder that is hidden whatever its name: a file system has several names for one folder, and a mount
    /// shows a folder at another place.
    pub(super) fn is_hidden(&self, metadata: &Metadata) -> bool {
        metadata.file_type == FileType::Folder
            && (self.facts.hidden == Some(metadata.identity) || self.volumes.owns(metadata.identity))
    }

    /// [`Tree::is_hidden`], also for a private directory in `folder` that no process has opened.
    pub(super) fn is_hidden_in(&self, folder: &D, metadata: &Metadata) -> bool {
        let is_state = || folder.metadata_of(STATE_FOLDER_NAME).is_ok_and(|own| own.identity == metadata.identity);
        metadata.file_type == FileType::Folder && (self.is_hidden(metadata) || is_state())
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
