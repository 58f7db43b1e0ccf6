//! Directory handles on every system that has a sandboxing walk of cap-std: macOS and Windows; on Linux for the tests.
//! Each name is looked up in an open directory, and what is opened is compared with what was looked up.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use shared::Timestamp;

use super::disk::{Folder, Node, SyncFolder, Tell};
use super::metadata::{Identity, Metadata, Shape};
use super::tree::{exchanged, refusal};
#[cfg(unix)]
use super::unix;
use crate::storage::{Attributes, STATE_FOLDER_NAME, StorageError, Visit, WatchHandle};

/// How often a name is looked up again while somebody exchanges what stands under it.
const EXCHANGE_RETRIES: usize = 8;

/// An open directory.
pub(super) struct PortableFolder {
    handle: Dir,
}

impl PortableFolder {
    /// The only place where a path of the whole system is opened.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: Dir::open_ambient_dir(path, ambient_authority())? })
    }
}

impl PortableFolder {
    /// True for the state folder in this one by whatever name it was reached: file systems of macOS and Windows take
    /// several spellings for one name, and short names (`PASSER~1`) besides.
    fn is_state_folder(&self, seen: &Metadata) -> bool {
        self.metadata_of(STATE_FOLDER_NAME).is_ok_and(|state| state.identity == seen.identity)
    }
}

impl Folder for PortableFolder {
    const TELLS_STATE: bool = cfg!(unix);

    type Leaf = ();
    type File = File;
    type Lock = File;

    fn child(&self, name: &[u8]) -> io::Result<Node<Self>> {
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..EXCHANGE_RETRIES {
            let seen = self.metadata_of(name)?;
            match seen.shape {
                Shape::Link => return Ok(Node::Link),
                Shape::File | Shape::Other => return Ok(Node::Leaf((), seen)),
                Shape::Folder if self.is_state_folder(&seen) => break,
                Shape::Folder => {}
            }
            let handle = match self.handle.open_dir_nofollow(Path::new(os_name(name)?)) {
                Ok(handle) => handle,
                // Either it may not be opened, or it is no folder any more.
                Err(error) => {
                    refused = error;
                    continue;
                }
            };
            let folder = Self { handle };
            let opened = folder.metadata()?;
            if opened.identity == seen.identity {
                return Ok(Node::Folder(folder, opened));
            }
        }
        Err(refused)
    }

