//! Directory handles on Linux. Everything is first opened with `O_PATH`, which touches no device and wakes no FIFO; a
//! file that turned out to be regular is then opened again through that handle, so that nothing can be put in its place
//! in between.

use std::fs::{File, TryLockError};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{
    Advice, AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, RawDir, RenameFlags, ResolveFlags, Stat,
};
use rustix::io::Errno;
use rustix::path::DecInt;
use shared::{ErrorCode, Timestamp, VPath};

use super::disk::{Folder, Node, SyncFolder, Tell};
use super::metadata::{Identity, Metadata, Shape};
use super::tree::{exchanged, refusal};
use super::unix;
use crate::storage::{Attributes, StorageError, Visit, WatchHandle};

/// How much `getdents` may write at a time, in bytes: some 1 500 names.
const NAMES_BYTES: usize = 64 << 10;
/// How a regular file is opened. Not to block matters only where a FIFO may be met, and costs nothing.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// How the server's own files are opened.
const WRITE: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// How much one call of `copy_file_range` is asked for, in bytes; the kernel does less where it likes.
const COPY_CALL_BYTES: u64 = 64 << 20;
/// How often a path is tried again while somebody renames folders on it.
const RENAME_RETRIES: usize = 8;
/// No link on the way, and nothing above the start of it.
const STRAIGHT: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);
/// Besides, only what the kernel has in memory, and nothing on another file system than the start: that one may wait for
/// another machine with every call.
const STRAIGHT_AT_ONCE: ResolveFlags = STRAIGHT.union(ResolveFlags::NO_XDEV).union(ResolveFlags::CACHED);
/// File systems on which a file that was looked up is opened and looked at in memory: ext2 to ext4, XFS, Btrfs, F2FS and
/// tmpfs (`statfs(2)`). Those on other machines and in other programs are none of them, nor is what stands on top of
/// others.
const LOCAL_FILE_SYSTEMS: [u32; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

/// An open directory.
pub(super) struct LinuxFolder {
    handle: OwnedFd,
    /// Whether to let the kernel walk whole paths.
    descends: bool,
    /// Whether it can be told what needs no waiting.
    at_once: bool,
}

impl LinuxFolder {
    /// The only place where a path of the whole system is opened.
    pub(super) fn open_root(path: &Path, descends: bool) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
        let at_once = descends && answers_at_once(&handle);
        Ok(Self { handle, descends, at_once })
    }

    /// Opens a file by its name a second time, and gives it back unread if it is not the one that was seen.
    fn open_again(&self, name: &[u8], seen: &Metadata) -> Result<File, StorageError> {
        let opened = if name.contains(&b'/') {
            openat2(&self.handle, name, READ)
        } else {
            rustix::fs::openat(&self.handle, name, READ | OFlags::NOFOLLOW, Mode::empty())
        };
        let file = match opened {
            Ok(handle) => File::from(handle),
            // What a socket and a device without a driver answer.
            Err(Errno::NXIO | Errno::NODEV) => return Err(exchanged()),
            Err(error) => return Err(refusal(error.into(), "opening a file")),
        };
        let now = Self::metadata_of_file(&file).map_err(|error| refusal(error, "asking about an open file"))?;
        if now.identity == seen.identity && now.shape == Shape::File { Ok(file) } else { Err(exchanged()) }
    }

    /// Whether this kernel walks whole paths (Linux 5.6, unless a sandbox forbids it).
    pub(super) fn kernel_descends(&self) -> bool {
        openat2(&self.handle, b".", OFlags::PATH).is_ok()
    }
}

impl Folder for LinuxFolder {
    const TELLS_STATE: bool = true;

    type Leaf = OwnedFd;
    type File = File;
    type Lock = File;

