//! Settings: defaults < configuration file < environment < flags, put together here and checked once.
//!
//! One struct per section serves the command line, the environment and the file, so that a setting cannot exist in one
//! and be missing in another. A value of `None` is "not said here".

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::gateway::{Anonymous, GatewayConfig, TlsFiles};
use crate::server::{Durability, ServerConfig};
use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// Where HTTP is served unless told otherwise.
pub const HTTP_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
/// Where the framed protocol is served unless told otherwise.
pub const TCP_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5555);

/// What somebody without an account may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// See and download.
    Read,
    /// Change, too.
    Write,
}

impl From<Right> for Anonymous {
    fn from(right: Right) -> Self {
        match right {
            Right::Read => Self::Read,
            Right::Write => Self::Write,
        }
    }
}

/// When an upload is acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledged {
    /// Once it is on the disk: no crash takes it back.
    Strict,
    /// Once the system has it, which writes it to the disk when it likes: a crash of the server takes nothing back; after
    /// a crash of the machine the uploads of the last half minute may be missing, empty or torn.
    Relaxed,
}

impl From<Acknowledged> for Durability {
    fn from(acknowledged: Acknowledged) -> Self {
        match acknowledged {
            Acknowledged::Strict => Self::Strict,
            Acknowledged::Relaxed => Self::Relaxed,
        }
    }
}

/// The form of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What needs somebody to act.
    Error,
    /// And what may.
    Warn,
    /// And each request.
    #[default]
    Info,
    /// And each step.
    Debug,
    /// Everything.
    Trace,
}

/// HTTP: section `[http]` of the file.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpSettings {
    /// Where to serve HTTP [default: 127.0.0.1:8080; port 0 chooses one].
    #[arg(id = "http", long = "http", value_name = "ADDR", env = "PASSERELLE_HTTP")]
    pub listen: Option<SocketAddr>,
    /// Serve HTTPS with this certificate: PEM, with those that sign it. It is read again when it changes.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key: PEM, without a password.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// What everybody may do without an account [default on loopback: read; elsewhere it must be said].
    #[arg(long, value_name = "RIGHT", env = "PASSERELLE_ANONYMOUS")]
    pub anonymous: Option<Right>,
    /// A name by which browsers reach this server, besides localhost and IP addresses; may be repeated.
    #[arg(id = "host", long = "host", value_name = "NAME", env = "PASSERELLE_HOSTS", value_delimiter = ',')]
    pub hosts: Option<Vec<String>>,
    /// An origin whose pages may use the API (CORS), as `https://files.example.org`; may be repeated.
    #[arg(id = "cors", long = "cors", value_name = "ORIGIN", env = "PASSERELLE_CORS", value_delimiter = ',')]
    pub cors: Option<Vec<String>>,
    /// What people call the served folder [default: its own name].
    #[arg(long, value_name = "TEXT", env = "PASSERELLE_NAME")]
    pub name: Option<String>,
    /// Most HTTP connections at a time [default: 4096].
    #[arg(id = "http_connections_max", long = "http-connections-max", value_name = "N")]
    pub connections_max: Option<usize>,
    /// Seconds a client may take to send a request's headers [default: 15].
    #[arg(id = "http_header_seconds", long = "http-header-seconds", value_name = "N")]
    pub header_seconds: Option<u64>,
    /// Seconds a connection may wait for its next request [default: 75].
    #[arg(id = "http_idle_seconds", long = "http-idle-seconds", value_name = "N")]
    pub idle_seconds: Option<u64>,
    /// Longest file that may be uploaded, in bytes [default: 0, for as long as the disk allows].
    #[arg(long, value_name = "N", env = "PASSERELLE_UPLOAD_BYTES_MAX")]
    pub upload_bytes_max: Option<u64>,
    /// Seconds after which a client is cut that takes nothing of an answer, or sends nothing of a file [default: 300].
    #[arg(id = "http_stall_seconds", long = "http-stall-seconds", value_name = "N")]
    pub stall_seconds: Option<u64>,
    /// Most browsers at a time that are told what happens in the folder they show [default: 1024].
    #[arg(long, value_name = "N")]
    pub event_streams_max: Option<usize>,
    /// Memory for archives, in lists of files as long as they may be: 128 MiB each [default: 8].
    #[arg(long, value_name = "N")]
    pub archives_max: Option<usize>,
    /// Memory for bytes on their way through the gateway, in MiB: more transfers at a time go in shorter pieces
    /// [default: 64].
    #[arg(id = "http_transfer_memory_mib", long = "http-transfer-memory-mib", value_name = "MIB")]
    pub transfer_memory_mib: Option<usize>,
}

