//! The file server: the framed protocol in front of a storage. It alone says what a caller may reach, and it never hears
//! of HTTP or of accounts: a request brings a [`shared::Scope`], a connection a key, and the lower of the two counts.

mod authority;
mod blocking;
mod clock;
mod config;
mod connection;
mod digests;
mod dispatch;
mod entries;
mod folders;
mod jobs;
mod maintenance;
mod operations;
mod records;
mod state;
mod uploads;

pub use config::ServerConfig;
pub use connection::listener::{Ways, serve};
pub use connection::session::serve_connection;
pub use operations::send::{Sink, Socket};
pub use records::database::{Database, DatabaseError};
pub use state::Server;

pub use crate::storage::Durability;