    fn child(&self, name: &[u8]) -> io::Result<Node<Self>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        node(rustix::fs::openat(&self.handle, name, flags, Mode::empty())?)
    }

    fn open_folder(&self, name: &[u8]) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(&self.handle, name, flags, Mode::empty())?;
        Ok(Self { handle, descends: false, at_once: false })
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

    fn typed_names(&self, visit: &mut dyn FnMut(&[u8], Option<Shape>) -> Visit) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = rustix::fs::openat(&self.handle, c".", flags, Mode::empty())?;
        let mut buffer = vec![MaybeUninit::uninit(); NAMES_BYTES];
        let mut entries = RawDir::new(&readable, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let shape = match entry.file_type() {
                FileType::Unknown => None,
                known => Some(shape(known)),
            };
            if !matches!(name, b"." | b"..") && visit(name, shape) == Visit::Stop {
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
        opened.map(File::from).map_err(|error| refusal(error.into(), "opening a file"))
    }

    fn metadata_of_file(file: &File) -> io::Result<Metadata> {
        Ok(rustix::fs::fstat(file)?.into())
    }

    fn descend(&self, path: &VPath) -> io::Result<Option<Node<Self>>> {
        if !self.descends {
            return Ok(None);
        }
        match openat2(&self.handle, from_here(path), OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(handle) => Some(node(handle)).transpose(),
            // A link; a moving folder; a path at the kernel's limit; a sandbox. The walk knows, or fails for good reason.
            Err(Errno::LOOP | Errno::AGAIN | Errno::XDEV | Errno::NAMETOOLONG | Errno::PERM | Errno::NOSYS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn try_descend(&self, path: &VPath) -> Option<Node<Self>> {
        if !self.at_once {
            return None;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::openat2(&self.handle, from_here(path), flags, Mode::empty(), STRAIGHT_AT_ONCE);
        node(handle.ok()?).ok()
    }

    fn create_file(&self, name: &[u8]) -> io::Result<File> {
        // As every program makes files; the process's umask takes away what it takes from those.
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH;
        Ok(rustix::fs::openat(&self.handle, name, WRITE | OFlags::CREATE | OFlags::EXCL, mode)?.into())
    }

    fn open_own_file(&self, name: &[u8]) -> io::Result<File> {
        let file = File::from(rustix::fs::openat(&self.handle, name, WRITE | OFlags::NONBLOCK, Mode::empty())?);
        // Nothing else is ever put there by the server.
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }

    fn make_folder(&self, name: &[u8], private: bool) -> io::Result<()> {
        unix::make_folder(&self.handle, name, private)
    }

    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.handle, name)?)
    }

    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()> {
        if replace {
            return Ok(rustix::fs::renameat(&self.handle, name, &to.handle, to_name)?);
        }
        match rustix::fs::renameat_with(&self.handle, name, &to.handle, to_name, RenameFlags::NOREPLACE) {
            // An old kernel, or a file system that does not know the flag: it says so before anything else.
            Err(Errno::NOSYS | Errno::INVAL) => unix::rename_by_link(&self.handle, name, &to.handle, to_name),
            renamed => Ok(renamed?),
        }
    }

    fn remove_file(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
    }

    fn remove_folder(&self, name: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR)?)
    }

    fn ready_to_sync(&self) -> io::Result<SyncFolder> {
        unix::ready_to_sync(&self.handle)
    }

    fn dress(&self, file: &File, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()> {
        unix::dress(&self.handle, file, replaced, attributes)
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

    fn space(&self) -> io::Result<Option<u64>> {
        unix::space(&self.handle)
    }

    fn watch(&self, _path: &Path, tell: Tell) -> Result<Box<dyn WatchHandle>, StorageError> {
        if proc_handles().is_none() {
            return Err(StorageError::new(ErrorCode::Unsupported, "without /proc no folder is watched"));
        }
        super::inotify::watch(&self.handle, tell)
    }
}

/// Copies by sharing blocks where source and destination are whole files, else by `copy_file_range`, which shares blocks
/// where the file system can and needs no buffer where it cannot.
pub(super) fn copy_inside_kernel(
    to: &File,
    source: &File,
    from: u64,
    length: u64,
    offset: u64,
) -> io::Result<Option<u64>> {
    let size = source.metadata()?.len();
    if from == 0 && offset == 0 && length >= size && size > 0 && to.metadata()?.len() == 0 {
        // Whatever the reason for a refusal, bytes can still be copied.
        if rustix::fs::ioctl_ficlone(to, source).is_ok() {
            return Ok(Some(size));
        }
    }
    let (mut from, mut offset) = (from, offset);
    if i64::try_from(from).is_err() || i64::try_from(offset).is_err() {
        return Ok(None);
    }
    let length = usize::try_from(length.min(COPY_CALL_BYTES)).unwrap_or(usize::MAX);
    match rustix::fs::copy_file_range(source, Some(&mut from), to, Some(&mut offset), length) {
        Ok(copied) => Ok(Some(copied as u64)),
        // Other file systems, old kernels, files that the kernel makes up.
        Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM | Errno::BADF) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Has the kernel begin to write those bytes, without waiting. `posix_fadvise(2)`: to be rid of cached pages that are
/// dirty it writes them first, and those that are on their way stay in the cache. Where it refuses, a sync does it all.
pub(super) fn begin_to_write(file: &File, offset: u64, length: u64) {
    let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(length), Advice::DontNeed);
}

/// Opens a path on which there is no link.
fn openat2(folder: &OwnedFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(folder, path, flags | OFlags::CLOEXEC, Mode::empty(), STRAIGHT) {
            Err(Errno::AGAIN | Errno::INTR) if tries < RENAME_RETRIES => tries += 1,
            answer => return answer,
        }
    }
}

