//! How handles are opened: flags, whole paths by `openat2`, and reopening through `/proc`.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{CWD, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags};
use rustix::io::Errno;
use shared::VPath;

/// Flags for reading a regular file. `NONBLOCK` has an effect only if a FIFO is met, and costs nothing.
pub(super) const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// Flags for the server's own files.
pub(super) const WRITE: OFlags = OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// How often a path is tried again while folders on it are renamed.
const RENAME_RETRIES: usize = 8;
/// No link in the path, and nothing above its start. No mount either: one may show a hidden folder under another name,
/// and another file system may wait for another machine on every call.
const STRAIGHT: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);
/// Additionally, only what the kernel has in memory.
const STRAIGHT_CACHED: ResolveFlags = STRAIGHT.union(ResolveFlags::CACHED);
/// File systems that give a name a second, short one: FAT, NTFS, CIFS and SMB (`statfs(2)`). A hidden folder in the
/// middle of a path has short names there, which a comparison with `.passerelle` misses.
const SHORT_NAMES: [u32; 6] = [0x4d44, 0x7366_746e, 0x5346_544e, 0xff53_4d42, 0xfe53_4d42, 0x517b];
/// File systems on which `open` and `fstat` of a file that was looked up need no IO: ext2 to ext4, XFS, Btrfs, F2FS and
/// tmpfs (`statfs(2)`). Network, FUSE and stacked file systems are not among them.
const LOCAL_FILE_SYSTEMS: [u32; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];

/// Opens a path without links.
pub(super) fn open_path(dir: &OwnedFd, path: &[u8], flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut tries = 0;
    loop {
        match rustix::fs::openat2(dir, path, flags | OFlags::CLOEXEC, Mode::empty(), STRAIGHT) {
            Err(Errno::AGAIN | Errno::INTR) if tries < RENAME_RETRIES => tries += 1,
            result => return result,
        }
    }
}

/// Opens a path without links for looking at it, if the kernel can do so from memory.
pub(super) fn try_open_path(dir: &OwnedFd, path: &[u8]) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(dir, path, flags, Mode::empty(), STRAIGHT_CACHED).ok()
}

/// The path as `openat2` takes it: the empty path of the root is `.`.
pub(super) fn relative(path: &VPath) -> &[u8] {
    if path.is_root() { b"." } else { path.as_bytes() }
}

/// Whether this kernel opens whole paths (Linux 5.6, unless a sandbox forbids it), on a file system where each entry has
/// one name, apart from its spelling.
pub(super) fn opens_paths(dir: &OwnedFd) -> bool {
    !is_one_of(dir, &SHORT_NAMES) && open_path(dir, b".", OFlags::PATH).is_ok()
}

fn is_one_of(dir: &OwnedFd, file_systems: &[u32]) -> bool {
    #[allow(clippy::unnecessary_cast, reason = "the width of the field differs from one processor to the next")]
    rustix::fs::fstatfs(dir).is_ok_and(|system| file_systems.contains(&(system.f_type as u32)))
}

/// Whether lookups can be limited to what is in memory: the kernel supports `RESOLVE_CACHED` (Linux 5.12), `open` and
/// `fstat` need no IO on this file system, and files are reopened through `/proc` without their path.
pub(super) fn opens_cached_paths(dir: &OwnedFd) -> bool {
    let local = is_one_of(dir, &LOCAL_FILE_SYSTEMS);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    local && rustix::fs::openat2(dir, c".", flags, Mode::empty(), STRAIGHT_CACHED).is_ok() && proc_handles().is_some()
}

/// `/proc/self/fd`, through which a handle is reopened; `None` where `/proc` is not mounted, as in a bare chroot. A
/// file is then opened by its name a second time and compared: a device that is put there at that moment would be
/// opened, though never read.
pub(super) fn proc_handles() -> Option<&'static OwnedFd> {
    static HANDLES: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let open = || {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handles = rustix::fs::openat(CWD, c"/proc/self/fd", flags, Mode::empty()).ok()?;
        let system = rustix::fs::fstatfs(handles.as_fd()).ok()?;
        (system.f_type == PROC_SUPER_MAGIC).then_some(handles)
    };
    HANDLES.get_or_init(open).as_ref()
}
