//! Settings of the gateway: where HTTP is served, to whom, and its bounds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::bounds::{mebibytes, positive, seconds};
use super::error::ConfigError;
use crate::gateway::{Anonymous, GatewayConfig, TlsFiles};
use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// Where HTTP is served by default.
pub const HTTP_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// What a user without an account may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnonymousRight {
    /// List and download.
    Read,
    /// Also change files.
    Write,
}

impl From<AnonymousRight> for Anonymous {
    fn from(right: AnonymousRight) -> Self {
        match right {
            AnonymousRight::Read => Self::Read,
            AnonymousRight::Write => Self::Write,
        }
    }
}

/// Settings of the gateway: section `[http]` of the file.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpSettings {
    /// Address on which to serve HTTP [default: 127.0.0.1:8080; port 0 chooses a free port].
    #[arg(id = "http", long = "http", value_name = "ADDR", env = "PASSERELLE_HTTP")]
    pub listen: Option<SocketAddr>,
    /// Serve HTTPS with this certificate: PEM, with its chain. The file is read again when it changes.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate: PEM, not encrypted.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// What everyone may do without an account [default on loopback: read; required elsewhere].
    #[arg(long, value_name = "RIGHT", env = "PASSERELLE_ANONYMOUS")]
    pub anonymous: Option<AnonymousRight>,
    /// Host name under which browsers reach this server, besides localhost and IP addresses; may be repeated.
    #[arg(id = "host", long = "host", value_name = "NAME", env = "PASSERELLE_HOSTS", value_delimiter = ',')]
    pub hosts: Option<Vec<String>>,
    /// Origin whose pages may use the API (CORS), such as `https://files.example.org`; may be repeated.
    #[arg(id = "cors", long = "cors", value_name = "ORIGIN", env = "PASSERELLE_CORS", value_delimiter = ',')]
    pub cors: Option<Vec<String>>,
    /// Name of the served folder on the page [default: the folder's own name].
    #[arg(long, value_name = "TEXT", env = "PASSERELLE_NAME")]
    pub name: Option<String>,
    /// Maximum number of HTTP connections [default: 4096].
    #[arg(id = "http_connections_max", long = "http-connections-max", value_name = "N")]
    pub connections_max: Option<usize>,
    /// Seconds a client may take to send the headers of a request [default: 15].
    #[arg(id = "http_header_seconds", long = "http-header-seconds", value_name = "N")]
    pub header_seconds: Option<u64>,
    /// Seconds a connection may be idle between requests [default: 75].
    #[arg(id = "http_idle_seconds", long = "http-idle-seconds", value_name = "N")]
    pub idle_seconds: Option<u64>,
    /// Maximum size of an uploaded file, in bytes [default: 0, no limit].
    #[arg(long, value_name = "N", env = "PASSERELLE_UPLOAD_BYTES_MAX")]
    pub upload_bytes_max: Option<u64>,
    /// Seconds without progress after which a download or an upload is aborted [default: 300].
    #[arg(id = "http_stall_seconds", long = "http-stall-seconds", value_name = "N")]
    pub stall_seconds: Option<u64>,
    /// Maximum number of event streams, one for each page that shows a folder [default: 1024].
    #[arg(long, value_name = "N")]
    pub event_streams_max: Option<usize>,
    /// Memory for archives, as a number of file lists of maximum length: 128 MiB each [default: 8].
    #[arg(long, value_name = "N")]
    pub archives_max: Option<usize>,
    /// Memory for transfer buffers of the gateway, in MiB: with more simultaneous transfers, each gets a smaller one
    /// [default: 64].
    #[arg(id = "http_transfer_memory_mib", long = "http-transfer-memory-mib", value_name = "MIB")]
    pub transfer_memory_mib: Option<usize>,
}

/// Complete settings of the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Certificate and key. `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Bounds, times and rights of the gateway. Its `name` is empty unless one was given.
    pub gateway: GatewayConfig,
    /// Memory for transfer buffers, in bytes.
    pub transfer_bytes_max: usize,
}