/// The path as the system wants it, which has no empty one.
fn from_here(path: &VPath) -> &[u8] {
    if path.is_root() { b"." } else { path.as_bytes() }
}

/// Whether the kernel can be asked for what needs no waiting (Linux 5.12), on a file system of which that is true to the
/// end, and opens a file again without its path.
fn answers_at_once(folder: &OwnedFd) -> bool {
    #[allow(clippy::unnecessary_cast, reason = "the width of the field differs from one processor to the next")]
    let local = rustix::fs::fstatfs(folder).is_ok_and(|system| LOCAL_FILE_SYSTEMS.contains(&(system.f_type as u32)));
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    local
        && rustix::fs::openat2(folder, c".", flags, Mode::empty(), STRAIGHT_AT_ONCE).is_ok()
        && proc_handles().is_some()
}

fn node(handle: OwnedFd) -> io::Result<Node<LinuxFolder>> {
    let metadata = Metadata::from(rustix::fs::fstat(&handle)?);
    Ok(match metadata.shape {
        Shape::Folder => Node::Folder(LinuxFolder { handle, descends: false, at_once: false }, metadata),
        Shape::Link => Node::Link,
        Shape::File | Shape::Other => Node::Leaf(handle, metadata),
    })
}

/// `/proc/self/fd`, through which a handle is opened again; none where there is no `/proc`, as in a bare chroot. Then a
/// file is opened by its name a second time and compared, and whoever may put a device there in that very moment can
/// have it opened, though never read.
fn proc_handles() -> Option<&'static OwnedFd> {
    static HANDLES: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let open = || {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handles = rustix::fs::openat(CWD, c"/proc/self/fd", flags, Mode::empty()).ok()?;
        let system = rustix::fs::fstatfs(handles.as_fd()).ok()?;
        (system.f_type == PROC_SUPER_MAGIC).then_some(handles)
    };
    HANDLES.get_or_init(open).as_ref()
}

fn shape(file_type: FileType) -> Shape {
    match file_type {
        FileType::RegularFile => Shape::File,
        FileType::Directory => Shape::Folder,
        FileType::Symlink => Shape::Link,
        _ => Shape::Other,
    }
}

impl From<Stat> for Metadata {
    // The widths of these fields differ from one processor to the next.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    fn from(stat: Stat) -> Self {
        Self {
            shape: shape(FileType::from_raw_mode(stat.st_mode)),
            identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
            size: stat.st_size as u64,
            modified: Timestamp::from_parts(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: Timestamp::from_parts(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            names: stat.st_nlink as u64,
            executable: Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_proc_a_file_is_opened_again_and_compared() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let write = |name: &str| std::fs::write(at(name), "content").unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        let root = LinuxFolder::open_root(place.path(), true).unwrap();
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
            // Even a link to the very same file: nothing that was not seen is followed.
            std::os::unix::fs::symlink(at("kept"), at(name)).unwrap();
            assert_eq!(code(), Some(ErrorCode::Changed));
            std::fs::remove_file(at(name)).unwrap();
            rustix::fs::mknodat(CWD, at(name), FileType::Fifo, Mode::RUSR, 0).unwrap();
            assert_eq!(code(), Some(ErrorCode::Changed));
        }
    }
}
