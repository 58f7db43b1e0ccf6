//! Settings of the gateway: where HTTP is served, to whom, and its bounds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use super::bounds::{LIMITS, mebibytes, percent, positive, seconds};
use super::error::ConfigError;
use super::listen::{Binding, ListenAddress, one_or_more};
use crate::gateway::{Anonymous, GatewayConfig, ProxyRange, TlsFiles, least_pace};
use crate::transfer_budget::TRANSFER_BYTES_MAX;

/// The port of HTTP by default, on this machine only.
pub const HTTP_PORT_DEFAULT: u16 = 8080;

/// What a user without an account may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnonymousRight {
    /// Look and download.
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
    /// Address for browsers: `127.0.0.1:8080` for this machine only, `:8080` for every network; may be repeated
    /// [default: 127.0.0.1:8080; port 0 chooses a free port].
    #[arg(id = "http", long = "http", value_name = "ADDRESS:PORT", env = "PASSERELLE_HTTP", value_delimiter = ',')]
    #[serde(deserialize_with = "one_or_more")]
    pub listen: Option<Vec<ListenAddress>>,
    /// Port for browsers, if --http names none [default: 8080].
    #[arg(short, long, value_name = "PORT")]
    #[serde(skip)]
    pub port: Option<u16>,
    /// Serve HTTPS with this certificate (PEM, with its chain), which is read again when it changes.
    #[arg(long, value_name = "FILE", env = "PASSERELLE_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM, not encrypted).
    #[arg(long, value_name = "FILE", env = "PASSERELLE_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// What visitors may do. Must be given if other machines can connect [default: read].
    #[arg(long, value_name = "RIGHT", env = "PASSERELLE_ANONYMOUS")]
    pub anonymous: Option<AnonymousRight>,
    /// Name that browsers use for this server, such as `files.example.org`, with `:PORT` if it is neither 80 nor 443; may
    /// be repeated. `localhost` and IP addresses need no mention.
    #[arg(id = "host", long = "host", value_name = "NAME", env = "PASSERELLE_HOSTS", value_delimiter = ',')]
    pub hosts: Option<Vec<String>>,
    /// Another site whose pages may use this server, such as `https://www.example.org`; may be repeated.
    #[arg(id = "cors", long = "cors", value_name = "ORIGIN", env = "PASSERELLE_CORS", value_delimiter = ',')]
    pub cors: Option<Vec<String>>,
    /// Address or range of a proxy in front of this server, such as `172.18.0.0/16`, whose `X-Forwarded-For` names the
    /// client; may be repeated.
    #[arg(
        id = "trusted_proxy",
        long = "trusted-proxy",
        value_name = "CIDR",
        env = "PASSERELLE_TRUSTED_PROXIES",
        value_delimiter = ','
    )]
    pub trusted_proxies: Option<Vec<ProxyRange>>,
    /// Name of the folder on the page [default: the folder's own name].
    #[arg(long, value_name = "TEXT", env = "PASSERELLE_NAME")]
    pub name: Option<String>,
    /// How many browsers and programs may be connected at once [default: 4096].
    #[arg(id = "http_connections_max", long = "http-connections-max", value_name = "N", help_heading = LIMITS)]
    pub connections_max: Option<usize>,
    /// How many more connections may be without a complete request [default: 1024].
    #[arg(id = "http_new_connections_max", long = "http-new-connections-max", value_name = "N", help_heading = LIMITS)]
    pub new_connections_max: Option<usize>,
    /// How many requests may be in progress at once [default: 4096].
    #[arg(id = "http_requests_max", long = "http-requests-max", value_name = "N", help_heading = LIMITS)]
    pub requests_max: Option<usize>,
    /// How much one client address may take of connections, requests, event streams, archives and connections to the
    /// file server, in percent [default: 25].
    #[arg(
        id = "http_client_percent",
        long = "http-client-percent",
        value_name = "N",
        help_heading = LIMITS,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub client_percent: Option<u8>,
    /// While places are scarce, the server ends a download or upload that moves fewer bytes per second than this
    /// [default: 1024; 0 for none].
    #[arg(id = "http_least_pace", long = "http-least-pace", value_name = "N", help_heading = LIMITS)]
    pub least_pace: Option<u64>,
    /// Seconds that the headers of a request may take to arrive [default: 15].
    #[arg(id = "http_header_seconds", long = "http-header-seconds", value_name = "N", help_heading = LIMITS)]
    pub header_seconds: Option<u64>,
    /// A connection without requests is closed after this many seconds [default: 75].
    #[arg(id = "http_idle_seconds", long = "http-idle-seconds", value_name = "N", help_heading = LIMITS)]
    pub idle_seconds: Option<u64>,
    /// Largest file that may be uploaded, in bytes [default: 0, no limit].
    #[arg(long, value_name = "N", help_heading = LIMITS, env = "PASSERELLE_UPLOAD_BYTES_MAX")]
    pub upload_bytes_max: Option<u64>,
    /// A download or upload that stands still is ended after this many seconds [default: 300].
    #[arg(id = "http_stall_seconds", long = "http-stall-seconds", value_name = "N", help_heading = LIMITS)]
    pub stall_seconds: Option<u64>,
    /// How many open pages may receive live updates at once [default: 1024].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub event_streams_max: Option<usize>,
    /// How many ZIP downloads of the largest size may run at once: all ZIP downloads share 128 MiB of memory times this
    /// number, at least 256 MiB [default: 8].
    #[arg(long, value_name = "N", help_heading = LIMITS)]
    pub archives_max: Option<usize>,
    /// Memory for running downloads and uploads, in MiB [default: 64].
    #[arg(id = "http_transfer_memory_mib", long = "http-transfer-memory-mib", value_name = "MIB", help_heading = LIMITS)]
    pub transfer_memory_mib: Option<usize>,
}

