//! Mode, owner, times and extended attributes of a new file.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, Uid};
use shared::Timestamp;

#[cfg(target_os = "linux")]
use super::extended::{apply_default_acl, copy_extended_attributes, inherit_extended_attributes};
use crate::storage::{Attributes, Copied};

/// The permission bits. Set-user-ID and its like are not passed on: a program with other content must not run with the
/// rights of the old one.
const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
const EXECUTE: Mode = Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH);

/// See [`crate::storage::local::platform::Dir::apply_attributes`].
pub(in crate::storage::local::platform) fn apply_attributes(
    dir: impl AsFd,
    file: &File,
    replaced: Option<&[u8]>,
    attributes: &Attributes,
) -> io::Result<()> {
    let dir = dir.as_fd();
    let own = rustix::fs::fstat(file)?;
    let mode = match (attributes.copied, replaced) {
        (Some(copied), _) => keep_of_copy(dir, file, &own, copied)?,
        (None, Some(name)) => inherit_from_file(dir, name, file, &own)?,
        (None, None) => inherit_from_dir(dir, file, &own)?,
    };
    let mode = match attributes.executable {
        None => mode,
        Some(false) => mode - EXECUTE,
        // Grants execution to each class of users that may read.
        Some(true) => mode | Mode::from_raw_mode((mode.as_raw_mode() & 0o444) >> 2),
    };
    if mode != permissions(&rustix::fs::fstat(file)?) {
        rustix::fs::fchmod(file, mode)?;
    }
    let modified = attributes.modified.map_or(Timespec { tv_sec: 0, tv_nsec: UTIME_NOW }, timespec);
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    Ok(rustix::fs::futimens(file, &Timestamps { last_access, last_modification: modified })?)
}

/// Gives the file the owner and the extended attributes of the file that it replaces, as far as this process may, and
/// returns that file's mode.
fn inherit_from_file(dir: BorrowedFd<'_>, name: &[u8], file: &File, own: &Stat) -> io::Result<Mode> {
    let old = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(old.st_mode) != FileType::RegularFile {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mode = pass_on_owner(file, own, &old);
    #[cfg(target_os = "linux")]
    inherit_extended_attributes(dir, name, file);
    Ok(mode)
}

/// Gives a file or directory the owner and group of `old`, as far as this process may, and returns the mode of `old`
/// without the rights that would get to another group.
fn pass_on_owner(file: impl AsFd, own: &Stat, old: &Stat) -> Mode {
    let mut mode = permissions(old);
    if old.st_gid != own.st_gid && rustix::fs::fchown(&file, None, Some(Gid::from_raw(old.st_gid))).is_err() {
        // The file keeps the server's group, which must not get the rights of the old one.
        mode -= Mode::RWXG;
    }
    if old.st_uid != own.st_uid {
        // Only root may change the owner; without it, the server owns the file and all other rights stay.
        let _ = rustix::fs::fchown(&file, Some(Uid::from_raw(old.st_uid)), None);
    }
    mode
}

/// See [`crate::storage::local::platform::DiskFile::copy_attributes`].
#[cfg_attr(target_os = "macos", expect(clippy::useless_conversion, reason = "a mode is a u32 on Linux"))]
pub(in crate::storage::local::platform) fn copy_file_attributes(
    file: &File,
    source: &File,
    owned: bool,
) -> io::Result<Copied> {
    let mode = copy_attributes(file, source, owned)?;
    Ok(Copied { permissions: u16::try_from(mode.as_raw_mode()).unwrap_or_default(), owned })
}

/// See [`crate::storage::local::platform::Dir::copy_attributes`].
pub(in crate::storage::local::platform) fn copy_dir_attributes(
    dir: impl AsFd,
    source: impl AsFd,
    modified: Timestamp,
    owned: bool,
) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(dir, c".", flags, Mode::empty())?;
    let source = rustix::fs::openat(source, c".", flags, Mode::empty())?;
    let mode = copy_attributes(&dir, &source, owned)?;
    rustix::fs::fchmod(&dir, mode)?;
    Ok(rustix::fs::futimens(&dir, &only_modified(timespec(modified)))?)
}

/// See [`crate::storage::local::platform::Dir::copy_link_attributes`].
pub(in crate::storage::local::platform) fn copy_link_attributes(
    dir: impl AsFd,
    name: &[u8],
    to: impl AsFd,
    to_name: &[u8],
    owned: bool,
) {
    let Ok(old) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { return };
    let to = to.as_fd();
    if owned {
        let (user, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
        let _ = rustix::fs::chownat(to, to_name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW);
    }
    let _ = rustix::fs::utimensat(to, to_name, &times_of(&old), AtFlags::SYMLINK_NOFOLLOW);
}

/// Copies owner, access lists and extended attributes, as far as this process may, and returns the mode that suits them.
fn copy_attributes(file: impl AsFd, source: impl AsFd, owned: bool) -> io::Result<Mode> {
    let (own, old) = (rustix::fs::fstat(&file)?, rustix::fs::fstat(&source)?);
    let mode = if owned { pass_on_owner(&file, &own, &old) } else { permissions(&old) };
    #[cfg(target_os = "linux")]
    if !copy_extended_attributes(&source, &file) {
        // With an access list, the rights of the group are those of all its entries together.
        return Ok(mode - Mode::RWXG);
    }
    Ok(mode)
}

/// The mode of a copy. A copy with an owner of its own gets the group of a set-group-ID directory, as every new file.
#[cfg_attr(target_os = "macos", expect(clippy::useless_conversion, reason = "a mode is a u32 on Linux"))]
fn keep_of_copy(dir: BorrowedFd<'_>, file: &File, own: &Stat, copied: Copied) -> io::Result<Mode> {
    if !copied.owned {
        inherit_group(dir, file, own)?;
    }
    Ok(Mode::from_raw_mode(copied.permissions.into()) & PERMISSIONS)
}

/// Gives the file the group of a set-group-ID directory and the directory's default access list, as a file created in
/// the directory would have, and returns the mode.
fn inherit_from_dir(dir: BorrowedFd<'_>, file: &File, own: &Stat) -> io::Result<Mode> {
    inherit_group(dir, file, own)?;
    #[cfg(target_os = "linux")]
    if apply_default_acl(dir, file)? {
        return Ok(permissions(&rustix::fs::fstat(file)?) - EXECUTE);
    }
    Ok(permissions(own) - EXECUTE)
}

fn inherit_group(dir: BorrowedFd<'_>, file: &File, own: &Stat) -> io::Result<()> {
    let above = rustix::fs::fstat(dir)?;
    if Mode::from_raw_mode(above.st_mode).contains(Mode::SGID) && above.st_gid != own.st_gid {
        let _ = rustix::fs::fchown(file, None, Some(Gid::from_raw(above.st_gid)));
    }
    Ok(())
}

/// The modification time of `stat`; the time of the last access is not changed.
#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    reason = "the widths of these fields differ from one processor to the next"
)]
fn times_of(stat: &Stat) -> Timestamps {
    only_modified(Timespec { tv_sec: stat.st_mtime as i64, tv_nsec: (stat.st_mtime_nsec as u32).into() })
}

fn only_modified(last_modification: Timespec) -> Timestamps {
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification }
}

fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & PERMISSIONS
}

fn timespec(moment: Timestamp) -> Timespec {
    Timespec { tv_sec: moment.seconds(), tv_nsec: moment.subsecond_nanoseconds().into() }
}
