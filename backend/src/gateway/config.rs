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
    /// How long a connection keeps its place at least, from its beginning and after each request: enough for a
    /// handshake with a busy server, and for the end of an answer to leave. After that it keeps it while there are others.
    pub rest_time: Duration,
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
    /// Most archives of the largest kind that are sent at a time. They share memory for that many manifests, and for two
    /// at least, since one takes twice its manifest while it is planned. So there may be many more smaller ones.
    pub archives_max: usize,
    /// The page that `/` serves.
    pub page: PageFiles,
}

/// The progress of an answer is visible in steps of so many bytes: a Linux socket is writable again at half of
/// `sockets::UNSENT_BYTES`, and HTTP/2 hands over slices of that length.
const STEP_BYTES: u64 = 32 << 10;
/// The shortest time for which a peer is watched before its pace is judged, in seconds.
const LEAST_PACE_SECONDS: u64 = 30;

/// The least pace of so many bytes per second; 0 for none. A peer is watched for two steps at least, and one step may
/// not be visible yet, so a peer within the bound is never judged to be slower.
pub fn least_pace(bytes_per_second: u64) -> LeastPace {
    let two_steps = (2 * STEP_BYTES).checked_div(bytes_per_second).map_or(0, |seconds| seconds + 1);
    let seconds = two_steps.max(LEAST_PACE_SECONDS);
    let bytes = bytes_per_second.saturating_mul(seconds).saturating_sub(STEP_BYTES);
    LeastPace { bytes, time: Duration::from_secs(seconds) }
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
            rest_time: Duration::from_millis(250),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Keeps, Pace};

    /// Whether a client that takes so many bytes per second keeps its place for an hour at least, with `ahead` bytes of
    /// the first step taken before it is watched.
    fn keeps(least: LeastPace, bytes_per_second: u64, ahead: u64) -> bool {
        let visible = |seconds: u64| (ahead + seconds * bytes_per_second) / STEP_BYTES * STEP_BYTES;
        let mut pace = Pace::new(least, Duration::ZERO, visible(0));
        let (end, mut now) = ((3 * least.time).max(Duration::from_secs(3600)), least.time);
        while now < end {
            match pace.judge(now, visible(now.as_secs()), true) {
                Keeps::For(time) => now += time,
                Keeps::Nothing => return false,
            }
        }
        true
    }

    #[test]
    fn a_client_within_the_least_pace_keeps_its_place_and_one_that_takes_nothing_loses_it() {
        for bytes_per_second in [1, 10, 500, 1000, 1024, 1050, 1092, 1093, 4000, 40_000, 10 << 20] {
            let least = least_pace(bytes_per_second);
            for ahead in [0, 1, 100, 1024, STEP_BYTES / 2, STEP_BYTES - 1] {
                assert!(keeps(least, bytes_per_second, ahead), "{bytes_per_second} {ahead}");
                assert!(keeps(least, 2 * bytes_per_second, ahead), "twice {bytes_per_second} {ahead}");
            }
            assert!(!keeps(least, 0, 0), "{bytes_per_second}");
            assert!(!keeps(least, bytes_per_second / 4, 0), "a quarter of {bytes_per_second}");
        }
    }

    #[test]
    fn no_least_pace_asks_for_nothing() {
        assert_eq!(least_pace(0), LeastPace { bytes: 0, time: Duration::from_secs(30) });
        assert_eq!(least_pace(u64::MAX).time, Duration::from_secs(30));
    }
}
