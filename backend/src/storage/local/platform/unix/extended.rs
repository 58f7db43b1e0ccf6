//! Extended attributes and access lists on Linux.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags, XattrFlags, fgetxattr, flistxattr, fsetxattr};

/// Longest attribute, and longest list of names, in bytes (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const EXTENDED_BYTES_MAX: usize = 64 << 10;

/// Copies the attributes of users and programs and the access list, as far as this process may. Capabilities are left
/// out, as set-user-ID is.
pub(super) fn copy_extended_attributes(dir: BorrowedFd<'_>, name: &[u8], file: &File) {
    // A process that may not read the old file may not read its attributes either.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(old) = rustix::fs::openat(dir, name, flags, Mode::empty()) else { return };
    let mut names = vec![0; EXTENDED_BYTES_MAX];
    let Ok(length) = flistxattr(&old, &mut names[..]) else { return };
    let mut value = vec![0; EXTENDED_BYTES_MAX];
    for name in names[..length].split(|&byte| byte == 0).filter(|name| is_passed_on(name)) {
        if let Ok(length) = fgetxattr(&old, name, &mut value[..]) {
            let _ = fsetxattr(file, name, &value[..length], XattrFlags::empty());
        }
    }
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
