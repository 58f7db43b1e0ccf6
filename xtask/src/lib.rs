//! What `xtask` and `bench` share: paths of the repository, child processes, and their end when a signal comes.

pub mod child;
#[cfg(target_os = "linux")]
pub mod processes;
pub mod repo;
pub mod stop;
