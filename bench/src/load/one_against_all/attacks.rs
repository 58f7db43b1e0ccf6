//! What the attacker does. Its requests may be refused; it keeps all connections that it gets.

use std::{
    io::Write,
    net::{Ipv4Addr, TcpStream},
    thread,
    time::Duration,
};

use super::data::FOLDERS;
use crate::measure::{client, server::Server};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// How long the server may take to be fully occupied.
const GROWTH_TIME: Duration = Duration::from_secs(3);

/// The connections of the attacker, for as long as this lives.
pub(super) struct Held {
    pub(super) note: String,
    _connections: Vec<TcpStream>,
}

pub(super) fn unread(server: &Server, quick: bool) -> Held {
    hold(server, if quick { 400 } else { 1_100 }, |_| get("/files/big"))
}

pub(super) fn silent(server: &Server, quick: bool) -> Held {
    hold(server, if quick { 600 } else { 3_000 }, |_| String::new())
}

pub(super) fn digests(server: &Server, quick: bool) -> Held {
    hold(server, if quick { 150 } else { 520 }, |_| get("/api/v1/digest/endless"))
}

pub(super) fn listings(server: &Server, _: bool) -> Held {
    hold(server, 20, |_| get("/api/v1/list/many?limit=1000000"))
}

pub(super) fn archives(server: &Server, _: bool) -> Held {
    hold(server, 12, |_| get("/api/v1/archive?path=many"))
}

pub(super) fn copies(server: &Server, quick: bool) -> Held {
    let many = if quick { 40 } else { 1_000 };
    hold(server, many, |number| {
        let change = format!(r#"{{"action":"copy","items":[{{"from":"many","to":"copy{number}"}}]}}"#);
        post("/api/v1/changes", "Content-Type: application/json\r\nPrefer: respond-async", &change)
    })
}

pub(super) fn creations(server: &Server, quick: bool) -> Held {
    let many = if quick { 1_000 } else { 11_000 };
    let head = "Tus-Resumable: 1.0.0\r\nUpload-Length: 1000000\r\nUpload-Metadata: filename dW5lbmRlZA==";
    let requests = (0..many).map(|_| post("/api/v1/uploads", head, "")).collect::<String>();
    hold(server, 1, |_| requests.clone())
}

pub(super) fn watches(server: &Server, _: bool) -> Held {
    hold(server, FOLDERS, |number| get(&format!("/api/v1/events?path=watched%2F{number}")))
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(target: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Opens connections, sends a request on each, and reads no answer.
fn hold(server: &Server, connections: usize, request: impl Fn(usize) -> String) -> Held {
    let open = |number| {
        let mut stream = client::connect_from(ADDRESS, server.address).ok()?;
        stream.set_write_timeout(Some(GROWTH_TIME)).ok()?;
        // A refused connection may be closed already.
        let _ = stream.write_all(request(number).as_bytes());
        Some(stream)
    };
    let held: Vec<_> = (0..connections).filter_map(open).collect();
    thread::sleep(GROWTH_TIME);
    Held { note: format!("{} connections of the attacker, of {connections} wanted", held.len()), _connections: held }
}
