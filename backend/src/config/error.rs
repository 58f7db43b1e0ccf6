//! Why settings are refused.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why no server can be started with the given settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration file is missing or not readable.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The configuration file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The configuration file is not TOML, or has a setting that does not exist.
    #[error("the configuration file {} is invalid: {source}", path.display())]
    Malformed {
        /// The configuration file.
        path: PathBuf,
        /// The parser's error, with the line.
        source: Box<toml::de::Error>,
    },
    /// Without accounts, everyone who can reach the address would have access.
    #[error(
        "{0} can be reached from other machines, and there are no accounts: set what everyone may do with \
         --anonymous read or --anonymous write, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// The framed protocol is not encrypted.
    #[error("the framed protocol is not encrypted, so it is served on loopback only: {0} is not a loopback address")]
    Exposed(SocketAddr),
    /// A number below its minimum.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// Only one of certificate and key is given.
    #[error("--tls-cert and --tls-key go together: {0} is missing")]
    HalfTls(&'static str),
    /// A value of `cors` is not an origin.
    #[error("`{0}` is not an origin: it consists of scheme, host and optional port, such as https://files.example.org")]
    Origin(String),
}
