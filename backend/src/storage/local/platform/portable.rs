//! Directory handles by cap-std, for macOS and Windows, and on Linux for the tests. Each name is looked up in an open
//! directory, and the opened file is compared with the one that was looked up.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::OpenOptions;
use shared::{ErrorCode, Timestamp};

use super::dir::{Dir, Node, OnEvent, SyncDir};
use super::metadata::{FileType, Identity, Metadata};
use super::notify;
#[cfg(unix)]
use super::unix;
use crate::storage::local::error::{LOOKUP, replaced_meanwhile, storage_error};
use crate::storage::{Attributes, STATE_FOLDER_NAME, StorageError, Visit, WatchHandle};

/// How often a name is looked up again while its entry is being replaced.
const REPLACE_RETRIES: usize = 8;

/// An open directory.
pub(in crate::storage) struct PortableDir {
    handle: cap_std::fs::Dir,
}

impl PortableDir {
    /// Opens the root: the only place where an absolute path is opened.
    pub(in crate::storage) fn open_root(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: cap_std::fs::Dir::open_ambient_dir(path, ambient_authority())? })
    }

    /// True for the state folder in this directory, by any of its names: file systems of macOS and Windows accept
    /// several spellings of one name, and Windows short names (`PASSER~1`).
    fn is_state_folder(&self, seen: &Metadata) -> bool {
        self.metadata_of(STATE_FOLDER_NAME).is_ok_and(|state| state.identity == seen.identity)
    }
}

impl Dir for PortableDir {
    const HAS_STATE: bool = cfg!(unix);

    type Leaf = ();
    type File = File;
    type Lock = File;

    fn child(&self, name: &[u8]) -> Result<Node<Self>, StorageError> {
        let failed = |error| storage_error(error, LOOKUP);
        let mut refused = replaced_meanwhile();
        for _ in 0..REPLACE_RETRIES {
            let seen = self.metadata_of(name).map_err(failed)?;
            match seen.file_type {
                FileType::Link => return Ok(Node::Link),
                FileType::File | FileType::Other => return Ok(Node::Leaf((), seen)),
                FileType::Folder if self.is_state_folder(&seen) => {
                    return Err(StorageError::new(ErrorCode::NotFound, LOOKUP));
                }
                FileType::Folder => {}
            }
            refused = match self.open_dir(name) {
                Ok(folder) => {
                    let opened = folder.metadata().map_err(failed)?;
                    if opened.identity == seen.identity {
                        return Ok(Node::Folder(folder, opened));
                    }
                    replaced_meanwhile()
                }
                // A folder stood there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => replaced_meanwhile(),
                Err(error) => failed(error),
            };
        }
        Err(refused)
    }

    fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
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

    fn typed_names(&self, visit: &mut dyn FnMut(&[u8], Option<FileType>) -> Visit) -> io::Result<()> {
        for entry in self.handle.entries()? {
            let entry = entry?;
            let name = entry.file_name();
            // On Windows several kinds of reparse points look like links here: those are left to `metadata_of`.
            let file_type = match entry.file_type() {
                Ok(seen) if seen.is_file() => Some(FileType::File),
                Ok(seen) if seen.is_dir() && cfg!(unix) => Some(FileType::Folder),
                _ => None,
            };
            #[cfg(unix)]
            let bytes = Some(std::os::unix::ffi::OsStrExt::as_bytes(&*name));
            // A name with an unpaired surrogate has no UTF-8 form and is left out.
            #[cfg(not(unix))]
            let bytes = name.to_str().map(str::as_bytes);
            if bytes.is_some_and(|bytes| visit(bytes, file_type) == Visit::Stop) {
                break;
            }
        }
        Ok(())
    }

