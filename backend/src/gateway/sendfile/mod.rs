//! File bodies that the system sends from the page cache by `sendfile(2)`, without copying them into the process.

pub(super) mod body;
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub(super) mod queue;
#[cfg(target_os = "linux")]
pub(super) mod stream;
