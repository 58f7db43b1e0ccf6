//! The settings of the gateway and their defaults. Where the values come from is not known here.

use std::fmt;
use std::time::Duration;

use shared::Rights;

use super::proxy_range::ProxyRange;
use crate::admission::LeastPace;

/// What a request without credentials may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Anonymous {
    /// List and read everything.
    #[default]
    Read,
    /// Also change everything.
    Write,
}

impl Anonymous {
    pub fn rights(self) -> Rights {
        match self {
            Self::Read => Rights::READ_ONLY,
            Self::Write => Rights::READ_ONLY.union(Rights::CREATE).union(Rights::REPLACE).union(Rights::DELETE),
        }
    }
}

/// Every setting of the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayConfig {
    /// The name of the served folder; also that of an archive of all of it.
    pub name: String,
    /// What a request without credentials may do.
    pub anonymous: Anonymous,
    /// Host names of this server. `localhost` and IP addresses are always accepted; `*` accepts every name, which gives
    /// up the protection against DNS rebinding.
    pub hosts: Vec<String>,
    /// Origins (`https://files.example.org`) whose pages may read answers (CORS); `*` stands for every origin.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<ProxyRange>,
    /// Whether `/metrics` is served.
    pub metrics: bool,
    /// How long a client may take from its first byte to the end of the request's headers.
    pub header_read_time: Duration,
    /// How long a TLS handshake may take.
    pub handshake_time: Duration,
    /// Interval at which the certificate's files are checked for changes.
    pub certificate_look_time: Duration,
    /// How long a connection may wait for its next request.
    pub idle_time: Duration,
    /// How long a client may take to send a form or JSON. The content of a file may take any time while it makes
    /// progress.
    pub body_read_time: Duration,
    /// How long a client may accept no byte of an answer, or send no byte of a file. A slow client that makes progress
    /// is served to the end, unless places are scarce and it is below the least pace.
    pub stall_time: Duration,
    /// How long the file server may take to begin its answer.
    pub answer_time: Duration,
    /// How long `/readyz` waits for the file server.
    pub ready_time: Duration,
    /// How long requests in progress may take after shutdown begins.
    pub drain_time: Duration,
    /// Most connections at a time that have sent a request; one more is answered 503.
    pub connections_max: usize,
    /// Most connections at a time that have sent no complete request yet, besides the others.
    pub new_connections_max: usize,
    /// Most requests in progress at a time. A connection of HTTP/2 may carry many.
    pub requests_max: usize,
    /// How many percent of each limit one client may take.
    pub client_percent: u8,
    /// The least pace of a download or upload while places are scarce. A slower one is cut then.
    pub least_pace: LeastPace,
    /// Longest header section, in bytes, including the request line.
    pub header_bytes_max: usize,
    /// Longest request target, in bytes.
    pub target_bytes_max: usize,
    /// Longest form or JSON in a request body, in bytes.
    pub request_body_bytes_max: usize,
    /// Longest file that may be uploaded, in bytes; 0 for no limit but the disk.
    pub upload_bytes_max: u64,
    /// Most event streams at a time.
    pub event_streams_max: usize,
    /// Most archives of the largest kind at a time. They share memory for that many manifests, so there may be many
    /// more smaller ones.
    pub archives_max: usize,
    /// The page that `/` serves.
    pub page: PageFiles,
}

/// How long a peer is watched before its pace is judged. A socket of Linux takes bytes in steps of half of
/// `sockets::UNSENT_BYTES`: that is as long as such a step takes at 1 KiB/s.
const LEAST_PACE_TIME: Duration = Duration::from_secs(30);

/// The least pace of so many bytes per second; 0 for none.
pub fn least_pace(bytes_per_second: u64) -> LeastPace {
    LeastPace { bytes: bytes_per_second.saturating_mul(LEAST_PACE_TIME.as_secs()), time: LEAST_PACE_TIME }
}

/// The files of the page: names, with slashes between folders, and contents. Empty in a program without a page.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PageFiles(pub &'static [(&'static str, &'static [u8])]);

impl fmt::Debug for PageFiles {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl GatewayConfig {
    /// True if pages of every origin may read answers.
    pub(super) fn allows_every_origin(&self) -> bool {
        self.cors_origins.iter().any(|origin| origin == "*")
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            name: "Passerelle".into(),
            anonymous: Anonymous::Read,
            hosts: Vec::new(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            metrics: true,
            header_read_time: Duration::from_secs(15),
            handshake_time: Duration::from_secs(10),
            certificate_look_time: Duration::from_secs(5),
            idle_time: Duration::from_secs(75),
            body_read_time: Duration::from_secs(60),
            stall_time: shared::limits::STALL_TIME,
            answer_time: Duration::from_secs(60),
            ready_time: Duration::from_secs(2),
            drain_time: Duration::from_secs(10),
            connections_max: 4096,
            new_connections_max: 1024,
            requests_max: 4096,
            client_percent: 25,
            least_pace: least_pace(1 << 10),
            header_bytes_max: 32 << 10,
            target_bytes_max: 24 << 10,
            request_body_bytes_max: 4 << 20,
            upload_bytes_max: 0,
            event_streams_max: 1024,
            archives_max: 8,
            page: PageFiles::default(),
        }
    }
}