    fn open_folder(&self, name: &[u8]) -> io::Result<Self> {
        Ok(Self { handle: self.handle.open_dir_nofollow(Path::new(os_name(name)?))? })
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.handle.dir_metadata()?.into())
    }

    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata> {
        Ok(self.handle.symlink_metadata(Path::new(os_name(name)?))?.into())
    }

    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = self.handle.read_link_contents(Path::new(os_name(name)?))?;
        #[cfg(unix)]
        return Ok(std::os::unix::ffi::OsStringExt::into_vec(target.into_os_string()));
        #[cfg(not(unix))]
        target
            .to_str()
            .map(|target| target.replace('\\', "/").into_bytes())
            .ok_or_else(|| io::ErrorKind::InvalidFilename.into())
    }

    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()> {
        self.typed_names(&mut |name, _| visit(name))
    }

    fn typed_names(&self, visit: &mut dyn FnMut(&[u8], Option<Shape>) -> Visit) -> io::Result<()> {
        for entry in self.handle.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            // What looks like a link there may be something else on Windows, so that is looked at in any case.
            let shape = match entry.file_type() {
                Ok(seen) if seen.is_file() => Some(Shape::File),
                Ok(seen) if seen.is_dir() && cfg!(unix) => Some(Shape::Folder),
                _ => None,
            };
            #[cfg(unix)]
            let bytes = Some(std::os::unix::ffi::OsStrExt::as_bytes(&*name));
            // A name with half a surrogate pair cannot be said in UTF-8, so it is left out.
            #[cfg(not(unix))]
            let bytes = name.to_str().map(str::as_bytes);
            if bytes.is_some_and(|bytes| visit(bytes, shape) == Visit::Stop) {
                break;
            }
        }
        Ok(())
    }

    /// The little time between the look and the opening is covered thus: no link is followed, a FIFO would not block,
    /// and what is not the file that was seen is given back unread.
    fn open_leaf(&self, name: &[u8], (): (), seen: &Metadata) -> Result<File, StorageError> {
        let name = os_name(name).map_err(|error| refusal(error, "opening a file"))?;
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No);
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
            cap_std::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
        }
        let opened = self.handle.open_with(Path::new(name), &options);
        let file = opened.map_err(|error| refusal(error, "opening a file"))?.into_std();
        let now = Self::metadata_of_file(&file).map_err(|error| refusal(error, "asking about an open file"))?;
        if now.identity == seen.identity && now.shape == Shape::File { Ok(file) } else { Err(exchanged()) }
    }

    fn metadata_of_file(file: &File) -> io::Result<Metadata> {
        Ok(cap_std::fs::Metadata::from_file(file)?.into())
    }

    fn create_file(&self, name: &[u8]) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
        Ok(self.handle.open_with(Path::new(os_name(name)?), &options)?.into_std())
    }

    fn open_own_file(&self, name: &[u8]) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).follow(FollowSymlinks::No);
        let file = self.handle.open_with(Path::new(os_name(name)?), &options)?.into_std();
        // Nothing else is ever put there by the server.
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    #[cfg(unix)]
    fn make_folder(&self, name: &[u8], private: bool) -> io::Result<()> {
        unix::make_folder(&self.handle, name, private)
    }

    /// A private folder is as private as the one that it is made in.
    #[cfg(not(unix))]
    fn make_folder(&self, name: &[u8], _private: bool) -> io::Result<()> {
        self.handle.create_dir(Path::new(os_name(name)?))
    }

    #[cfg(unix)]
    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.handle, name)?)
    }

    /// Links need a privilege on Windows that servers do not have.
    #[cfg(not(unix))]
    fn make_link(&self, _name: &[u8], _target: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()> {
        let (old, new) = (Path::new(os_name(name)?), Path::new(os_name(to_name)?));
        if replace {
            return self.handle.rename(old, &to.handle, new);
        }
        #[cfg(unix)]
        return unix::rename_by_link(&self.handle, name, &to.handle, to_name);
        // A file gets its second name by a call that refuses what is there, and then loses the first. A folder replaces
        // nothing on Windows.
        #[cfg(not(unix))]
        if self.metadata_of(name)?.shape == Shape::File {
            self.handle.hard_link(old, &to.handle, new)?;
            self.handle.remove_file(old)
        } else if to.metadata_of(to_name).is_ok() {
            Err(io::ErrorKind::AlreadyExists.into())
        } else {
            self.handle.rename(old, &to.handle, new)
        }
    }

    fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.handle.remove_file_or_symlink(Path::new(os_name(name)?))
    }

    fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        self.handle.remove_dir(Path::new(os_name(name)?))
    }

    #[cfg(unix)]
    fn ready_to_sync(&self) -> io::Result<SyncFolder> {
        unix::ready_to_sync(&self.handle)
    }

    /// Windows has no such call: NTFS writes names to its journal by itself, in the order in which they changed.
    #[cfg(not(unix))]
    fn ready_to_sync(&self) -> io::Result<SyncFolder> {
        Ok(Box::new(|| Ok(())))
    }

    #[cfg(unix)]
    fn dress(&self, file: &File, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
        unix::dress(&self.handle, file, replaced, attributes)
    }

    /// The time alone: files on Windows are not executable by a mode, and take their access list from the folder.
    #[cfg(not(unix))]
    fn dress(&self, file: &File, _replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
        use std::time::{Duration, SystemTime};
        let modified = match attributes.modified {
            None => SystemTime::now(),
            Some(Timestamp(moment)) if moment < 0 => {
                SystemTime::UNIX_EPOCH - Duration::from_nanos(moment.unsigned_abs())
            }
            Some(Timestamp(moment)) => SystemTime::UNIX_EPOCH + Duration::from_nanos(moment.unsigned_abs()),
        };
        file.set_modified(modified)
    }

    fn lock(&self, name: &[u8]) -> io::Result<Option<File>> {
        use std::fs::TryLockError;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).follow(FollowSymlinks::No);
        let file = self.handle.open_with(Path::new(os_name(name)?), &options)?.into_std();
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    #[cfg(unix)]
    fn space(&self) -> io::Result<Option<u64>> {
        unix::space(&self.handle)
    }

    #[cfg(not(unix))]
    fn space(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    fn watch(&self, path: &Path, tell: Tell) -> Result<Box<dyn WatchHandle>, StorageError> {
        let own = self.metadata().map_err(|error| refusal(error, "watching a folder"))?;
        let still_there = || {
            let found = Self::open_root(path).and_then(|folder| folder.metadata());
            found.is_ok_and(|found| found.identity == own.identity)
        };
        super::notifying::watch(path, tell, still_there)
    }
}

impl From<cap_std::fs::Metadata> for Metadata {
    fn from(metadata: cap_std::fs::Metadata) -> Self {
        let kind = metadata.file_type();
        let shape = if kind.is_symlink() {
            Shape::Link
        } else if kind.is_dir() {
            Shape::Folder
        } else if kind.is_file() {
            Shape::File
        } else {
            Shape::Other
        };
        let identity = Identity { device: metadata.dev(), inode: metadata.ino() };
        let names = metadata.nlink();
        let (modified, changed, executable) = moments(&metadata);
        Self { shape, identity, size: metadata.len(), modified, changed, names, executable }
    }
}

#[cfg(unix)]
fn moments(metadata: &cap_std::fs::Metadata) -> (Timestamp, Timestamp, bool) {
    use cap_std::fs::MetadataExt;
    let modified = Timestamp::from_parts(metadata.mtime(), metadata.mtime_nsec() as u32);
    let changed = Timestamp::from_parts(metadata.ctime(), metadata.ctime_nsec() as u32);
    (modified, changed, metadata.mode() & 0o100 != 0)
}

#[cfg(windows)]
fn moments(metadata: &cap_std::fs::Metadata) -> (Timestamp, Timestamp, bool) {
    use cap_std::fs::MetadataExt;
    (from_filetime(metadata.last_write_time()), from_filetime(metadata.creation_time()), false)
}

/// Windows counts tenths of microseconds since 1601.
#[cfg(windows)]
fn from_filetime(ticks: u64) -> Timestamp {
    const TICKS_TO_1970: i64 = 116_444_736_000_000_000;
    Timestamp(i64::try_from(ticks).unwrap_or(i64::MAX).saturating_sub(TICKS_TO_1970).saturating_mul(100))
}

#[cfg(unix)]
fn os_name(name: &[u8]) -> io::Result<&OsStr> {
    Ok(std::os::unix::ffi::OsStrExt::from_bytes(name))
}

#[cfg(not(unix))]
fn os_name(name: &[u8]) -> io::Result<&OsStr> {
    match str::from_utf8(name) {
        Ok(text) if super::windows_names::is_plain(text) => Ok(OsStr::new(text)),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}
