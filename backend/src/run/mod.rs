//! Starts the servers from their settings: opens what they listen on, connects gateway and file server, announces the
//! addresses, and stops HTTP first and the file server after it. The only module that imports all others.

mod addresses;
mod announce;
mod error;
mod keys;
mod listeners;
#[cfg(unix)]
mod open_files;
mod serve;
mod signals;
mod welcome;

pub use error::RunError;
pub use serve::{serve, serve_gateway, serve_storage};
pub use signals::stop_at_signals;
