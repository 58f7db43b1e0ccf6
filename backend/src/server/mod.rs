//! The file server: the framed protocol in front of a storage. It alone decides what a caller may reach, and knows
//! neither HTTP nor accounts: a request brings a [`shared::Scope`], a connection proves a key, and a request gets the
//! rights that both have.
//!
//! - `connection` accepts, authenticates and serves;
//! - `exchange` is what an operation sees of its connection: the request's body, the answer, the client's signals;
//! - `operations` finds and runs the operation of a request; those with state of their own are in `list`, `watch`,
//!   `uploads` (which receive bytes) and `jobs` (which carry out changes);
//! - `records` is the database; `maintenance` recovers at the start and removes what has expired.

mod admissions;
mod authority;
mod blocking;
mod ceiling;
mod clock;
mod clock_trust;
mod config;
mod connection;
mod counted_memory;
mod digests;
mod entries;
mod error;
mod exchange;
mod folders;
mod health;
mod jobs;
mod kept_files;
mod keys;
mod list;
mod maintenance;
mod operations;
mod peer;
mod readings;
mod records;
mod state;
mod turns;
mod uploads;
mod watch;

pub use config::ServerConfig;
pub use connection::listener::{Listeners, serve};
pub use connection::session::serve_connection;
pub use exchange::sink::{Sink, Socket};
pub use keys::ServerKey;
pub use records::database::Database;
pub use records::error::DatabaseError;
pub use state::Server;

pub use crate::storage::Durability;
