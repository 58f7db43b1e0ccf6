//! The system calls of writing that every Unix has, over the handle of a directory. No link is followed by any of them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;
use shared::Timestamp;

use super::disk::SyncFolder;
use crate::storage::Attributes;

/// What of a mode is handed down: who may read, write and execute. A program that runs as its owner does not stay one
/// when its content is another.
const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
const EXECUTE: Mode = Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH);

pub(super) fn make_folder(folder: impl AsFd, name: &[u8], private: bool) -> io::Result<()> {
    let mode = if private { Mode::RWXU } else { PERMISSIONS };
    Ok(rustix::fs::mkdirat(folder, name, mode)?)
}

/// A rename that replaces nothing, where the system has no call for it. A file or link gets its second name by `link`,
/// which refuses what is there, and then loses the first. A folder takes the place of an empty one that was made for it,
/// which is the only thing that a folder can replace.
pub(super) fn rename_by_link(folder: impl AsFd, name: &[u8], to: impl AsFd, to_name: &[u8]) -> io::Result<()> {
    let (folder, to) = (folder.as_fd(), to.as_fd());
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        rustix::fs::linkat(folder, name, to, to_name, AtFlags::empty())?;
        return Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?);
    }
    rustix::fs::mkdirat(to, to_name, Mode::RWXU)?;
    if let Err(error) = rustix::fs::renameat(folder, name, to, to_name) {
        // Only if nobody has put anything in: then it is empty, and goes.
        let _ = rustix::fs::unlinkat(to, to_name, AtFlags::REMOVEDIR);
        return Err(error.into());
    }
    Ok(())
}

/// A directory must be open for reading to be synced: one that may be written to but not read is refused here, before
/// anything in it has changed.
pub(super) fn ready_to_sync(folder: impl AsFd) -> io::Result<SyncFolder> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(folder, c".", flags, Mode::empty())?;
    Ok(Box::new(move || match rustix::fs::fsync(&readable) {
        // What file systems answer that have nothing to sync there.
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::ROFS) => Ok(()),
        synced => Ok(synced?),
    }))
}

pub(super) fn space(folder: impl AsFd) -> io::Result<Option<u64>> {
    let system = rustix::fs::fstatvfs(folder)?;
    // Some network file systems say nothing at all.
    Ok((system.f_blocks > 0).then(|| system.f_bavail.saturating_mul(system.f_frsize)))
}

/// See [`super::disk::Folder::dress`].
pub(super) fn dress(
    folder: impl AsFd,
    file: &File,
    replaced: Option<&[u8]>,
    attributes: &Attributes,
) -> io::Result<()> {
    let folder = folder.as_fd();
    let own = rustix::fs::fstat(file)?;
    let mode = match replaced {
        Some(name) => inherit_from_file(folder, name, file, &own)?,
        None => inherit_from_folder(folder, file, &own)?,
    };
    let mode = match attributes.executable {
        None => mode,
        Some(false) => mode - EXECUTE,
        // Whoever may read it may execute it.
        Some(true) => mode | Mode::from_raw_mode((mode.as_raw_mode() & 0o444) >> 2),
    };
    if mode != permissions(&rustix::fs::fstat(file)?) {
        rustix::fs::fchmod(file, mode)?;
    }
    let modified = attributes.modified.map_or(Timespec { tv_sec: 0, tv_nsec: UTIME_NOW }, timespec);
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    Ok(rustix::fs::futimens(file, &Timestamps { last_access, last_modification: modified })?)
}

/// Gives the file the owner and the extended attributes of what it replaces, as far as this process may, and answers
/// the mode.
fn inherit_from_file(folder: BorrowedFd<'_>, name: &[u8], file: &File, own: &Stat) -> io::Result<Mode> {
    let old = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(old.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::NotFound.into());
    }
    let user = rustix::fs::Uid::from_raw(old.st_uid);
    let group = rustix::fs::Gid::from_raw(old.st_gid);
    let mut mode = permissions(&old);
    if old.st_gid != own.st_gid && rustix::fs::fchown(file, None, Some(group)).is_err() {
        // What the old group was allowed is not for another one.
        mode -= Mode::RWXG;
    }
    if old.st_uid != own.st_uid {
        // Only the administrator may, and nobody loses a right where it fails.
        let _ = rustix::fs::fchown(file, Some(user), None);
    }
    #[cfg(target_os = "linux")]
    copy_extended_attributes(folder, name, file);
    Ok(mode)
}

/// Gives the file what one that was made in the folder would have got: the group of a folder that hands it down, and the
/// access list for new files. The answer is the mode.
fn inherit_from_folder(folder: BorrowedFd<'_>, file: &File, own: &Stat) -> io::Result<Mode> {
    let above = rustix::fs::fstat(folder)?;
    if Mode::from_raw_mode(above.st_mode).contains(Mode::SGID) && above.st_gid != own.st_gid {
        let _ = rustix::fs::fchown(file, None, Some(rustix::fs::Gid::from_raw(above.st_gid)));
    }
    #[cfg(target_os = "linux")]
    if let Some(mode) = apply_default_list(folder, file)? {
        return Ok(mode);
    }
    Ok(permissions(own) - EXECUTE)
}

/// The names of attributes that are handed down: those of people and programs, and the access list. Capabilities are
/// not, for the reason of [`PERMISSIONS`].
#[cfg(target_os = "linux")]
fn is_handed_down(name: &[u8]) -> bool {
    name.starts_with(b"user.") || matches!(name, b"system.posix_acl_access" | b"security.selinux")
}

#[cfg(target_os = "linux")]
fn copy_extended_attributes(folder: BorrowedFd<'_>, name: &[u8], file: &File) {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
    // Who may not read the old file may not read its attributes either.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(old) = rustix::fs::openat(folder, name, flags, Mode::empty()) else { return };
    let mut names = vec![0; EXTENDED_BYTES_MAX];
    let Ok(length) = flistxattr(&old, &mut names[..]) else { return };
    let mut value = vec![0; EXTENDED_BYTES_MAX];
    for name in names[..length].split(|&byte| byte == 0).filter(|name| is_handed_down(name)) {
        if let Ok(length) = fgetxattr(&old, name, &mut value[..]) {
            let _ = fsetxattr(file, name, &value[..length], XattrFlags::empty());
        }
    }
}

/// The most that Linux gives for one attribute, and for all their names (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
#[cfg(target_os = "linux")]
const EXTENDED_BYTES_MAX: usize = 64 << 10;

/// POSIX.1e: a new file's access list is its folder's default one, less what the program that makes it does not ask for.
/// The umask has no say then.
#[cfg(target_os = "linux")]
fn apply_default_list(folder: BorrowedFd<'_>, file: &File) -> io::Result<Option<Mode>> {
    use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(folder, c".", flags, Mode::empty())?;
    let mut list = vec![0; EXTENDED_BYTES_MAX];
    let Ok(length) = fgetxattr(&readable, c"system.posix_acl_default", &mut list[..]) else { return Ok(None) };
    if fsetxattr(file, c"system.posix_acl_access", &list[..length], XattrFlags::empty()).is_err() {
        return Ok(None);
    }
    Ok(Some(permissions(&rustix::fs::fstat(file)?) - EXECUTE))
}

fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & PERMISSIONS
}

fn timespec(moment: Timestamp) -> Timespec {
    Timespec { tv_sec: moment.seconds(), tv_nsec: moment.subsecond_nanoseconds().into() }
}
