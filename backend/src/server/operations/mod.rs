//! The operations that change nothing, a file each.

pub(in crate::server) mod digest;
pub(in crate::server) mod get;
pub(in crate::server) mod list;
pub(in crate::server) mod send;
#[cfg(target_os = "linux")]
pub(in crate::server) mod sendfile;
pub(in crate::server) mod trash;
pub(in crate::server) mod walk;
pub(in crate::server) mod watch;
