//! Map of the rooms. An arrow means "may import"; `cargo xtask tidy` holds every file to it.
//!
//! ```text
//! storage ◀─ server ─▶ wire ◀─ client ◀─ gateway
//! run ─▶ all of them
//! ```
//!
//! - [`storage`] keeps files and knows nothing of networks.
//! - [`server`] speaks the framed protocol over a storage and authorises every request.
//! - [`wire`] turns bytes into frames and frames into bytes, for both ends of a connection.
//! - [`client`] makes typed calls over a pool of framed connections.
//! - [`gateway`] speaks HTTP, and is itself a client of the file server.
//!
//! Below them: [`page_cache`] asks the system what of a file is in memory, [`transfer_budget`] bounds the memory of
//! transfers, [`sockets`] sets up TCP connections, [`random`] and [`calendar`] serve every room.
//!
//! Around them: [`cli`] and [`config`] say what a person may ask for, [`commands`] are the client verbs, [`state`] is the
//! server's own directory, [`run`] wires the rooms together, [`program`] is the command from its arguments to its exit code.

pub mod storage;

pub mod wire;

pub mod calendar;
pub mod lazy_timeout;
pub mod page_cache;
pub mod random;
pub mod sockets;
pub mod transfer_budget;

pub mod server;

pub mod client;

pub mod gateway;

pub mod state;

pub mod config;

pub mod cli;

pub mod commands;

pub mod telemetry;

pub mod run;

pub mod program;
