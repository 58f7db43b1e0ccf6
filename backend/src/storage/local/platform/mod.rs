//! The seam between policy and operating system: an open directory ([`Dir`]), an open file ([`DiskFile`]), and the
//! system calls behind them. Nothing here decides what a request may do, and no link is ever followed.

mod dir;
mod disk_file;
#[cfg(target_os = "linux")]
mod linux;
mod metadata;
mod notify;
mod portable;
mod std_file;
#[cfg(unix)]
mod unix;
mod volume;

pub(in crate::storage) use dir::{Dir, Node, SyncDir};
pub(in crate::storage) use disk_file::{DiskFile, read_full, write_full};
#[cfg(target_os = "linux")]
pub(in crate::storage) use linux::{LinuxDir, below_on_disk};
pub(in crate::storage) use metadata::{FileType, Identity, Metadata, unreadable_entry};
pub(in crate::storage) use portable::PortableDir;
pub(in crate::storage) use volume::VolumeId;
