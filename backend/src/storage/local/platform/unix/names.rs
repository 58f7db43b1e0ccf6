//! Changing the names in a directory, and making the changes durable.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::storage::local::platform::dir::SyncDir;

pub(in crate::storage::local::platform) fn make_dir(dir: impl AsFd, name: &[u8], private: bool) -> io::Result<()> {
    let mode = if private { Mode::RWXU } else { Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO) };
    Ok(rustix::fs::mkdirat(dir, name, mode)?)
}

/// See [`crate::storage::local::platform::Dir::may_read`].
pub(in crate::storage::local::platform) fn may_read(dir: impl AsFd, name: &[u8]) -> bool {
    let allowed = rustix::fs::accessat(dir, name, Access::READ_OK, AtFlags::EACCESS);
    !matches!(allowed, Err(Errno::ACCESS | Errno::PERM))
}

/// Renames without replacing, where the system has no call for it. A file or link gets its second name by `link`, which
/// fails if the name exists, and then loses the first. A directory replaces an empty one that is created for it,
/// because a rename cannot replace anything else with a directory.
pub(in crate::storage::local::platform) fn rename_by_link(
    dir: impl AsFd,
    name: &[u8],
    to: impl AsFd,
    to_name: &[u8],
) -> io::Result<()> {
    let (dir, to) = (dir.as_fd(), to.as_fd());
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        rustix::fs::linkat(dir, name, to, to_name, AtFlags::empty())?;
        return Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?);
    }
    rustix::fs::mkdirat(to, to_name, Mode::RWXU)?;
    if let Err(error) = rustix::fs::renameat(dir, name, to, to_name) {
        // Fails if the new directory has got entries by now, which must stay.
        let _ = rustix::fs::unlinkat(to, to_name, AtFlags::REMOVEDIR);
        return Err(error.into());
    }
    Ok(())
}

/// Opens the directory for reading, which `fsync` needs: a directory that grants writing but not reading is refused
/// here, before anything in it has changed.
pub(in crate::storage::local::platform) fn prepare_sync(dir: impl AsFd) -> io::Result<SyncDir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(dir, c".", flags, Mode::empty())?;
    Ok(Box::new(move || match rustix::fs::fsync(&readable) {
        // The errors of file systems that do not sync directories.
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::ROFS) => Ok(()),
        synced => Ok(synced?),
    }))
}

pub(in crate::storage::local::platform) fn space(dir: impl AsFd) -> io::Result<Option<u64>> {
    let system = rustix::fs::fstatvfs(dir)?;
    // Some network file systems report zero blocks.
    Ok((system.f_blocks > 0).then(|| system.f_bavail.saturating_mul(system.f_frsize)))
}