/// The framed protocol: section `[tcp]` of the file.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TcpSettings {
    /// Where to serve the framed protocol; a loopback address [default: 127.0.0.1:5555, or nowhere where --unix is
    /// given; port 0 chooses one].
    #[arg(id = "tcp", long = "tcp", value_name = "ADDR", env = "PASSERELLE_TCP")]
    pub listen: Option<SocketAddr>,
    /// Serve the framed protocol on a Unix socket, too, which is made there for this user alone. A gateway on this
    /// machine sends large files several times as fast over it.
    #[arg(long, value_name = "PATH", env = "PASSERELLE_UNIX")]
    pub unix: Option<PathBuf>,
    /// Most framed connections at a time [default: 2048].
    #[arg(id = "tcp_connections_max", long = "tcp-connections-max", value_name = "N")]
    pub connections_max: Option<usize>,
    /// Seconds a framed connection may idle [default: 120].
    #[arg(id = "tcp_idle_seconds", long = "tcp-idle-seconds", value_name = "N")]
    pub idle_seconds: Option<u64>,
    /// Memory for sorted folders between the pages of a listing, in MiB [default: 256].
    #[arg(long, value_name = "MIB")]
    pub listing_memory_mib: Option<usize>,
    /// Memory for uploads on their way to the disk, in MiB: more at a time go in shorter pieces [default: 64].
    #[arg(id = "tcp_transfer_memory_mib", long = "tcp-transfer-memory-mib", value_name = "MIB")]
    pub transfer_memory_mib: Option<usize>,
    /// When an upload is acknowledged [default: strict].
    #[arg(long, value_name = "WHEN", env = "PASSERELLE_DURABILITY")]
    pub durability: Option<Acknowledged>,
    /// Seconds that an upload is kept to which nobody adds [default: 604800, a week].
    #[arg(long, value_name = "N")]
    pub upload_expiry_seconds: Option<u64>,
    /// Seconds that something stays in the trash [default: 2592000, thirty days].
    #[arg(long, value_name = "N")]
    pub trash_expiry_seconds: Option<u64>,
}

/// What concerns the process: section `[process]` of the file.
#[derive(Args, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommonSettings {
    /// Where the server keeps what is its own [default: .passerelle in the served folder, or the platform's place for
    /// such things where that cannot be written].
    #[arg(long, value_name = "DIR", env = "PASSERELLE_STATE")]
    pub state: Option<PathBuf>,
    /// A configuration file (TOML) with the sections http, tcp and process.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Print the addresses as one JSON object.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
    /// How much is logged [default: info].
    #[arg(long, value_name = "LEVEL", env = "PASSERELLE_LOG")]
    pub log: Option<LogLevel>,
    /// The form of the log [default: text].
    #[arg(long, value_name = "FORMAT", env = "PASSERELLE_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Seconds that requests may go on after the server was asked to stop [default: 30].
    #[arg(long, value_name = "N")]
    pub drain_seconds: Option<u64>,
}

/// What a configuration file may hold.
#[derive(Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct FileSettings {
    http: HttpSettings,
    tcp: TcpSettings,
    process: CommonSettings,
}

/// Why the settings do not make a server.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or not readable.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a setting that does not exist.
    #[error("the configuration file {} is not right: {source}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why, with the line.
        source: Box<toml::de::Error>,
    },
    /// Anybody who reaches the address could read everything.
    #[error(
        "{0} can be reached from other machines, and there are no accounts: say what everybody may do with \
         --anonymous read or --anonymous write, or listen on 127.0.0.1"
    )]
    Open(SocketAddr),
    /// The framed protocol is not encrypted.
    #[error("the framed protocol is not encrypted, so it is served on loopback alone: {0} is not a loopback address")]
    Exposed(SocketAddr),
    /// A number outside its bounds.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A certificate is of no use without its key, nor a key without its certificate.
    #[error("--tls-cert and --tls-key go together: {0} is missing")]
    HalfTls(&'static str),
    /// Not an origin.
    #[error(
        "`{0}` is not an origin: scheme and host, and the port if it is not the scheme's own, as https://files.example.org"
    )]
    Origin(String),
}

/// HTTP, settled.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Where.
    pub listen: SocketAddr,
    /// By HTTPS, with these.
    pub tls: Option<TlsFiles>,
    /// How. The served folder's name is empty unless somebody said one.
    pub gateway: GatewayConfig,
    /// Memory for bytes on their way, in bytes.
    pub transfer_bytes_max: usize,
}

