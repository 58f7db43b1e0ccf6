//! `struct stat` as [`Metadata`].

use rustix::fs::{Mode, Stat};
use shared::Timestamp;

use crate::storage::local::platform::metadata::{FileType, Identity, Metadata};

pub(super) fn file_type(file_type: rustix::fs::FileType) -> FileType {
    match file_type {
        rustix::fs::FileType::RegularFile => FileType::File,
        rustix::fs::FileType::Directory => FileType::Folder,
        rustix::fs::FileType::Symlink => FileType::Link,
        _ => FileType::Other,
    }
}

impl From<Stat> for Metadata {
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_cast,
        reason = "the widths of these fields differ from one processor to the next"
    )]
    fn from(stat: Stat) -> Self {
        Self {
            file_type: file_type(rustix::fs::FileType::from_raw_mode(stat.st_mode)),
            identity: Identity { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
            size: stat.st_size as u64,
            modified: Timestamp::from_parts(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: Timestamp::from_parts(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
            names: stat.st_nlink as u64,
            executable: Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR),
        }
    }
}
