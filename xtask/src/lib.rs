//! Shared by `xtask` and `bench`: paths of the repository, child processes, and their end at a signal.

pub mod child;
#[cfg(target_os = "linux")]
pub mod processes;
pub mod repo;
pub mod stop;
