//! What the attacker does. Its requests may be refused; it keeps all connections that it gets.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpStream},
    thread,
    time::Duration,
};

use super::data::FOLDERS;
use crate::measure::{client, server::Server};
use xtask::repo::Outcome;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long the server may take to be fully occupied.
const GROWTH_TIME: Duration = Duration::from_secs(3);

/// What one attacker does.
pub(super) struct Attack {
    /// How many connections it opens, and how many of them in a quick run.
    connections: (usize, usize),
    /// What it sends on the connection with this number.
    request: fn(usize) -> String,
    /// The metric that is above zero while the attack goes on.
    pub(super) figure: &'static str,
    /// Whether it needs the folder of very many files.
    pub(super) needs_many: bool,
}

pub(super) const UNREAD: Attack = Attack {
    connections: (1_100, 400),
    request: |_| get("/files/big"),
    figure: "passerelle_places_held{kind=\"reading\"}",
    needs_many: false,
};

pub(super) const SILENT: Attack = Attack {
    connections: (3_000, 600),
    request: |_| String::new(),
    figure: "passerelle_places_held{kind=\"http_new_connections\"}",
    needs_many: false,
};

pub(super) const DIGESTS: Attack = Attack {
    connections: (520, 150),
    request: |_| get("/api/v1/digest/endless"),
    figure: "passerelle_places_held{kind=\"files_read\"}",
    needs_many: false,
};

pub(super) const LISTINGS: Attack = Attack {
    connections: (20, 20),
    request: |_| get("/api/v1/list/many?limit=1000000"),
    figure: "passerelle_places_held{kind=\"listed_bytes\"}",
    needs_many: true,
};

pub(super) const ARCHIVES: Attack = Attack {
    connections: (12, 12),
    request: |_| get("/api/v1/archive?path=many"),
    figure: "passerelle_places_held{kind=\"archive_bytes\"}",
    needs_many: true,
};

pub(super) const COPIES: Attack = Attack {
    connections: (1_000, 40),
    request: |number| {
        let change = format!(r#"{{"action":"copy","items":[{{"from":"many","to":"copy{number}"}}]}}"#);
        post("/api/v1/changes", "Content-Type: application/json\r\nPrefer: respond-async", &change)
    },
    figure: "passerelle_places_held{kind=\"jobs\"}",
    needs_many: true,
};

pub(super) const CREATIONS: Attack = Attack {
    connections: (11, 1),
    request: |_| {
        let head = "Tus-Resumable: 1.0.0\r\nUpload-Length: 1000000\r\nUpload-Metadata: filename dW5lbmRlZA==";
        post("/api/v1/uploads", head, "").repeat(1_000)
    },
    figure: "passerelle_http_requests_total{route=\"uploads\",method=\"POST\",status=\"201\"}",
    needs_many: false,
};

pub(super) const WATCHES: Attack = Attack {
    connections: (FOLDERS, FOLDERS),
    request: |number| get(&format!("/api/v1/events?path=watched%2F{number}")),
    figure: "passerelle_places_held{kind=\"watches\"}",
    needs_many: false,
};

impl Attack {
    /// Opens the connections, sends a request on each, and reads no answer.
    pub(super) fn begin(&self, server: &Server, quick: bool) -> Held {
        let wanted = if quick { self.connections.1 } else { self.connections.0 };
        let open = |number| {
            let mut stream = client::connect_from(ADDRESS, server.address).ok()?;
            stream.set_write_timeout(Some(GROWTH_TIME)).ok()?;
            // A refused connection may be closed already.
            let _ = stream.write_all((self.request)(number).as_bytes());
            Some(stream)
        };
        let connections: Vec<_> = (0..wanted).filter_map(open).collect();
        thread::sleep(GROWTH_TIME);
        let note = format!("{} connections of the attacker, of {wanted} wanted", connections.len());
        Held { note, _connections: connections }
    }

    /// How much of the server it takes at present, by [`Attack::figure`].
    pub(super) fn extent(&self, server: &Server) -> Outcome<f64> {
        let metrics = client::body(server.address, "/metrics", "")?;
        let metrics = String::from_utf8_lossy(&metrics);
        let value = metrics.lines().find_map(|line| line.strip_prefix(self.figure)?.trim().parse().ok());
        Ok(value.unwrap_or(0.0))
    }
}

/// The connections of the attacker, for as long as this lives.
pub(super) struct Held {
    pub(super) note: String,
    _connections: Vec<TcpStream>,
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}")
}
