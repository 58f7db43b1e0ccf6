//! Why a server did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::gateway::TlsError;
use crate::server::DatabaseError;
use crate::state::StateError;
use crate::storage::StorageError;
use crate::wire::{KeyError, UnixListenError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be served.
    #[error("{} cannot be served: {reason}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The storage's error.
        reason: StorageError,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}{}", hint(source, *address))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The Unix socket cannot be listened on.
    #[error(transparent)]
    Unix(#[from] UnixListenError),
    /// Certificate or key cannot be used.
    #[error("no HTTPS: {0}")]
    Tls(#[from] TlsError),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file server's database cannot be opened. It is never replaced by an empty one.
    #[error(transparent)]
    Records(#[from] DatabaseError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn hint(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(" (port 0 chooses a free one: {}:0)", address.ip()),
        _ => String::new(),
    }
}
