//! A directory of this machine. It is opened once; from then on every access starts at that handle, and no path of the
//! whole system is ever opened again. It knows nothing of who asks.
//!
//! The kernel, where it can, takes a whole path in one call and refuses every link on it; where there is a link, a walk
//! of our own takes one name at a time, each from the handle of the folder before. So what links may do is decided in
//! one place, which sees each of them:
//!
//! - A relative target is followed; `..` goes back along the folders that were walked, and never above the root.
//! - An absolute target is followed if it begins with the root's own path, segment by segment.
//! - Every other one escapes.
//!
//! What is written goes into a folder of the server's own first (`vault`), which no path reaches, and takes its name by
//! one call of the system (`writing`). What is thrown away goes there as well (`trash`). All that is decided is in those
//! files, over the calls of `disk`; the systems differ in how they make them, and `simulated` is one of them.
//!
//! What differs from one system to the next:
//!
//! | | Linux | macOS and other Unix | Windows |
//! |---|---|---|---|
//! | whole paths | `openat2`, from 5.6 on unless a sandbox forbids it | the walk alone | the walk alone |
//! | without waiting | on the usual local file systems, from 5.12 on | never | never |
//! | opening | by the handle that was looked at, through `/proc` | by name, compared afterwards | by name, compared afterwards |
//! | a swap for a FIFO or device in mid-opening | never opened | opened without blocking, given back unread | none to fear |
//! | names | any bytes | UTF-8, on most file systems | UTF-8, and only those that Windows takes literally |
//! | absolute links inside the root | followed | followed | refused |
//! | a new name that replaces nothing | `renameat2`; a link and an unlink where it is missing | a link and an unlink | a link and an unlink |
//! | names survive a crash | the folder is synced | the folder is synced | by NTFS's journal |
//! | mode, owner, attributes of a replaced file | handed down | mode and owner | from the folder |
//! | making links | inside the root | inside the root | refused |
//! | watching | inotify, by handle | by path, looked at again | by path, looked at again |
//! | validator | with the change time | with the change time | with the creation time: a program that sets the modification time back goes unnoticed |

mod disk;
mod listing;
mod metadata;
mod tree;

mod purge;
mod staged;
mod syncing;
mod trash;
mod vault;
mod writing;

#[cfg(target_os = "linux")]
mod inotify;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;

mod notifying;
mod portable;

pub mod simulated;

#[cfg_attr(unix, allow(dead_code))]
mod windows_names;

use std::io;
use std::path::{Path, PathBuf};

use shared::columns::Row;
use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use self::disk::Folder;
use self::metadata::{Identity, Metadata};
use self::portable::PortableFolder;
use self::tree::{RootFacts, Tree};
use super::{
    Attributes, Expected, FolderState, OpenFile, Published, Staged, Storage, StorageError, TrashItem, Visit,
    WatchEvent, WatchHandle, is_state_folder_name,
};

/// A directory that is served.
pub struct LocalStorage {
    tree: Box<dyn Storage>,
    containment: Containment,
}

/// What keeps requests inside the directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Containment {
    /// The kernel on paths without links, our walk on the others.
    Kernel,
    /// Our walk, over handles that touch nothing.
    Walk,
    /// Our walk, over what cap-std has on every system.
    Portable,
}

