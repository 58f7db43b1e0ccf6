//! The instruments of `speed` and `load`: test data, HTTP clients, servers as processes, and their time and memory.

pub(crate) mod client;
pub(crate) mod data;
pub(crate) mod engine;
pub(crate) mod machine;
pub(crate) mod peers;
pub(crate) mod server;
pub(crate) mod statistics;
pub(crate) mod verdict;
