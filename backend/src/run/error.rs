//! Why a server did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use shared::ErrorCode;

use crate::gateway::TlsError;
use crate::server::DatabaseError;
use crate::state::StateError;
use crate::storage::StorageError;
use crate::wire::{KeyError, UnixListenError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be served.
    #[error("{}", folder_sentence(&folder.display().to_string(), reason))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The storage's error.
        reason: StorageError,
    },
    /// The address cannot be listened on.
    #[error("{}", listen_sentence(*address, option, source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The option that names it.
        option: &'static str,
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

fn folder_sentence(folder: &str, reason: &StorageError) -> String {
    match reason.code {
        // `python -m http.server 8000` and others take the port in this place.
        ErrorCode::NotFound if folder.parse::<u16>().is_ok() => {
            format!("There is no folder {folder}. To choose the port: --port {folder}")
        }
        ErrorCode::NotFound => format!("There is no folder {folder}."),
        ErrorCode::NotFolder => format!("{folder} is not a folder. Name the folder that contains it."),
        ErrorCode::AccessDenied => format!("This user has no right to open {folder}."),
        _ => format!("{folder} cannot be served: {reason}"),
    }
}

fn listen_sentence(address: SocketAddr, option: &str, error: &io::Error) -> String {
    let (ip, port) = (address.ip(), address.port());
    let with_port = |port| SocketAddr::new(ip, port);
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("Another program uses {address}. Choose another port: {option} {} takes a free one.", with_port(0))
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "This user has no right to listen on port {port}. Choose one from 1024 on: {option} {}",
                with_port(8080)
            )
        }
        io::ErrorKind::AddrNotAvailable => format!("This machine does not have the address {ip}."),
        _ => format!("{address} cannot be listened on: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_served_is_named_with_the_cause() {
        let check = |code, expected: &str| {
            let reason = StorageError::new(code, "why");
            assert_eq!(RunError::Folder { folder: "/nope".into(), reason }.to_string(), expected);
        };
        check(ErrorCode::NotFound, "There is no folder /nope.");
        check(ErrorCode::NotFolder, "/nope is not a folder. Name the folder that contains it.");
        check(ErrorCode::AccessDenied, "This user has no right to open /nope.");
    }

    #[test]
    fn an_address_that_cannot_be_listened_on_comes_with_another_one() {
        let check = |option, kind: io::ErrorKind, expected: &str| {
            let address = SocketAddr::from(([127, 0, 0, 1], 80));
            assert_eq!(RunError::Listen { address, option, source: kind.into() }.to_string(), expected);
        };
        let in_use = "Another program uses 127.0.0.1:80. Choose another port: --tcp 127.0.0.1:0 takes a free one.";
        check("--tcp", io::ErrorKind::AddrInUse, in_use);
        let denied = "This user has no right to listen on port 80. Choose one from 1024 on: --http 127.0.0.1:8080";
        check("--http", io::ErrorKind::PermissionDenied, denied);
        check("--http", io::ErrorKind::AddrNotAvailable, "This machine does not have the address 127.0.0.1.");
    }
}
