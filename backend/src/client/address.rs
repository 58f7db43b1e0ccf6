//! Where a file server is, and with which key to connect.

use std::fmt;
use std::path::PathBuf;

use crate::wire::{InProcessConnector, Key};

/// Where a file server listens.
#[derive(Clone, Debug)]
pub enum ServerAddress {
    /// TCP, at `host:port`.
    Tcp(String),
    /// A Unix socket on this machine.
    Unix(PathBuf),
    /// In this process.
    InProcess(InProcessConnector),
}

/// A file server and the key for it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: ServerAddress,
    /// The key that both sides hold.
    pub key: Key,
}

/// The prefix of an address that is the path of a Unix socket.
const UNIX_SCHEME: &str = "unix:";

impl ServerAddress {
    /// Parses `unix:PATH`; every other text is `host:port`.
    pub fn parse(address: &str) -> Self {
        match address.strip_prefix(UNIX_SCHEME) {
            Some(path) => Self::Unix(path.into()),
            None => Self::Tcp(address.to_owned()),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => formatter.write_str(address),
            Self::Unix(path) => write!(formatter, "{UNIX_SCHEME}{}", path.display()),
            Self::InProcess(_) => formatter.write_str("the file server in this process"),
        }
    }
}

impl Target {
    /// A file server over TCP at `host:port`.
    pub fn tcp(address: impl Into<String>, key: Key) -> Self {
        Self { address: ServerAddress::Tcp(address.into()), key }
    }

    /// The file server in this process.
    pub fn in_process(connector: InProcessConnector, key: Key) -> Self {
        Self { address: ServerAddress::InProcess(connector), key }
    }
}
