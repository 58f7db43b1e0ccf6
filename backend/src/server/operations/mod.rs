//! The operations that change nothing, a file or folder each.

pub(super) mod digest;
pub(super) mod get;
pub(super) mod list;
mod send;
#[cfg(target_os = "linux")]
mod sendfile;
pub(super) mod stat;
pub(super) mod trash;
pub(super) mod walk;
pub(super) mod watch;
