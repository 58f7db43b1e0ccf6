//! Extended attributes and access lists on Linux.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{Mode, OFlags, XattrFlags, fgetxattr, flistxattr, fsetxattr};

/// Longest attribute, and longest list of names, in bytes (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const EXTENDED_BYTES_MAX: usize = 64 << 10;

/// The access list of a file (POSIX.1e).
const ACCESS_LIST: &[u8] = b"system.posix_acl_access";

/// Copies the attributes of users and programs and the access list of a file that is replaced, as far as this process may. Capabilities are left
/// out, as set-user-ID is.
pub(super) fn inherit_extended_attributes(dir: BorrowedFd<'_>, name: &[u8], file: &File) {
    // A process that may not read the old file may not read its attributes either.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(old) = rustix::fs::openat(dir, name, flags, Mode::empty()) else { return };
    copy_named(old, file, is_passed_on);
}

/// Copies the attributes of users and programs and the access lists of a file or directory, as far as this process may.
/// False if there is an access list that could not be copied.
pub(super) fn copy_extended_attributes(source: impl AsFd, file: impl AsFd) -> bool {
    copy_named(source, file, is_copied)
}

/// Copies the attributes whose names `wanted` accepts. False if there is an access list that could not be copied.
fn copy_named(source: impl AsFd, file: impl AsFd, wanted: fn(&[u8]) -> bool) -> bool {
    let mut names = vec![0; EXTENDED_BYTES_MAX];
    let Ok(length) = flistxattr(&source, &mut names[..]) else { return true };
    let mut value = vec![0; EXTENDED_BYTES_MAX];
    let mut complete = true;
    for name in names[..length].split(|&byte| byte == 0).filter(|name| wanted(name)) {
        let copied = fgetxattr(&source, name, &mut value[..])
            .and_then(|length| fsetxattr(&file, name, &value[..length], XattrFlags::empty()));
        complete &= copied.is_ok() || name != ACCESS_LIST;
    }
    complete
}

/// What a copy has of the original: nothing of the kernel's security modules, nothing of the administrator's.
fn is_copied(name: &[u8]) -> bool {
    name.starts_with(b"user.")
        || name == ACCESS_LIST
        || matches!(name, b"system.posix_acl_default" | b"system.nfs4_acl")
}

fn is_passed_on(name: &[u8]) -> bool {
    name.starts_with(b"user.") || matches!(name, b"system.posix_acl_access" | b"security.selinux")
}

/// Gives the file the default access list of its directory, in place of the umask (POSIX.1e). False if there is none.
pub(super) fn apply_default_acl(dir: BorrowedFd<'_>, file: &File) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = rustix::fs::openat(dir, c".", flags, Mode::empty())?;
    let mut list = vec![0; EXTENDED_BYTES_MAX];
    let Ok(length) = fgetxattr(&readable, c"system.posix_acl_default", &mut list[..]) else { return Ok(false) };
    Ok(fsetxattr(file, c"system.posix_acl_access", &list[..length], XattrFlags::empty()).is_ok())
}
