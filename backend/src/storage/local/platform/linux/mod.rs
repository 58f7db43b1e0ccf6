//! Linux: directory handles by `O_PATH` and `openat2`, copies inside the kernel, inotify.

mod dir;
mod file;
mod inotify;
mod journal;
mod metadata;
mod mounts;
mod open;

pub(in crate::storage) use dir::LinuxDir;
pub(super) use file::{clone_whole, copy_in_kernel, data_range, start_writeback};
pub(in crate::storage) use mounts::below_on_disk;