/// The framed protocol, settled.
#[derive(Clone, Debug)]
pub struct TcpConfig {
    /// Where over TCP, if at all.
    pub listen: Option<SocketAddr>,
    /// At which Unix socket, if at any.
    pub unix: Option<PathBuf>,
    /// How.
    pub server: ServerConfig,
}

/// The process, settled.
#[derive(Clone, Debug, PartialEq)]
pub struct CommonConfig {
    /// Where the server keeps what is its own, if somebody said.
    pub state: Option<PathBuf>,
    /// Addresses as JSON.
    pub json: bool,
    /// How much is logged.
    pub log: LogLevel,
    /// In which form.
    pub log_format: LogFormat,
    /// For requests that run when the server is asked to stop.
    pub drain_time: Duration,
}

impl FileSettings {
    /// Reads the file, if there is to be one.
    pub fn read(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| ConfigError::Malformed { path: path.to_owned(), source: Box::new(source) })
    }
}

impl HttpSettings {
    /// With what the file says where nothing else was said.
    pub fn settle(self, file: &FileSettings) -> Result<HttpConfig, ConfigError> {
        let file = file.http.clone();
        let listen = self.listen.or(file.listen).unwrap_or(HTTP_DEFAULT);
        let anonymous = match self.anonymous.or(file.anonymous) {
            Some(right) => right.into(),
            None if listen.ip().is_loopback() => Anonymous::Read,
            None => return Err(ConfigError::Open(listen)),
        };
        let tls = match (self.tls_cert.or(file.tls_cert), self.tls_key.or(file.tls_key)) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
            (None, None) => None,
            (Some(_), None) => return Err(ConfigError::HalfTls("the key")),
            (None, Some(_)) => return Err(ConfigError::HalfTls("the certificate")),
        };
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
            // 0 is a choice: no bound.
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

impl TcpSettings {
    /// With what the file says where nothing else was said.
    pub fn settle(self, file: &FileSettings) -> Result<TcpConfig, ConfigError> {
        let file = file.tcp.clone();
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

impl CommonSettings {
    /// With what the file says where nothing else was said.
    pub fn settle(self, file: &FileSettings) -> CommonConfig {
        let file = file.process.clone();
        CommonConfig {
            state: self.state.or(file.state),
            json: self.json,
            log: self.log.or(file.log).unwrap_or_default(),
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            // No time at all is a choice that somebody may make.
            drain_time: Duration::from_secs(self.drain_seconds.or(file.drain_seconds).unwrap_or(30)),
        }
    }
}

fn positive(value: Option<usize>, default: usize, name: &'static str) -> Result<usize, ConfigError> {
    match value.unwrap_or(default) {
        0 => Err(ConfigError::Zero(name)),
        value => Ok(value),
    }
}

/// In bytes.
fn mebibytes(value: Option<usize>, default: usize) -> usize {
    value.map_or(default, |mebibytes| mebibytes.saturating_mul(1 << 20))
}

fn seconds(value: Option<u64>, default: Duration, name: &'static str) -> Result<Duration, ConfigError> {
    match value {
        Some(0) => Err(ConfigError::Zero(name)),
        value => Ok(value.map_or(default, Duration::from_secs)),
    }
}

/// RFC 6454 §6.2, without `null` and without a path; or `*`, which is every origin there is.
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
    use super::*;

    fn file(text: &str) -> FileSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_said_later_wins() {
        let file = file("[http]\nlisten = '127.0.0.1:1'\nname = 'here'\n[process]\nlog = 'warn'\ndrain-seconds = 0\n");
        let flags = HttpSettings { listen: Some(([127, 0, 0, 1], 2).into()), ..HttpSettings::default() };
        let http = flags.settle(&file).unwrap();
        assert_eq!((http.listen.port(), http.gateway.name.as_str()), (2, "here"));
        assert_eq!(HttpSettings::default().settle(&file).unwrap().listen.port(), 1);
        let common = CommonSettings::default().settle(&file);
        assert_eq!((common.log, common.drain_time), (LogLevel::Warn, Duration::ZERO));
        assert_eq!(HttpSettings::default().settle(&FileSettings::default()).unwrap().listen, HTTP_DEFAULT);
    }

    #[test]
    fn uploads_have_a_bound_where_one_is_set() {
        let file = file("[http]\nupload-bytes-max = 1000\nstall-seconds = 5\n");
        let http = HttpSettings::default().settle(&file).unwrap().gateway;
        assert_eq!((http.upload_bytes_max, http.stall_time), (1000, Duration::from_secs(5)));
        let none = HttpSettings { upload_bytes_max: Some(0), ..HttpSettings::default() };
        assert_eq!(none.settle(&file).unwrap().gateway.upload_bytes_max, 0);
        let nobody = HttpSettings { event_streams_max: Some(0), ..HttpSettings::default() };
        assert!(matches!(nobody.settle(&file), Err(ConfigError::Zero(_))));
    }

    #[test]
    fn a_certificate_comes_with_its_key() {
        let file = file("[http]\ntls-cert = 'a.pem'\n");
        let alone = HttpSettings::default().settle(&file);
        assert!(matches!(alone, Err(ConfigError::HalfTls("the key"))), "{alone:?}");
        let key = HttpSettings { tls_key: Some("b.pem".into()), ..HttpSettings::default() };
        let files = TlsFiles { cert: "a.pem".into(), key: "b.pem".into() };
        assert_eq!(key.clone().settle(&file).unwrap().tls, Some(files));
        assert!(matches!(key.settle(&FileSettings::default()), Err(ConfigError::HalfTls("the certificate"))));
        assert_eq!(HttpSettings::default().settle(&FileSettings::default()).unwrap().tls, None);
    }

    #[test]
    fn uploads_are_durable_unless_somebody_says_otherwise() {
        let durability = |settings: TcpSettings, text| settings.settle(&file(text)).unwrap().server.durability;
        assert_eq!(durability(TcpSettings::default(), ""), Durability::Strict);
        let relaxed = "[tcp]\ndurability = 'relaxed'\n";
        assert_eq!(durability(TcpSettings::default(), relaxed), Durability::Relaxed);
        let strict = TcpSettings { durability: Some(Acknowledged::Strict), ..TcpSettings::default() };
        assert_eq!(durability(strict, relaxed), Durability::Strict);
        assert!(toml::from_str::<FileSettings>("[tcp]\ndurability = 'none'").is_err());
    }

    #[test]
    fn tcp_goes_by_itself_where_nothing_else_was_said() {
        let settled = |settings: TcpSettings, text| {
            let TcpConfig { listen, unix, .. } = settings.settle(&file(text)).unwrap();
            (listen.map(|address| address.port()), unix)
        };
        assert_eq!(settled(TcpSettings::default(), ""), (Some(5555), None));
        assert_eq!(settled(TcpSettings::default(), "[tcp]\nunix = '/a'\n"), (None, Some("/a".into())));
        let both = "[tcp]\nunix = '/a'\nlisten = '127.0.0.1:1'\n";
        assert_eq!(settled(TcpSettings::default(), both), (Some(1), Some("/a".into())));
        let said = TcpSettings { unix: Some("b".into()), ..TcpSettings::default() };
        assert_eq!(settled(said, both), (Some(1), Some("b".into())));
    }

    #[test]
    fn an_open_address_needs_a_word() {
        let open = HttpSettings { listen: Some(([0, 0, 0, 0], 80).into()), ..HttpSettings::default() };
        assert!(matches!(open.clone().settle(&FileSettings::default()), Err(ConfigError::Open(_))));
        let said = HttpSettings { anonymous: Some(Right::Read), ..open };
        assert_eq!(said.settle(&FileSettings::default()).unwrap().gateway.anonymous, Anonymous::Read);
        let exposed = TcpSettings { listen: Some(([0, 0, 0, 0], 1).into()), ..TcpSettings::default() };
        assert!(matches!(exposed.settle(&FileSettings::default()), Err(ConfigError::Exposed(_))));
    }

    #[test]
    fn what_is_not_a_setting_is_refused() {
        for text in ["[http]\nlissten = '127.0.0.1:1'", "[http]\nlisten = 'here'", "port = 80", "[tcp]\nlisten = 5"] {
            assert!(toml::from_str::<FileSettings>(text).is_err(), "{text}");
        }
        for origin in ["null", "example.org", "https://", "https://a/b", "ftp://a"] {
            let cors = HttpSettings { cors: Some(vec![origin.into()]), ..HttpSettings::default() };
            assert!(matches!(cors.settle(&FileSettings::default()), Err(ConfigError::Origin(_))), "{origin}");
        }
        let zero = HttpSettings { connections_max: Some(0), ..HttpSettings::default() };
        assert!(matches!(zero.settle(&FileSettings::default()), Err(ConfigError::Zero(_))));
    }
}