/// Complete settings of the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpConfig {
    /// Addresses to listen on, at least one.
    pub listen: Vec<Binding>,
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
    /// [`ConfigError::Open`], [`ConfigError::TwoPorts`], [`ConfigError::UnknownName`], [`ConfigError::HostToListenOn`],
    /// [`ConfigError::HalfTls`], [`ConfigError::Origin`] and [`ConfigError::Zero`].
    pub fn resolve(self, file: &Self) -> Result<HttpConfig, ConfigError> {
        let file = file.clone();
        let listen = bindings(self.listen, file.listen, self.port)?;
        let reachable = listen.iter().find(|binding| !binding.is_local());
        let anonymous = match (self.anonymous.or(file.anonymous), reachable) {
            (Some(right), _) => right.into(),
            (None, None) => Anonymous::Read,
            (None, Some(reachable)) => return Err(ConfigError::Open(reachable.first())),
        };
        let hosts = self.hosts.or(file.hosts).unwrap_or_default();
        if let Some(ip) = hosts.iter().filter_map(|host| host.parse().ok()).find(IpAddr::is_unspecified) {
            return Err(ConfigError::HostToListenOn(ip));
        }
        let tls = tls_files(self.tls_cert.or(file.tls_cert), self.tls_key.or(file.tls_key))?;
        let cors_origins = self.cors.or(file.cors).unwrap_or_default();
        if let Some(wrong) = cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin(wrong.clone()));
        }
        let default = GatewayConfig::default();
        let gateway = GatewayConfig {
            name: self.name.or(file.name).unwrap_or_default(),
            anonymous,
            hosts,
            cors_origins,
            trusted_proxies: self.trusted_proxies.or(file.trusted_proxies).unwrap_or_default(),
            connections_max: positive(
                self.connections_max.or(file.connections_max),
                default.connections_max,
                "http-connections-max",
            )?,
            new_connections_max: positive(
                self.new_connections_max.or(file.new_connections_max),
                default.new_connections_max,
                "http-new-connections-max",
            )?,
            requests_max: positive(self.requests_max.or(file.requests_max), default.requests_max, "http-requests-max")?,
            client_percent: percent(self.client_percent.or(file.client_percent), default.client_percent)?,
            least_pace: self.least_pace.or(file.least_pace).map_or(default.least_pace, least_pace),
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

/// The sockets to open: those of the flags or else of the file, with the port of `--port`.
fn bindings(
    flags: Option<Vec<ListenAddress>>,
    file: Option<Vec<ListenAddress>>,
    port: Option<u16>,
) -> Result<Vec<Binding>, ConfigError> {
    if let (Some(port), Some(address)) = (port, flags.iter().flatten().find(|address| address.has_port())) {
        return Err(ConfigError::TwoPorts { port, address: address.to_string() });
    }
    let default = || vec![SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT_DEFAULT)).into()];
    let typed = flags.or(file).unwrap_or_else(default).into_iter();
    let typed = typed.map(|address| port.map_or(address.clone(), |port| address.with_port(port)));
    let mut bindings = Vec::new();
    for address in typed {
        bindings.extend(address.bindings(HTTP_PORT_DEFAULT)?);
    }
    Ok(bindings)
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
        let http = listening(&["127.0.0.1:2"]).resolve(&file).unwrap();
        assert_eq!((ports(&http), http.gateway.name.as_str()), (vec![2], "here"));
        assert_eq!(ports(&HttpSettings::default().resolve(&file).unwrap()), [1]);
        let default = HttpSettings::default().resolve(&HttpSettings::default()).unwrap();
        assert_eq!((ports(&default), default.listen[0].is_local()), (vec![HTTP_PORT_DEFAULT], true));
    }

    fn listening(addresses: &[&str]) -> HttpSettings {
        let listen = addresses.iter().map(|address| address.parse().unwrap()).collect();
        HttpSettings { listen: Some(listen), ..HttpSettings::default() }
    }

    fn ports(http: &HttpConfig) -> Vec<u16> {
        http.listen.iter().map(|binding| binding.first().port()).collect()
    }

    #[test]
    fn several_addresses_are_served_and_a_port_is_theirs() {
        let none = HttpSettings::default();
        let list = file("listen = ['127.0.0.1:1', 'localhost:2']\n");
        assert_eq!(ports(&none.clone().resolve(&list).unwrap()), [1, 2]);
        assert_eq!(ports(&listening(&["127.0.0.1:3", "[::1]:4"]).resolve(&list).unwrap()), [3, 4]);
        for text in ["listen = []", "listen = 8080", "listen = ['here']", "port = 1"] {
            assert!(toml::from_str::<HttpSettings>(text).is_err(), "{text}");
        }
        let port = |settings: HttpSettings| HttpSettings { port: Some(90), ..settings };
        assert_eq!(ports(&port(none).resolve(&list).unwrap()), [90, 90]);
        assert_eq!(ports(&port(listening(&["127.0.0.2"])).resolve(&list).unwrap()), [90]);
        let two = port(listening(&["127.0.0.1:80"])).resolve(&list).unwrap_err();
        assert_eq!(two.to_string(), "--port 90 and --http 127.0.0.1:80 both name a port. Use one of them.");
    }

    #[test]
    fn an_address_to_listen_on_is_no_host_name() {
        let host = HttpSettings { hosts: Some(vec!["0.0.0.0".into()]), ..HttpSettings::default() };
        let error = host.resolve(&HttpSettings::default()).unwrap_err();
        assert!(error.to_string().ends_with("To listen on 0.0.0.0, use --http 0.0.0.0:8080."), "{error}");
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
    fn the_share_of_a_client_is_1_to_100_percent() {
        let percent = |text: &str| HttpSettings::default().resolve(&file(text)).map(|http| http.gateway.client_percent);
        assert_eq!(percent("").unwrap(), 25);
        assert_eq!(percent("client-percent = 100").unwrap(), 100);
        for text in ["client-percent = 0", "client-percent = 101"] {
            assert!(matches!(percent(text), Err(ConfigError::Percent(_))), "{text}");
        }
        let pace = HttpSettings::default().resolve(&file("least-pace = 10")).unwrap().gateway.least_pace;
        assert_eq!(pace, least_pace(10));
    }

    #[test]
    fn trusted_proxies_are_addresses_and_ranges() {
        let file = file("trusted-proxies = ['172.18.0.0/16', '127.0.0.1']\n");
        let proxies = HttpSettings::default().resolve(&file).unwrap().gateway.trusted_proxies;
        assert_eq!(proxies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["172.18.0.0/16", "127.0.0.1/32"]);
        let default = HttpSettings::default().resolve(&HttpSettings::default()).unwrap();
        assert!(default.gateway.trusted_proxies.is_empty());
        assert!(toml::from_str::<HttpSettings>("trusted-proxies = ['proxy']").is_err());
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
        for address in ["0.0.0.0:80", ":80", "*", "[::]:80", "192.168.1.5"] {
            let open = listening(&["127.0.0.1:80", address]);
            assert!(matches!(open.resolve(&HttpSettings::default()), Err(ConfigError::Open(_))), "{address}");
        }
        let open = listening(&[":80"]);
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
