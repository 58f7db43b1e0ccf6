//! Settings of the file server: where the framed protocol is served, and its bounds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::bounds::{mebibytes, positive, seconds};
use super::error::ConfigError;
use crate::server::{Durability, ServerConfig};

/// Where the framed protocol is served by default.
pub const TCP_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5555);

/// When an upload is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityChoice {
    /// After it is on the disk: no crash loses it.
    Strict,
    /// After it is in the operating system's cache. A crash of the server loses nothing; after a crash of the machine,
    /// uploads of the last half minute may be missing, empty or torn.
    Relaxed,
}

impl From<DurabilityChoice> for Durability {
    fn from(choice: DurabilityChoice) -> Self {
        match choice {
            DurabilityChoice::Strict => Self::Strict,
            DurabilityChoice::Relaxed => Self::Relaxed,
        }
    }
}

/// Settings of the file server: section `[tcp]` of the file.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TcpSettings {
    /// Address on which to serve the framed protocol; loopback only [default: 127.0.0.1:5555, or none if --unix is
    /// given; port 0 chooses a free port].
    #[arg(id = "tcp", long = "tcp", value_name = "ADDR", env = "PASSERELLE_TCP")]
    pub listen: Option<SocketAddr>,
    /// Also serve the framed protocol on a Unix socket, created at this path and accessible to this user only. A
    /// gateway on the same machine sends large files several times as fast over it.
    #[arg(long, value_name = "PATH", env = "PASSERELLE_UNIX")]
    pub unix: Option<PathBuf>,
    /// Maximum number of framed connections [default: 2048].
    #[arg(id = "tcp_connections_max", long = "tcp-connections-max", value_name = "N")]
    pub connections_max: Option<usize>,
    /// Seconds a framed connection may be idle [default: 120].
    #[arg(id = "tcp_idle_seconds", long = "tcp-idle-seconds", value_name = "N")]
    pub idle_seconds: Option<u64>,
    /// Memory for sorted listings that clients page through, in MiB [default: 256].
    #[arg(long, value_name = "MIB")]
    pub listing_memory_mib: Option<usize>,
    /// Memory for upload buffers, in MiB: with more simultaneous uploads, each gets a smaller one [default: 64].
    #[arg(id = "tcp_transfer_memory_mib", long = "tcp-transfer-memory-mib", value_name = "MIB")]
    pub transfer_memory_mib: Option<usize>,
    /// When to acknowledge an upload [default: strict].
    #[arg(long, value_name = "WHEN", env = "PASSERELLE_DURABILITY")]
    pub durability: Option<DurabilityChoice>,
    /// Seconds after which an unfinished upload without progress is deleted [default: 604800, a week].
    #[arg(long, value_name = "N")]
    pub upload_expiry_seconds: Option<u64>,
    /// Seconds after which items in the trash are deleted [default: 2592000, thirty days].
    #[arg(long, value_name = "N")]
    pub trash_expiry_seconds: Option<u64>,
}

/// Complete settings of the file server.
#[derive(Clone, Debug)]
pub struct TcpConfig {
    /// TCP address to listen on. `None` for a Unix socket only.
    pub listen: Option<SocketAddr>,
    /// Path of the Unix socket to listen on. `None` for TCP only.
    pub unix: Option<PathBuf>,
    /// Bounds and times of the file server.
    pub server: ServerConfig,
}

impl TcpSettings {
    /// Completes the settings from the file's section, then from defaults.
    ///
    /// # Errors
    /// [`ConfigError::Exposed`] and [`ConfigError::Zero`].
    pub fn resolve(self, file: &Self) -> Result<TcpConfig, ConfigError> {
        let file = file.clone();
        let unix = self.unix.or(file.unix);
        let listen = self.listen.or(file.listen).or(unix.is_none().then_some(TCP_DEFAULT));
        if let Some(exposed) = listen.filter(|address| !address.ip().is_loopback()) {
            return Err(ConfigError::Exposed(exposed));
        }
        let default = ServerConfig::default();
        let server = ServerConfig {
            connections_max: positive(
                self.connections_max.or(file.connections_max),
                default.connections_max,
                "tcp-connections-max",
            )?,
            idle_time: seconds(self.idle_seconds.or(file.idle_seconds), default.idle_time, "tcp-idle-seconds")?,
            snapshot_bytes_max: mebibytes(
                self.listing_memory_mib.or(file.listing_memory_mib),
                default.snapshot_bytes_max,
            ),
            transfer_bytes_max: mebibytes(
                self.transfer_memory_mib.or(file.transfer_memory_mib),
                default.transfer_bytes_max,
            ),
            upload_expiry: seconds(
                self.upload_expiry_seconds.or(file.upload_expiry_seconds),
                default.upload_expiry,
                "upload-expiry-seconds",
            )?,
            trash_expiry: seconds(
                self.trash_expiry_seconds.or(file.trash_expiry_seconds),
                default.trash_expiry,
                "trash-expiry-seconds",
            )?,
            durability: self.durability.or(file.durability).map_or(default.durability, Durability::from),
            ..default
        };
        Ok(TcpConfig { listen, unix, server })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> TcpSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn uploads_are_durable_by_default() {
        let durability = |settings: TcpSettings, text| settings.resolve(&file(text)).unwrap().server.durability;
        assert_eq!(durability(TcpSettings::default(), ""), Durability::Strict);
        let relaxed = "durability = 'relaxed'\n";
        assert_eq!(durability(TcpSettings::default(), relaxed), Durability::Relaxed);
        let strict = TcpSettings { durability: Some(DurabilityChoice::Strict), ..TcpSettings::default() };
        assert_eq!(durability(strict, relaxed), Durability::Strict);
        assert!(toml::from_str::<TcpSettings>("durability = 'none'").is_err());
    }

    #[test]
    fn a_unix_socket_replaces_the_default_address() {
        let resolved = |settings: TcpSettings, text| {
            let TcpConfig { listen, unix, .. } = settings.resolve(&file(text)).unwrap();
            (listen.map(|address| address.port()), unix)
        };
        assert_eq!(resolved(TcpSettings::default(), ""), (Some(5555), None));
        assert_eq!(resolved(TcpSettings::default(), "unix = '/a'\n"), (None, Some("/a".into())));
        let both = "unix = '/a'\nlisten = '127.0.0.1:1'\n";
        assert_eq!(resolved(TcpSettings::default(), both), (Some(1), Some("/a".into())));
        let flag = TcpSettings { unix: Some("b".into()), ..TcpSettings::default() };
        assert_eq!(resolved(flag, both), (Some(1), Some("b".into())));
    }

    #[test]
    fn an_address_beyond_loopback_is_refused() {
        let exposed = TcpSettings { listen: Some(([0, 0, 0, 0], 1).into()), ..TcpSettings::default() };
        assert!(matches!(exposed.resolve(&TcpSettings::default()), Err(ConfigError::Exposed(_))));
    }
}