    /// A replacement between lookup and opening does no harm: no link is followed, a FIFO does not block, and a file
    /// that is not the one seen is closed unread.
    fn open_leaf(&self, name: &[u8], (): (), seen: &Metadata) -> Result<File, StorageError> {
        let name = os_name(name).map_err(|error| storage_error(error, "opening a file"))?;
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No);
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
            cap_std::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
        }
        let opened = self.handle.open_with(Path::new(name), &options);
        let file = opened.map_err(|error| storage_error(error, "opening a file"))?.into_std();
        let now = Self::metadata_of_file(&file).map_err(|error| storage_error(error, "stat of an open file"))?;
        if now.identity == seen.identity && now.file_type == FileType::File {
            Ok(file)
        } else {
            Err(replaced_meanwhile())
        }
    }

    fn metadata_of_file(file: &File) -> io::Result<Metadata> {
        Ok(cap_std::fs::Metadata::from_file(file)?.into())
    }

    #[cfg(unix)]
    fn may_read(&self, name: &[u8]) -> bool {
        unix::may_read(&self.handle, name)
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
        // The server creates nothing else there.
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    #[cfg(unix)]
    fn make_dir(&self, name: &[u8], private: bool) -> io::Result<()> {
        unix::make_dir(&self.handle, name, private)
    }

    /// A private directory inherits the access list of its parent.
    #[cfg(not(unix))]
    fn make_dir(&self, name: &[u8], _private: bool) -> io::Result<()> {
        self.handle.create_dir(Path::new(os_name(name)?))
    }

    #[cfg(unix)]
    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.handle, name)?)
    }

    /// Creating links on Windows needs a privilege that servers do not have.
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
        // A file gets its second name by a hard link, which fails if the name exists, and then loses the first. A
        // rename of a directory replaces nothing on Windows.
        #[cfg(not(unix))]
        if self.metadata_of(name)?.file_type == FileType::File {
            self.handle.hard_link(old, &to.handle, new)?;
            self.handle.remove_file(old)
        } else if to.metadata_of(to_name).is_ok() {
            Err(io::ErrorKind::AlreadyExists.into())
        } else {
            self.handle.rename(old, &to.handle, new)
        }
    }

    #[cfg(unix)]
    fn hard_link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        let flags = rustix::fs::AtFlags::empty();
        Ok(rustix::fs::linkat(&self.handle, name, &to.handle, to_name, flags)?)
    }

    #[cfg(not(unix))]
    fn hard_link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        self.handle.hard_link(Path::new(os_name(name)?), &to.handle, Path::new(os_name(to_name)?))
    }

    fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        self.handle.remove_file_or_symlink(Path::new(os_name(name)?))
    }

    fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        self.handle.remove_dir(Path::new(os_name(name)?))
    }

    #[cfg(unix)]
    fn prepare_sync(&self) -> io::Result<SyncDir> {
        unix::prepare_sync(&self.handle)
    }

    /// Windows has no such call: NTFS journals changes of names itself, in their order.
    #[cfg(not(unix))]
    fn prepare_sync(&self) -> io::Result<SyncDir> {
        Ok(Box::new(|| Ok(())))
    }

    #[cfg(unix)]
    fn copy_attributes(&self, source: &Self, modified: Timestamp, owned: bool) -> io::Result<()> {
        unix::copy_dir_attributes(&self.handle, &source.handle, modified, owned)
    }

    #[cfg(unix)]
    fn copy_link_attributes(&self, name: &[u8], to: &Self, to_name: &[u8], owned: bool) {
        unix::copy_link_attributes(&self.handle, name, &to.handle, to_name, owned);
    }

    #[cfg(unix)]
    fn apply_attributes(&self, file: &File, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
        unix::apply_attributes(&self.handle, file, replaced, attributes)
    }

    /// Sets the time alone: Windows has no executable mode, and files take their access list from the directory.
    #[cfg(not(unix))]
    fn apply_attributes(&self, file: &File, _replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
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

    fn watch(&self, path: &Path, on_event: OnEvent) -> Result<Box<dyn WatchHandle>, StorageError> {
        let own = self.metadata().map_err(|error| storage_error(error, "watching a folder"))?;
        let is_in_place = || {
            let found = Self::open_root(path).and_then(|dir| dir.metadata());
            found.is_ok_and(|found| found.identity == own.identity)
        };
        notify::watch(path, on_event, is_in_place)
    }
}

impl From<cap_std::fs::Metadata> for Metadata {
    fn from(metadata: cap_std::fs::Metadata) -> Self {
        let kind = metadata.file_type();
        let file_type = if kind.is_symlink() {
            FileType::Link
        } else if kind.is_dir() {
            FileType::Folder
        } else if kind.is_file() {
            FileType::File
        } else {
            FileType::Other
        };
        let identity = Identity { device: metadata.dev(), inode: metadata.ino() };
        let names = metadata.nlink();
        let (modified, changed, executable) = times(&metadata);
        Self { file_type, identity, size: metadata.len(), modified, changed, names, executable }
    }
}

#[cfg(unix)]
fn times(metadata: &cap_std::fs::Metadata) -> (Timestamp, Timestamp, bool) {
    use cap_std::fs::MetadataExt;
    let modified = Timestamp::from_parts(metadata.mtime(), metadata.mtime_nsec() as u32);
    let changed = Timestamp::from_parts(metadata.ctime(), metadata.ctime_nsec() as u32);
    (modified, changed, metadata.mode() & 0o100 != 0)
}

#[cfg(windows)]
fn times(metadata: &cap_std::fs::Metadata) -> (Timestamp, Timestamp, bool) {
    use cap_std::fs::MetadataExt;
    (from_filetime(metadata.last_write_time()), from_filetime(metadata.creation_time()), false)
}

/// `FILETIME`: units of 100 ns since 1601.
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
        Ok(text) if shared::windows_name::is_literal(text) => Ok(OsStr::new(text)),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}