impl HttpSettings {
    /// Completes the settings from the file's section, then from defaults.
    ///
    /// # Errors
    /// [`ConfigError::Open`], [`ConfigError::HalfTls`], [`ConfigError::Origin`] and [`ConfigError::Zero`].
    pub fn resolve(self, file: &Self) -> Result<HttpConfig, ConfigError> {
        let file = file.clone();
        let listen = self.listen.or(file.listen).unwrap_or(HTTP_DEFAULT);
        let anonymous = match self.anonymous.or(file.anonymous) {
            Some(right) => right.into(),
            None if listen.ip().is_loopback() => Anonymous::Read,
            None => return Err(ConfigError::Open(listen)),
        };
        let tls = tls_files(self.tls_cert.or(file.tls_cert), self.tls_key.or(file.tls_key))?;
        let cors_origins = self.cors.or(file.cors).unwrap_or_default();
        if let Some(wrong) = cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin(wrong.clone()));
        }
        let default = GatewayConfig::default();
        let gateway = GatewayConfig {
            name: self.name.or(file.name).unwrap_or_default(),
            anonymous,
            hosts: self.hosts.or(file.hosts).unwrap_or_default(),
            cors_origins,
            connections_max: positive(
                self.connections_max.or(file.connections_max),
                default.connections_max,
                "http-connections-max",
            )?,
            header_read_time: seconds(
                self.header_seconds.or(file.header_seconds),
                default.header_read_time,
                "http-header-seconds",
            )?,
            idle_time: seconds(self.idle_seconds.or(file.idle_seconds), default.idle_time, "http-idle-seconds")?,
            // Not `positive`: 0 means no limit.
            upload_bytes_max: self.upload_bytes_max.or(file.upload_bytes_max).unwrap_or(default.upload_bytes_max),
            stall_time: seconds(self.stall_seconds.or(file.stall_seconds), default.stall_time, "http-stall-seconds")?,
            event_streams_max: positive(
                self.event_streams_max.or(file.event_streams_max),
                default.event_streams_max,
                "event-streams-max",
            )?,
            archives_max: positive(self.archives_max.or(file.archives_max), default.archives_max, "archives-max")?,
            ..default
        };
        let transfer_bytes_max = mebibytes(self.transfer_memory_mib.or(file.transfer_memory_mib), TRANSFER_BYTES_MAX);
        Ok(HttpConfig { listen, tls, gateway, transfer_bytes_max })
    }
}

fn tls_files(cert: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, ConfigError> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::HalfTls("the key")),
        (None, Some(_)) => Err(ConfigError::HalfTls("the certificate")),
    }
}

/// RFC 6454 §6.2, without `null` and without a path; or `*`, which allows every origin.
fn is_origin(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn file(text: &str) -> HttpSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn flags_override_the_file() {
        let file = file("listen = '127.0.0.1:1'\nname = 'here'\n");
        let flags = HttpSettings { listen: Some(([127, 0, 0, 1], 2).into()), ..HttpSettings::default() };
        let http = flags.resolve(&file).unwrap();
        assert_eq!((http.listen.port(), http.gateway.name.as_str()), (2, "here"));
        assert_eq!(HttpSettings::default().resolve(&file).unwrap().listen.port(), 1);
        assert_eq!(HttpSettings::default().resolve(&HttpSettings::default()).unwrap().listen, HTTP_DEFAULT);
    }

    #[test]
    fn an_upload_limit_of_zero_means_none_and_other_zeros_are_refused() {
        let file = file("upload-bytes-max = 1000\nstall-seconds = 5\n");
        let http = HttpSettings::default().resolve(&file).unwrap().gateway;
        assert_eq!((http.upload_bytes_max, http.stall_time), (1000, Duration::from_secs(5)));
        let unlimited = HttpSettings { upload_bytes_max: Some(0), ..HttpSettings::default() };
        assert_eq!(unlimited.resolve(&file).unwrap().gateway.upload_bytes_max, 0);
        let no_streams = HttpSettings { event_streams_max: Some(0), ..HttpSettings::default() };
        assert!(matches!(no_streams.resolve(&file), Err(ConfigError::Zero(_))));
        let no_connections = HttpSettings { connections_max: Some(0), ..HttpSettings::default() };
        assert!(matches!(no_connections.resolve(&HttpSettings::default()), Err(ConfigError::Zero(_))));
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let file = file("tls-cert = 'a.pem'\n");
        let alone = HttpSettings::default().resolve(&file);
        assert!(matches!(alone, Err(ConfigError::HalfTls("the key"))), "{alone:?}");
        let key = HttpSettings { tls_key: Some("b.pem".into()), ..HttpSettings::default() };
        let files = TlsFiles { cert: "a.pem".into(), key: "b.pem".into() };
        assert_eq!(key.clone().resolve(&file).unwrap().tls, Some(files));
        assert!(matches!(key.resolve(&HttpSettings::default()), Err(ConfigError::HalfTls("the certificate"))));
        assert_eq!(HttpSettings::default().resolve(&HttpSettings::default()).unwrap().tls, None);
    }

    #[test]
    fn an_address_beyond_loopback_needs_an_explicit_right() {
        let open = HttpSettings { listen: Some(([0, 0, 0, 0], 80).into()), ..HttpSettings::default() };
        assert!(matches!(open.clone().resolve(&HttpSettings::default()), Err(ConfigError::Open(_))));
        let explicit = HttpSettings { anonymous: Some(AnonymousRight::Read), ..open };
        assert_eq!(explicit.resolve(&HttpSettings::default()).unwrap().gateway.anonymous, Anonymous::Read);
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for origin in ["null", "example.org", "https://", "https://a/b", "ftp://a"] {
            let cors = HttpSettings { cors: Some(vec![origin.into()]), ..HttpSettings::default() };
            assert!(matches!(cors.resolve(&HttpSettings::default()), Err(ConfigError::Origin(_))), "{origin}");
        }
    }
}
