//! More connections than the limit: the server refuses them cleanly, and existing connections are served as before.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    connections,
    fixture::Fixture,
    results::{Check, Results},
};
use crate::measure::{
    client,
    data::{SMALL, small_name},
    engine::{End, Tally},
    peers::Peer,
    server::Server,
    verdict::Bound,
};
use xtask::repo::{Failure, Outcome};

const CONNECTIONS_MAX: &str = "200";
/// Connections before the flood: half of the limit.
const SETTLED: usize = 100;
const FLOOD: usize = 2_000;
const FLOOD_QUICK: usize = 500;
/// How long the server may take to accept connections again after the flood.
const RECOVERY_SECONDS_MAX: f64 = 10.0;
/// After which the server counts as broken.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(120);

/// Processor time of the server after which the first connections are being served.
const SETTLED_SECONDS: f64 = 0.1;
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// How the server treated a connection of the flood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Treatment {
    Served,
    /// 503, or closed without a response.
    Refused,
    /// Another status, or no response in time.
    Wrong,
}

pub(crate) fn flood(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(&["--http-connections-max", CONNECTIONS_MAX, "--http-client-percent", "100"])?;
    let count = if fixture.quick { FLOOD_QUICK } else { FLOOD };
    let gone = AtomicBool::new(false);
    let (settled, treatments) = thread::scope(|scope| {
        let settled = scope.spawn(|| connections::small_files(fixture, &server, SETTLED, End::When(&gone)));
        let before = server.cpu();
        // The server works for them, so they are accepted.
        while server.cpu() - before < SETTLED_SECONDS && !settled.is_finished() {
            thread::sleep(POLL_INTERVAL);
        }
        let treatments = open_flood(&server, count);
        gone.store(true, Ordering::Relaxed);
        let settled = settled.join().unwrap_or_else(|_| Err(Failure("the client of small files panicked".to_owned())));
        Outcome::<(Tally, Vec<Treatment>)>::Ok((settled?, treatments))
    })?;
    let number = |wanted: Treatment| treatments.iter().filter(|end| **end == wanted).count();
    let (served, refused, wrong) = (number(Treatment::Served), number(Treatment::Refused), number(Treatment::Wrong));
    let mut notes = vec![format!(
        "of {count} new connections {served} were served and {refused} refused; {SETTLED} existing ones continued"
    )];
    notes.extend(settled.first_failure.map(|first| format!("a request of an existing connection failed: {first}")));
    let recovered =
        recovery_time(&server).ok_or_else(|| Failure("the server accepts no connection after the flood".to_owned()))?;
    let (back, most) = ("time until new connections are served again", Bound::AtMost(RECOVERY_SECONDS_MAX));
    Ok(Results {
        notes,
        checks: vec![
            Check::none("failed requests of existing connections", settled.failures as usize),
            Check::none("new connections that were neither served nor refused cleanly", wrong),
            Check::of_speed(back, recovered.as_secs_f64(), "s", most),
        ],
    })
}

/// Opens all connections at once, and sends a request on each.
fn open_flood(server: &Server, count: usize) -> Vec<Treatment> {
    let opened: Vec<Option<TcpStream>> = (0..count).map(|_| client::connect(server.address).ok()).collect();
    let mut treatments = Vec::with_capacity(count);
    let mut held = Vec::new();
    for stream in opened {
        // The kernel refused the connection.
        let Some(mut stream) = stream else {
            treatments.push(Treatment::Refused);
            continue;
        };
        treatments.push(ask(&mut stream, server));
        held.push(stream);
    }
    treatments
}

fn ask(stream: &mut TcpStream, server: &Server) -> Treatment {
    let target = Peer::Ours.file(&format!("{SMALL}/{}", small_name(0)));
    let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    // The server may have closed the connection already; its response can still be read.
    let _ = stream.write_all(head.as_bytes());
    let mut response = [0; 64];
    match stream.read(&mut response) {
        Ok(0) => Treatment::Refused,
        Ok(count) if response[..count].starts_with(b"HTTP/1.1 200") => Treatment::Served,
        Ok(count) if response[..count].starts_with(b"HTTP/1.1 503") => Treatment::Refused,
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Treatment::Refused,
        _ => Treatment::Wrong,
    }
}

/// The time until a new connection is served; `None` after the timeout.
fn recovery_time(server: &Server) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < RECOVERY_TIMEOUT {
        if client::connect(server.address).is_ok_and(|mut stream| ask(&mut stream, server) == Treatment::Served) {
            return Some(begun.elapsed());
        }
        thread::sleep(POLL_INTERVAL);
    }
    None
}
