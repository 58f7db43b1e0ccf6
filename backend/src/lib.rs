//! The modules of the server. An arrow means "may import"; `cargo xtask tidy` checks every file.
//!
//! ```text
//! storage ◀─ server ─▶ wire ◀─ client ◀─ gateway
//! run ─▶ all of them
//! ```
//!
//! - [`storage`] keeps files and knows nothing of networks.
//! - [`server`] serves the framed protocol on top of a storage and authorises every request.
//! - [`wire`] reads and writes frames, for both ends of a connection.
//! - [`client`] makes typed calls over a pool of framed connections.
//! - [`gateway`] speaks HTTP, and is a client of the file server.
//! - [`accounts`] knows people, what they may do, and how they prove who they are.
//!
//! Below them: [`admission`] shares what is scarce fairly between clients, [`page_cache`] asks the operating system
//! which parts of a file are in memory, [`transfer_budget`] limits the memory of transfers, `reserve` keeps a little
//! space of each disk, [`sockets`] sets up TCP connections, [`hangup`] receives a signal, [`lazy_timeout`], [`random`] and [`calendar`] serve every
//! module.
//!
//! Around them: [`cli`] and [`config`] define arguments and settings, [`commands`] are the client verbs, [`state`] is
//! the state directory, [`telemetry`] the log, [`run`] starts servers, and [`program`] is the command from its
//! arguments to its exit code.

#[cfg(feature = "program")]
pub mod accounts;
pub mod admission;
pub mod calendar;
#[cfg(feature = "program")]
pub mod cli;
pub mod client;
#[cfg(feature = "program")]
pub mod commands;
#[cfg(feature = "program")]
pub mod config;
#[cfg(feature = "program")]
pub mod gateway;
#[cfg(feature = "program")]
pub mod hangup;
pub mod lazy_timeout;
pub mod page_cache;
#[cfg(feature = "program")]
pub mod program;
pub mod random;
mod reserve;
#[cfg(feature = "program")]
pub mod run;
pub mod server;
pub mod sockets;
pub mod sparse;
#[cfg(feature = "program")]
pub mod state;
pub mod storage;
#[cfg(feature = "program")]
pub mod telemetry;
pub mod transfer_budget;
pub mod wire;
