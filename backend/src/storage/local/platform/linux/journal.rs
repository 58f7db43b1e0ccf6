//! File systems that write all changes of metadata to one log, in their order.

use std::fs::{read_dir, read_link};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{fstat, fstatfs, major, minor};

/// `statfs.f_type` of ext2, ext3 and ext4 (`EXT4_SUPER_MAGIC`).
const EXT: u64 = 0xEF53;
/// `statfs.f_type` of XFS (`XFS_SUPER_MAGIC`).
const XFS: u64 = 0x5846_5342;
/// The kernel names a directory here for each file system with a journal of its own: the device, and the journal's inode.
const JOURNALS: &str = "/proc/fs/jbd2";
/// Links by device number; the last name in the target is the device's.
const DEVICES: &str = "/sys/dev/block";

/// See [`crate::storage::local::platform::Dir::orders_names`]. `fsync` on XFS forces the log up to the last change of the
/// file or folder, on ext3 and ext4 it commits that change's transaction; both include each earlier change. Btrfs logs single
/// files instead, and so does nothing here.
pub(super) fn orders_names(dir: impl AsFd) -> bool {
    let Ok(system) = fstatfs(&dir) else { return false };
    // The width of the field differs from one processor to the next; the numbers have 32 bits.
    match (system.f_type as u64) & 0xFFFF_FFFF {
        XFS => true,
        EXT => fstat(&dir).is_ok_and(|stat| has_journal(major(stat.st_dev), minor(stat.st_dev))),
        _ => false,
    }
}

/// Whether the ext file system on a device has a journal, without which `fsync` writes one file alone.
fn has_journal(major: u32, minor: u32) -> bool {
    let Ok(device) = read_link(format!("{DEVICES}/{major}:{minor}")) else { return false };
    let (Some(device), Ok(mut journals)) = (device.file_name(), read_dir(JOURNALS)) else { return false };
    let device = device.as_bytes();
    let is_its_own = |name: &[u8]| name.strip_prefix(device).is_some_and(|rest| rest.starts_with(b"-"));
    journals.any(|journal| journal.is_ok_and(|journal| is_its_own(journal.file_name().as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_system_without_a_log_orders_nothing() {
        assert!(!orders_names(File::open("/proc").unwrap()));
    }
}
