//! Connections over a Unix socket, for two processes on one machine: the same bytes as over TCP, and open files beside
//! them. Systems that have no such sockets get types without values, so that nobody else has to ask.

#[cfg(not(unix))]
mod absent;
#[cfg(unix)]
mod listener;
#[cfg(unix)]
mod stream;

#[cfg(not(unix))]
pub(super) use absent::connect;
#[cfg(not(unix))]
pub use absent::{UnixListener, UnixReader, UnixWriter};
#[cfg(unix)]
pub use listener::UnixListener;
#[cfg(unix)]
pub(super) use stream::connect;
#[cfg(unix)]
pub use stream::{UnixReader, UnixWriter};

use std::path::PathBuf;

/// Why nothing listens on a Unix socket.
#[derive(Debug, thiserror::Error)]
pub enum UnixListenError {
    /// The system keeps addresses in a few bytes.
    #[error("the path {} is too long for a Unix socket: {max} bytes at most", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
        /// How long one may be, in bytes.
        max: usize,
    },
    /// Another server is there.
    #[error("somebody listens on {} already: stop it, or choose another path", .0.display())]
    InUse(PathBuf),
    /// Nothing of ours, so it stays.
    #[error("{} is there already, and is no socket", .0.display())]
    Occupied(PathBuf),
    /// The operating system says no.
    #[error("{} cannot be listened on: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
