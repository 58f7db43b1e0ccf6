//! Why a Unix socket cannot be opened for listening.

use std::path::PathBuf;

/// Why a Unix socket cannot be opened for listening.
#[derive(Debug, thiserror::Error)]
pub enum UnixListenError {
    /// The path does not fit into the address of a socket.
    #[error("the path {} is too long for a Unix socket: {max} bytes at most", path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Longest path in bytes.
        max: usize,
    },
    /// Another process listens there.
    #[error("another process listens on {} already: stop it, or choose another path", .0.display())]
    InUse(PathBuf),
    /// Another kind of file is there, and is kept.
    #[error("{} exists and is no socket", .0.display())]
    Occupied(PathBuf),
    /// A system call failed.
    #[error("cannot listen on {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
}
