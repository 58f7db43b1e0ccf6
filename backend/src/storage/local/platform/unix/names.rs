//! Changing the names in a directory, and making the changes durable.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

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
/// fails if the name exists, and then loses the first. Where a file has one name only (exFAT, some FUSE file systems), it
/// replaces an empty file that is created for it: a crash in between leaves that file, and what another program writes to
/// it in between is lost. A directory replaces an empty one that is created for it,
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
        return match rustix::fs::linkat(dir, name, to, to_name, AtFlags::empty()) {
            Ok(()) => Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?),
            Err(error) if has_no_links(error) => rename_onto_placeholder(dir, name, to, to_name),
            Err(error) => Err(error.into()),
        };
    }
    rustix::fs::mkdirat(to, to_name, Mode::RWXU)?;
    if let Err(error) = rustix::fs::renameat(dir, name, to, to_name) {
        // Fails if the new directory has got entries by now, which must stay.
        let _ = rustix::fs::unlinkat(to, to_name, AtFlags::REMOVEDIR);
        return Err(error.into());
    }
    Ok(())
}

/// True for the errors of a file system without hard links; rclone answers `EIO`.
fn has_no_links(error: Errno) -> bool {
    matches!(error, Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::INVAL | Errno::IO)
}

/// Renames a file onto an empty one that is created for it, which fails if the name exists.
fn rename_onto_placeholder(dir: BorrowedFd<'_>, name: &[u8], to: BorrowedFd<'_>, to_name: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    drop(rustix::fs::openat(to, to_name, flags, Mode::RUSR | Mode::WUSR)?);
    rustix::fs::renameat(dir, name, to, to_name).map_err(|error| {
        let _ = rustix::fs::unlinkat(to, to_name, AtFlags::empty());
        error.into()
    })
}

/// Whether files in a directory can get new names and second names without a risk. Tries with a file that it makes and
/// removes; `None` if it cannot be made.
#[cfg(target_os = "linux")]
pub(in crate::storage::local::platform) fn safe_renames(dir: impl AsFd) -> Option<bool> {
    const PROBE: &[u8] = b"probe";
    let dir = dir.as_fd();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
    drop(rustix::fs::openat(dir, PROBE, flags, Mode::RUSR | Mode::WUSR).ok()?);
    let linked = rustix::fs::linkat(dir, PROBE, dir, b"probe-2".as_slice(), AtFlags::empty());
    for name in [PROBE, b"probe-2"] {
        let _ = rustix::fs::unlinkat(dir, name, AtFlags::empty());
    }
    Some(!linked.is_err_and(has_no_links))
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn where_a_file_has_one_name_only_a_rename_still_replaces_nothing() {
        let root = tempfile::tempdir().unwrap();
        let dir = File::open(root.path()).unwrap();
        let rename = |from: &str, to: &str| {
            let renamed = rename_onto_placeholder(dir.as_fd(), from.as_bytes(), dir.as_fd(), to.as_bytes());
            renamed.map_err(|error| error.kind())
        };
        fs::write(root.path().join("new"), "new").unwrap();
        fs::write(root.path().join("taken"), "old").unwrap();
        assert_eq!(rename("new", "taken"), Err(io::ErrorKind::AlreadyExists));
        assert_eq!(fs::read(root.path().join("taken")).unwrap(), b"old");
        assert_eq!(rename("new", "free"), Ok(()));
        assert_eq!(fs::read(root.path().join("free")).unwrap(), b"new");
        assert_eq!(rename("new", "other"), Err(io::ErrorKind::NotFound));
        assert!(!root.path().join("other").exists() && !root.path().join("new").exists());
        #[cfg(target_os = "linux")]
        assert_eq!(safe_renames(&dir), Some(true));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }
}