impl LocalStorage {
    /// Opens a directory with the best containment that this system has. `hidden` is a directory that is not to be seen
    /// if it lies inside, whatever its name. One that does not have the reserved name must exist by now, to be
    /// recognised.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::NotFolder`], [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    pub fn open(root: &Path, hidden: Option<&Path>) -> Result<Self, StorageError> {
        Self::open_with(root, hidden, Containment::Kernel)
    }

    /// Opens a directory with that containment, or with the best that this system has below it.
    ///
    /// # Errors
    /// As [`LocalStorage::open`].
    pub fn open_with(root: &Path, hidden: Option<&Path>, containment: Containment) -> Result<Self, StorageError> {
        let failed = |error: io::Error| StorageError::from_io(error, "opening the directory to serve");
        let canonical = root.canonicalize().map_err(failed)?;
        if !canonical.is_dir() {
            return Err(StorageError::new(ErrorCode::NotFolder, "what is to be served is no directory"));
        }
        let hidden = hidden.map(find_hidden).transpose()?.flatten();
        let place = RootPlace { root_paths: root_paths(root, &canonical), hidden, canonical };

        #[cfg(target_os = "linux")]
        if containment != Containment::Portable {
            let kernel = containment == Containment::Kernel;
            let kernel =
                kernel && linux::LinuxFolder::open_root(&place.canonical, true).map_err(failed)?.kernel_descends();
            let open = |path: &Path| linux::LinuxFolder::open_root(path, kernel);
            let containment = if kernel { Containment::Kernel } else { Containment::Walk };
            return Ok(Self { tree: place.tree(open)?, containment });
        }
        let _ = containment;
        Ok(Self { tree: place.tree(PortableFolder::open_root)?, containment: Containment::Portable })
    }

    /// What keeps requests inside the directory, to say so at the start.
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

    fn list_trash(&self, visit: &mut dyn FnMut(TrashItem) -> Visit) -> Result<(), StorageError> {
        self.tree.list_trash(visit)
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
        notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        self.tree.watch(folder, notice)
    }
}

/// Where the root lies in the whole system; used while it is opened, and never after.
struct RootPlace {
    canonical: PathBuf,
    root_paths: Vec<Vec<u8>>,
    hidden: Option<PathBuf>,
}

impl RootPlace {
    fn tree<F: Folder>(&self, open: impl Fn(&Path) -> io::Result<F>) -> Result<Box<dyn Storage>, StorageError> {
        let root =
            open(&self.canonical).map_err(|error| StorageError::from_io(error, "opening the directory to serve"))?;
        let identity = |path: &PathBuf| -> io::Result<Identity> {
            let metadata: Metadata = open(path)?.metadata()?;
            Ok(metadata.identity)
        };
        let hidden = self.hidden.as_ref().map(identity).transpose();
        let hidden = hidden.map_err(|error| StorageError::from_io(error, "opening the state directory"))?;
        let facts = RootFacts {
            root_paths: self.root_paths.clone(),
            hidden,
            may_descend: self.names_say_what_is_hidden(),
            canonical: self.canonical.clone(),
        };
        Ok(Box::new(Tree::new(root, facts)))
    }

    /// False if a folder of another name than the reserved one is hidden inside. A folder above it may be renamed, so
    /// its path says nothing and each folder on the way must be looked at.
    fn names_say_what_is_hidden(&self) -> bool {
        let Some(inner) = self.hidden.as_ref().and_then(|hidden| hidden.strip_prefix(&self.canonical).ok()) else {
            return true;
        };
        inner.components().any(|name| is_state_folder_name(name.as_os_str().as_encoded_bytes()))
    }
}

/// Where the state directory is; none if it is not there yet and its name will hide it.
fn find_hidden(path: &Path) -> Result<Option<PathBuf>, StorageError> {
    let reserved = path.file_name().is_some_and(|name| is_state_folder_name(name.as_encoded_bytes()));
    match path.canonicalize() {
        Ok(path) => Ok(Some(path)),
        Err(error) if reserved && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::from_io(error, "looking for the state directory")),
    }
}

/// The absolute paths of the root that a link may begin with.
#[cfg(unix)]
fn root_paths(given: &Path, canonical: &Path) -> Vec<Vec<u8>> {
    let mut paths = vec![canonical.as_os_str().as_encoded_bytes().to_vec()];
    if let Ok(given) = std::path::absolute(given) {
        let bytes = given.as_os_str().as_encoded_bytes();
        // With `..` in it, a path says nothing before the links on it are followed.
        if given != canonical && !bytes.split(|&byte| byte == b'/').any(|segment| segment == b"..") {
            paths.push(bytes.to_vec());
        }
    }
    paths
}

/// None: there are too many spellings of one path (short names, drives, `\\?\`) to compare them safely.
#[cfg(not(unix))]
fn root_paths(_given: &Path, _canonical: &Path) -> Vec<Vec<u8>> {
    Vec::new()
}
