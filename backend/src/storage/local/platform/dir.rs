//! An open directory and the calls that every system must have for one.

use std::io;
use std::path::Path;

use shared::{ErrorCode, Timestamp, VPath};

use super::disk_file::DiskFile;
use super::metadata::{FileType, Metadata};
use super::volume::VolumeId;
use crate::reserve;
use crate::storage::{Attributes, StorageError, Visit, WatchEvent, WatchHandle};

/// Makes the changes of a directory's names durable.
pub(in crate::storage) type SyncDir = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// Receives the events of a watched directory.
pub(in crate::storage) type OnEvent = Box<dyn Fn(WatchEvent) + Send + Sync>;

/// An open directory. A method that takes a name takes that of an entry in this directory, and acts on a link itself,
/// never on its target. A method without a name acts on the directory. [`Dir::descend`] alone takes a path.
pub(in crate::storage) trait Dir: Send + Sync + Sized + 'static {
    /// Handle to an entry that is neither directory nor link: found, not opened.
    type Leaf;

    /// An open regular file.
    type File: DiskFile;

    /// A lock that excludes other processes until it is dropped.
    type Lock: Send + Sync;

    /// Whether a directory's metadata change whenever a name is added to it or removed from it.
    const HAS_STATE: bool;

    /// Looks up a name. Fails with [`shared::ErrorCode::Changed`] if the entry is replaced again and again meanwhile.
    fn child(&self, name: &[u8]) -> Result<Node<Self>, StorageError>;

    /// Opens a subdirectory; every other kind of entry is an error.
    fn open_dir(&self, name: &[u8]) -> io::Result<Self>;

    /// The metadata of the directory itself.
    fn metadata(&self) -> io::Result<Metadata>;

    /// The metadata of the entry under a name, of a link itself.
    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata>;

    /// The target of a link, with `/` between segments.
    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>>;

    /// Hands each name in the directory to `visit`, without `.` and `..`.
    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()>;

    /// [`Dir::names`] with the file type that the system reports along with each name; `None` where it reports none.
    fn typed_names(&self, visit: &mut dyn FnMut(&[u8], Option<FileType>) -> Visit) -> io::Result<()> {
        self.names(&mut |name| visit(name, None))
    }

    /// Opens a regular file for reading, which was found under that name (or that path, by [`Dir::descend`]). Fails if
    /// another file stands there by now.
    fn open_leaf(&self, name: &[u8], leaf: Self::Leaf, seen: &Metadata) -> Result<Self::File, StorageError>;

    /// The metadata of an open file.
    fn metadata_of_file(file: &Self::File) -> io::Result<Metadata>;

    /// Looks up a whole path without links in one system call. `None` where the system has no such call or met a link:
    /// walk the path name by name.
    fn descend(&self, _path: &VPath) -> io::Result<Option<Node<Self>>> {
        Ok(None)
    }

    /// Non-blocking [`Dir::descend`]: waits for no disk and no other machine, and neither do [`Dir::open_leaf`] and
    /// [`Dir::metadata_of_file`] on its result. `None` where that is impossible or unknown.
    fn try_descend(&self, _path: &VPath) -> Option<Node<Self>> {
        None
    }

    /// False if the permissions of the file under a name, or of the target of a link, refuse that this process reads it.
    /// True where the system cannot tell without opening the file.
    fn may_read(&self, _name: &[u8]) -> bool {
        true
    }

    /// Creates a file for reading and writing, with the mode of new files. An existing entry is an error.
    fn create_file(&self, name: &[u8]) -> io::Result<Self::File>;

    /// Opens one of the server's own files for reading and writing; a link is an error.
    fn open_own_file(&self, name: &[u8]) -> io::Result<Self::File>;

    /// Creates a directory; a private one grants access to its owner alone.
    fn make_dir(&self, name: &[u8], private: bool) -> io::Result<()>;

    /// Creates a symbolic link.
    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()>;

    /// Renames an entry. Without `replace` the system itself refuses an existing destination, atomically.
    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()>;

    /// Gives an entry that is not a directory a second name, which must be free. [`io::ErrorKind::Unsupported`] or
    /// another error where the system, the file system or its rules allow no second name.
    fn hard_link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()>;

    /// False if a file in this directory can have one name only, so that a new name may replace what another program
    /// creates at the same moment, and a replaced file may not be kept. True where the system always can, or cannot tell.
    fn has_second_names(&self) -> bool {
        true
    }

    /// Exchanges two entries that exist, atomically. [`io::ErrorKind::Unsupported`] where there is no such call.
    fn exchange(&self, _name: &[u8], _to: &Self, _to_name: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes an entry that is not a directory.
    fn remove_file(&self, name: &[u8]) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, name: &[u8]) -> io::Result<()>;

    /// Prepares to make changes of this directory's names durable. Called before the change, so that a change that
    /// cannot be made durable is not begun. The returned function does nothing where the system has no such call.
    fn prepare_sync(&self) -> io::Result<SyncDir>;

    /// Whether the sync of a file or of a folder on this directory's file system makes durable, besides the entry, each
    /// change of names there that came before the entry's last change: true where one log orders all changes. False where
    /// that is unknown.
    fn orders_names(&self) -> bool {
        false
    }

    /// Sets the mode, owner and extended attributes of a file that is about to get a name in this directory: those of
    /// the file under `replaced`, where permitted, or those of a new file; then what `attributes` say. Called after the
    /// content is written, because writing changes the modification time.
    fn apply_attributes(&self, file: &Self::File, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()>;

    /// Gives this directory the mode, the access lists and the extended attributes of another one, and if `owned` its
    /// owner, as far as this process may, and sets its modification time. Does nothing where the system has no such
    /// attributes.
    fn copy_attributes(&self, _source: &Self, _modified: Timestamp, _owned: bool) -> io::Result<()> {
        Ok(())
    }

    /// Gives the link `to_name` in `to` the time of the link `name` in this directory, and if `owned` its owner. What
    /// this process may not set stays as it is.
    fn copy_link_attributes(&self, _name: &[u8], _to: &Self, _to_name: &[u8], _owned: bool) {}

    /// Takes the lock of that name; `None` if another process holds it.
    fn lock(&self, name: &[u8]) -> io::Result<Option<Self::Lock>>;

    /// The volume of this directory.
    fn volume(&self) -> io::Result<VolumeId> {
        Ok(VolumeId { mount: 0, device: self.metadata()?.identity.device })
    }

    /// The mount points below this directory, as paths relative to it, outer ones before those in them. None where the
    /// system does not list its mounts.
    fn mounts_below(&self) -> io::Result<Vec<Vec<u8>>> {
        Ok(Vec::new())
    }

    /// Free space in bytes; `None` where the system does not report it.
    fn space(&self) -> io::Result<Option<u64>>;

    /// Makes a file of that name take so many bytes of the disk, as far as there is room, and returns how many it takes.
    /// Removes a new file that gets no space.
    fn reserve(&self, name: &[u8], bytes: u64) -> io::Result<u64> {
        let opened = self.open_own_file(name);
        let is_new = opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let file = if is_new { self.create_file(name)? } else { opened? };
        let taken = file.as_file().map_or(Ok(0), |file| reserve::resize(file, bytes));
        if is_new && !taken.as_ref().is_ok_and(|taken| *taken > 0) {
            let _ = self.remove_file(name);
        }
        taken
    }

    /// Watches this directory. `path` is where it is now, for systems that watch by path.
    fn watch(&self, _path: &Path, _on_event: OnEvent) -> Result<Box<dyn WatchHandle>, StorageError> {
        Err(StorageError::new(ErrorCode::Unsupported, "this system does not report changes of a directory"))
    }
}

/// The entry under a name.
pub(in crate::storage) enum Node<D: Dir> {
    Folder(D, Metadata),
    Link,
    Leaf(D::Leaf, Metadata),
}
