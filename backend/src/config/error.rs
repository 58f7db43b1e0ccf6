//! Why settings are refused.

use std::net::{IpAddr, SocketAddr};
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
        "Other machines can reach {0}, and there are no accounts. Say what everyone may do: --anonymous read (look and \
         download) or --anonymous write (also change files). Or serve this machine only: --http 127.0.0.1:{port}",
         port = .0.port()
    )]
    Open(SocketAddr),
    /// The framed protocol is not encrypted.
    #[error(
        "{0} is not an address of this machine alone. --tcp is not encrypted, so it takes a loopback address only, \
             such as 127.0.0.1:5555. Browsers connect to --http."
    )]
    Exposed(String),
    /// Both `--port` and `--http` name a port.
    #[error("--port {port} and --http {address} both name a port. Use one of them.")]
    TwoPorts {
        /// The port of `--port`.
        port: u16,
        /// The address of `--http`.
        address: String,
    },
    /// A name to listen on has no address.
    #[error("{name} has no address: {source}")]
    UnknownName {
        /// The name.
        name: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// `--host` has an address to listen on.
    #[error("--host is the name that browsers use for this server. To listen on {0}, use --http {shown}:8080.",
            shown = bracketed(.0))]
    HostToListenOn(IpAddr),
    /// A share beyond its bounds.
    #[error("http-client-percent must be 1 to 100, and is {0}")]
    Percent(u8),
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

fn bracketed(ip: &IpAddr) -> String {
    if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }
}
