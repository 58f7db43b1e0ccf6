//! Directory handles on Linux. Everything is first opened with `O_PATH`, which touches no device and wakes no FIFO. A
//! file that turns out to be regular is then reopened through that handle, so that no other file can take its place in
//! between.

use std::fs::{File, TryLockError};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, RenameFlags};
use rustix::io::Errno;
use rustix::path::DecInt;
use shared::{ErrorCode, Timestamp, VPath};

use super::metadata::file_type;
use super::open::{READ, WRITE, open_path, opens_cached_paths, opens_paths, proc_handles, relative, try_open_path};
use super::{inotify, journal, mounts};
use crate::storage::local::error::{LOOKUP, replaced_meanwhile, storage_error};
use crate::storage::local::platform::dir::{Dir, Node, OnEvent, SyncDir};
use crate::storage::local::platform::metadata::{FileType, Metadata};
use crate::storage::local::platform::unix;
use crate::storage::local::platform::volume::VolumeId;
use crate::storage::{Attributes, StorageError, Visit, WatchHandle};

/// Bytes that one call of `getdents` may write: some 1 500 names.
const NAMES_BYTES: usize = 64 << 10;

/// An open directory.
pub(in crate::storage) struct LinuxDir {
    handle: OwnedFd,
    /// Whether the kernel may open whole paths below this directory.
    opens_paths: bool,
    /// Whether [`Dir::try_descend`] works below this directory.
    opens_cached_paths: bool,
}

impl LinuxDir {
    /// Opens the root: the only place where an absolute path is opened.
    pub(in crate::storage) fn open_root(path: &Path, opens_paths: bool) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let opens_cached_paths = opens_paths && opens_cached_paths(&handle);
        Ok(Self { handle, opens_paths, opens_cached_paths })
    }

    /// Whether this kernel opens whole paths.
    pub(in crate::storage) fn kernel_opens_paths(&self) -> bool {
        opens_paths(&self.handle)
    }

    /// A subdirectory, where whole paths are never opened.
    fn inner(handle: OwnedFd) -> Self {
        Self { handle, opens_paths: false, opens_cached_paths: false }
    }

    /// Opens a file by its name a second time, and closes it unread if it is not the one that was seen.
    fn open_again(&self, name: &[u8], seen: &Metadata) -> Result<File, StorageError> {
        let opened = if name.contains(&b'/') {
            open_path(&self.handle, name, READ)
        } else {
            rustix::fs::openat(&self.handle, name, READ | OFlags::NOFOLLOW, Mode::empty())
        };
        let file = match opened {
            Ok(handle) => File::from(handle),
            // The errors of a socket and of a device without a driver.
            Err(Errno::NXIO | Errno::NODEV) => return Err(replaced_meanwhile()),
            Err(error) => return Err(storage_error(error.into(), "opening a file")),
        };
        let now = Self::metadata_of_file(&file).map_err(|error| storage_error(error, "stat of an open file"))?;
        let is_same = now.identity == seen.identity && now.file_type == FileType::File;
        if is_same { Ok(file) } else { Err(replaced_meanwhile()) }
    }
}

impl Dir for LinuxDir {
    const HAS_STATE: bool = true;

    type Leaf = OwnedFd;
    type File = File;
    type Lock = File;

