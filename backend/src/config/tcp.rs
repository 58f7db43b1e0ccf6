//! Settings of the file server: where the framed protocol is served, and its bounds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::bounds::{LIMITS, mebibytes, positive, seconds};
use super::error::ConfigError;
use super::listen::ListenAddress;
use crate::server::{Durability, ServerConfig};

/// The port of the framed protocol by default, on this machine only.
pub const TCP_PORT_DEFAULT: u16 = 5555;

/// When an upload is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityChoice {
    /// When it is on the disk: no crash loses it.
    Strict,
    /// When the operating system has it: faster, but a power failure may lose or tear uploads of the last half minute.
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
    /// Address for the commands (`ls`, `get`, `put`, …) and for `passerelle gateway`, on this machine only
    /// [default: 127.0.0.1:5555, or none if --unix is given; port 0 chooses a free port].
    #[arg(id = "tcp", long = "tcp", value_name = "ADDRESS:PORT", env = "PASSERELLE_TCP")]
    pub listen: Option<ListenAddress>,
    /// Also a Unix socket for the commands and for `passerelle gateway`, made at this path and open to this user only.
    /// Large files pass through it several times as fast.
    #[arg(long, value_name = "PATH", env = "PASSERELLE_UNIX")]
    pub unix: Option<PathBuf>,
    /// How many commands and gateways may be connected at once [default: 4096].
    #[arg(id = "tcp_connections_max", long = "tcp-connections-max", value_name = "N", help_heading = LIMITS)]
    pub connections_max: Option<usize>,
    /// A connection of a command or gateway without requests is closed after this many seconds [default: 120].
    #[arg(id = "tcp_idle_seconds", long = "tcp-idle-seconds", value_name = "N", help_heading = LIMITS)]
    pub idle_seconds: Option<u64>,
    /// Memory for the sorted names of large folders, in MiB [default: 256].
    #[arg(long, value_name = "MIB", help_heading = LIMITS)]
    pub listing_memory_mib: Option<usize>,
    /// Memory for folders that are being listed or walked, in MiB; one user has a quarter of it [default: 1024].
    #[arg(long, value_name = "MIB", help_heading = LIMITS)]
    pub reading_memory_mib: Option<usize>,
    /// Memory for running uploads, in MiB [default: 64].
    #[arg(id = "tcp_transfer_memory_mib", long = "tcp-transfer-memory-mib", value_name = "MIB", help_heading = LIMITS)]
    pub transfer_memory_mib: Option<usize>,
    /// When an upload counts as done [default: strict].
    #[arg(long, value_name = "WHEN", env = "PASSERELLE_DURABILITY")]
    pub durability: Option<DurabilityChoice>,
    /// Unfinished uploads are deleted after this time, in seconds [default: 604800, a week].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub upload_expiry_seconds: Option<u64>,
    /// Most unfinished uploads of one user; all visitors together count as one user [default: 10000].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub unfinished_uploads_max: Option<usize>,
    /// Most bytes that the unfinished uploads of one user hold, 0 for no limit [default: 1099511627776, one TiB].
    #[arg(long, value_name = "BYTES", help_heading = LIMITS)]
    pub unfinished_bytes_max: Option<u64>,
    /// Items in the trash are deleted after this time, in seconds [default: 2592000, thirty days].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub trash_expiry_seconds: Option<u64>,
    /// How long the system clock must have run evenly before uploads, changes and the trash expire, in seconds [default:
    /// 3600, an hour].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub clock_steady_seconds: Option<u64>,
    /// Most bytes of replaced files in the trash of each disk; beyond that the oldest are deleted first, of users who
    /// have replaced more than their share. 0 keeps none [default: 10737418240, ten GiB].
    #[arg(long, value_name = "BYTES")]
    pub trash_bytes_max: Option<u64>,
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
    /// [`ConfigError::Exposed`], [`ConfigError::UnknownName`] and [`ConfigError::Zero`].
    pub fn resolve(self, file: &Self) -> Result<TcpConfig, ConfigError> {
        let file = file.clone();
        let unix = self.unix.or(file.unix);
        let default = || unix.is_none().then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, TCP_PORT_DEFAULT)).into());
        let listen = self.listen.or(file.listen).or_else(default).map(loopback).transpose()?;
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
            listed_bytes_max: positive(
                self.reading_memory_mib.or(file.reading_memory_mib),
                (default.listed_bytes_max >> 20) as usize,
                "reading-memory-mib",
            )
            .map(|mebibytes| (mebibytes as u64).saturating_mul(1 << 20))?,
            transfer_bytes_max: mebibytes(
                self.transfer_memory_mib.or(file.transfer_memory_mib),
                default.transfer_bytes_max,
            ),
            upload_expiry: seconds(
                self.upload_expiry_seconds.or(file.upload_expiry_seconds),
                default.upload_expiry,
                "upload-expiry-seconds",
            )?,
            unfinished_uploads_max: positive(
                self.unfinished_uploads_max.or(file.unfinished_uploads_max),
                default.unfinished_uploads_max,
                "unfinished-uploads-max",
            )?,
            unfinished_bytes_max: self
                .unfinished_bytes_max
                .or(file.unfinished_bytes_max)
                .unwrap_or(default.unfinished_bytes_max),
            trash_expiry: seconds(
                self.trash_expiry_seconds.or(file.trash_expiry_seconds),
                default.trash_expiry,
                "trash-expiry-seconds",
            )?,
            clock_steady_time: self
                .clock_steady_seconds
                .or(file.clock_steady_seconds)
                .map_or(default.clock_steady_time, Duration::from_secs),
            trash_bytes_max: self.trash_bytes_max.or(file.trash_bytes_max).unwrap_or(default.trash_bytes_max),
            durability: self.durability.or(file.durability).map_or(default.durability, Durability::from),
            ..default
        };
        Ok(TcpConfig { listen, unix, server })
    }
}

/// The loopback address that was typed. Of `localhost`, the one that clients try by default.
fn loopback(typed: ListenAddress) -> Result<SocketAddr, ConfigError> {
    match &*typed.bindings(TCP_PORT_DEFAULT)? {
        [binding, ..] if binding.is_local() => Ok(binding.first()),
        _ => Err(ConfigError::Exposed(typed.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> TcpSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn memory_for_listings_is_at_least_a_mebibyte() {
        let bytes =
            |text: &str| TcpSettings::default().resolve(&file(text)).map(|config| config.server.listed_bytes_max);
        assert!(matches!(bytes("reading-memory-mib = 0"), Err(ConfigError::Zero("reading-memory-mib"))));
        assert_eq!(bytes("reading-memory-mib = 3").unwrap(), 3 << 20);
        assert_eq!(bytes("").unwrap(), ServerConfig::default().listed_bytes_max);
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
        let resolved = |typed: &str| {
            let settings = TcpSettings { listen: Some(typed.parse().unwrap()), ..TcpSettings::default() };
            settings.resolve(&TcpSettings::default()).map(|config| config.listen.unwrap().to_string())
        };
        for exposed in ["0.0.0.0:1", ":1", "*", "192.168.1.5"] {
            assert!(matches!(resolved(exposed), Err(ConfigError::Exposed(_))), "{exposed}");
        }
        for (typed, address) in [("localhost", "127.0.0.1:5555"), ("1", "127.0.0.1:1"), ("[::1]:2", "[::1]:2")] {
            assert_eq!(resolved(typed).unwrap(), address);
        }
    }
}
