//! What `bench` and `load` measure with: files to serve, HTTP clients, servers as processes, and the kernel's word on what
//! they took.

pub(crate) mod client;
pub(crate) mod data;
pub(crate) mod engine;
pub(crate) mod machine;
pub(crate) mod peers;
pub(crate) mod server;
pub(crate) mod statistics;
pub(crate) mod verdict;