    fn child(&self, name: &[u8]) -> Result<Node<Self>, StorageError> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.handle, name, flags, Mode::empty());
        opened.map_err(io::Error::from).and_then(node).map_err(|error| storage_error(error, LOOKUP))
    }

    fn open_dir(&self, name: &[u8]) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.handle, name, flags, Mode::empty())?;
        Ok(Self::inner(handle))
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(rustix::fs::fstat(&self.handle)?.into())
    }

    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata> {
        Ok(rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?.into())
    }

    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.handle, name, Vec::new())?.into_bytes())
    }

    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()> {
        self.typed_names(&mut |name, _| visit(name))
    }

    fn typed_names(&self, visit: &mut dyn FnMut(&[u8], Option<FileType>) -> Visit) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = rustix::fs::openat(&self.handle, c".", flags, Mode::empty())?;
        let mut buffer = vec![MaybeUninit::uninit(); NAMES_BYTES];
        let mut entries = RawDir::new(&readable, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let known = match entry.file_type() {
                rustix::fs::FileType::Unknown => None,
                known => Some(file_type(known)),
            };
            if !matches!(name, b"." | b"..") && visit(name, known) == Visit::Stop {
                break;
            }
        }
        Ok(())
    }

    fn open_leaf(&self, name: &[u8], leaf: OwnedFd, seen: &Metadata) -> Result<File, StorageError> {
        let Some(handles) = proc_handles() else {
            return self.open_again(name, seen);
        };
        let opened = rustix::fs::openat(handles, DecInt::from_fd(&leaf), READ, Mode::empty());
        opened.map(File::from).map_err(|error| storage_error(error.into(), "opening a file"))
    }

    fn metadata_of_file(file: &File) -> io::Result<Metadata> {
        Ok(rustix::fs::fstat(file)?.into())
    }

    fn descend(&self, path: &VPath) -> io::Result<Option<Node<Self>>> {
        if !self.opens_paths {
            return Ok(None);
        }
        match open_path(&self.handle, relative(path), OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(handle) => Some(node(handle)).transpose(),
            // A link, a folder that is being moved, a path at the kernel's limit, a sandbox: walk the path instead.
            Err(Errno::LOOP | Errno::AGAIN | Errno::XDEV | Errno::NAMETOOLONG | Errno::PERM | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn try_descend(&self, path: &VPath) -> Option<Node<Self>> {
        if !self.opens_cached_paths {
            return None;
        }
        node(try_open_path(&self.handle, relative(path))?).ok()
    }

    fn may_read(&self, name: &[u8]) -> bool {
        unix::may_read(&self.handle, name)
    }

    fn create_file(&self, name: &[u8]) -> io::Result<File> {
        // The usual mode of new files; the kernel subtracts the process's umask.
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        Ok(rustix::fs::openat(&self.handle, name, WRITE | OFlags::CREATE | OFlags::EXCL, mode)?.into())
    }

    fn open_own_file(&self, name: &[u8]) -> io::Result<File> {
        let file = File::from(rustix::fs::openat(&self.handle, name, WRITE | OFlags::NONBLOCK, Mode::empty())?);
        // The server creates nothing else there.
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn make_dir(&self, name: &[u8], private: bool) -> io::Result<()> {
        unix::make_dir(&self.handle, name, private)
    }

    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.handle, name)?)
    }

    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()> {
        if replace {
            return Ok(rustix::fs::renameat(&self.handle, name, &to.handle, to_name)?);
        }
        match rustix::fs::renameat_with(&self.handle, name, &to.handle, to_name, RenameFlags::NOREPLACE) {
            // An old kernel, or a file system without the flag: nothing was renamed.
            Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => {
                unix::rename_by_link(&self.handle, name, &to.handle, to_name)
            }
            renamed => Ok(renamed?),
        }
    }

    fn hard_link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.handle, name, &to.handle, to_name, AtFlags::empty())?)
    }

    fn has_second_names(&self) -> bool {
        unix::safe_renames(&self.handle).unwrap_or(true)
    }

    fn exchange(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.handle, name, &to.handle, to_name, RenameFlags::EXCHANGE) {
            Err(Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP) => Err(io::ErrorKind::Unsupported.into()),
            exchanged => Ok(exchanged?),
        }
    }

    fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    fn remove_dir(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
    }

    fn prepare_sync(&self) -> io::Result<SyncDir> {
        unix::prepare_sync(&self.handle)
    }

    fn orders_names(&self) -> bool {
        journal::orders_names(&self.handle)
    }

    fn copy_attributes(&self, source: &Self, modified: Timestamp, owned: bool) -> io::Result<()> {
        unix::copy_dir_attributes(&self.handle, &source.handle, modified, owned)
    }

    fn copy_link_attributes(&self, name: &[u8], to: &Self, to_name: &[u8], owned: bool) {
        unix::copy_link_attributes(&self.handle, name, &to.handle, to_name, owned);
    }

    fn apply_attributes(&self, file: &File, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
        unix::apply_attributes(&self.handle, file, replaced, attributes)
    }

    fn lock(&self, name: &[u8]) -> io::Result<Option<File>> {
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(rustix::fs::openat(&self.handle, name, WRITE | OFlags::CREATE, mode)?);
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn volume(&self) -> io::Result<VolumeId> {
        mounts::volume(&self.handle)
    }

    fn mounts_below(&self) -> io::Result<Vec<Vec<u8>>> {
        mounts::mounts_below(&self.handle)
    }

    fn space(&self) -> io::Result<Option<u64>> {
        unix::space(&self.handle)
    }

    fn watch(&self, _path: &Path, on_event: OnEvent) -> Result<Box<dyn WatchHandle>, StorageError> {
        if proc_handles().is_none() {
            return Err(StorageError::new(ErrorCode::Unsupported, "folders cannot be watched without /proc"));
        }
        inotify::watch(&self.handle, on_event)
    }
}

fn node(handle: OwnedFd) -> io::Result<Node<LinuxDir>> {
    let metadata = Metadata::from(rustix::fs::fstat(&handle)?);
    Ok(match metadata.file_type {
        FileType::Folder => Node::Folder(LinuxDir::inner(handle), metadata),
        FileType::Link => Node::Link,
        FileType::File | FileType::Other => Node::Leaf(handle, metadata),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proc_a_replaced_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str| std::fs::write(at(name), "content").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let root = LinuxDir::open_root(folder.path(), true).unwrap();
        for name in ["file", "folder/file"] {
            write(name);
            let seen = Metadata::from(rustix::fs::stat(at(name)).unwrap());
            let code = || root.open_again(name.as_bytes(), &seen).err().map(|error| error.code);
            assert_eq!(code(), None);
            std::fs::rename(at(name), at("kept")).unwrap();
            assert_eq!(code(), Some(ErrorCode::NotFound));
            write(name);
            assert_eq!(code(), Some(ErrorCode::Changed));
            std::fs::remove_file(at(name)).unwrap();
            // A link is refused even if it leads to the file that was seen.
            std::os::unix::fs::symlink(at("kept"), at(name)).unwrap();
            assert_eq!(code(), Some(ErrorCode::Changed));
            std::fs::remove_file(at(name)).unwrap();
            rustix::fs::mknodat(CWD, at(name), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
            assert_eq!(code(), Some(ErrorCode::Changed));
        }
    }
}
