//! Mode, owner, times and extended attributes of a new file.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, Uid};
use shared::Timestamp;

#[cfg(target_os = "linux")]
use super::extended::{apply_default_acl, copy_extended_attributes};
use crate::storage::Attributes;

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
    let mode = match replaced {
        Some(name) => inherit_from_file(dir, name, file, &own)?,
        None => inherit_from_dir(dir, file, &own)?,
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
    let mut mode = permissions(&old);
    if old.st_gid != own.st_gid && rustix::fs::fchown(file, None, Some(Gid::from_raw(old.st_gid))).is_err() {
        // The file keeps the server's group, which must not get the rights of the old one.
        mode -= Mode::RWXG;
    }
    if old.st_uid != own.st_uid {
        // Only root may change the owner; without it, the server owns the file and all other rights stay.
        let _ = rustix::fs::fchown(file, Some(Uid::from_raw(old.st_uid)), None);
    }
    #[cfg(target_os = "linux")]
    copy_extended_attributes(dir, name, file);
    Ok(mode)
}

/// Gives the file the group of a set-group-ID directory and the directory's default access list, as a file created in
/// the directory would have, and returns the mode.
fn inherit_from_dir(dir: BorrowedFd<'_>, file: &File, own: &Stat) -> io::Result<Mode> {
    let above = rustix::fs::fstat(dir)?;
    if Mode::from_raw_mode(above.st_mode).contains(Mode::SGID) && above.st_gid != own.st_gid {
        let _ = rustix::fs::fchown(file, None, Some(Gid::from_raw(above.st_gid)));
    }
    #[cfg(target_os = "linux")]
    if apply_default_acl(dir, file)? {
        return Ok(permissions(&rustix::fs::fstat(file)?) - EXECUTE);
    }
    Ok(permissions(own) - EXECUTE)
}

fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & PERMISSIONS
}

fn timespec(moment: Timestamp) -> Timespec {
    Timespec { tv_sec: moment.seconds(), tv_nsec: moment.subsecond_nanoseconds().into() }
}
