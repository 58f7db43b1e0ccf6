//! Thousands of connections: the memory of an idle one, and of one that sends requests.

use std::net::TcpStream;

use super::{
    fixture::Fixture,
    probe,
    results::{Check, Results},
};
use crate::measure::{
    client,
    data::{SMALL, SMALL_BYTES, small_name},
    engine::{self, End, Tally, Workload},
    peers::Peer,
    server::Server,
    verdict::Bound,
};
use crate::random::Random;
use xtask::repo::{Failure, Outcome};

const IDLE: u64 = 10_000;
const IDLE_QUICK: u64 = 1_000;
const ACTIVE: u64 = 1_000;
const ACTIVE_QUICK: u64 = 200;
const IDLE_BYTES_MAX: f64 = 16.0 * 1024.0;
/// Higher, because the server's fixed memory is spread over fewer connections, and an unoptimised build needs more.
const IDLE_BYTES_MAX_QUICK: f64 = 64.0 * 1024.0;
/// Twice the buffers of a request.
const ACTIVE_BYTES_MAX: f64 = 128.0 * 1024.0;
/// Connections before the measured ones, so that allocations that the server makes once are not counted.
const WARM: usize = 64;
const MANY_CONNECTIONS: &[&str] =
    &["--http-connections-max", "20000", "--http-idle-seconds", "600", "--http-client-percent", "100"];

pub(crate) fn idle(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(MANY_CONNECTIONS)?;
    let target = Peer::Ours.file(&format!("{SMALL}/{}", small_name(0)));
    let connections = fixture.connections(IDLE, IDLE_QUICK);
    client::open_idle(server.address, &target, WARM)?;
    let before = server.resident_memory();
    let mut held = client::open_idle(server.address, &target, connections)?;
    let each = server.memory_at_rest().saturating_sub(before) as f64 / connections as f64;
    check_alive(&server, &target, &mut held)?;
    let most = Bound::AtMost(if fixture.quick { IDLE_BYTES_MAX_QUICK } else { IDLE_BYTES_MAX });
    Ok(Results {
        notes: vec![format!("{connections} idle connections, each of which was then answered once more")],
        checks: vec![Check::anywhere("memory of an idle connection", each, "bytes", most)],
    })
}

/// Every connection still gets a response, the oldest one included.
fn check_alive(server: &Server, target: &str, held: &mut [TcpStream]) -> Outcome<()> {
    for stream in held {
        let timed = client::get_again(stream, server.address, target)?;
        if timed.status != 200 {
            return Err(Failure(format!("a connection was answered {} after it had been idle", timed.status)));
        }
    }
    Ok(())
}

pub(crate) fn active(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(MANY_CONNECTIONS)?;
    let connections = fixture.connections(ACTIVE, ACTIVE_QUICK);
    let time = fixture.time(4.0);
    small_files(fixture, &server, WARM, End::Requests(WARM as u64))?.flawless()?;
    let before = server.resident_memory();
    let work = || small_files(fixture, &server, connections, End::After(time))?.flawless();
    let (tally, listings) = probe::beside(&server, time, work)?;
    let each = server.peak_memory().saturating_sub(before) as f64 / connections as f64;
    let (rate, p99) = (tally.per_second(), tally.latency(0.99) / 1000);
    let most = Bound::AtMost(ACTIVE_BYTES_MAX);
    Ok(Results {
        notes: vec![format!("{connections} connections, {rate:.0} files/s, 99 % within {p99} ms")],
        checks: vec![Check::anywhere("peak memory of a busy connection", each, "bytes", most), listings],
    })
}

pub(crate) fn small_files(fixture: &Fixture, server: &Server, connections: usize, end: End<'_>) -> Outcome<Tally> {
    let files = fixture.data.size.small_files;
    let request = |serial: u64, out: &mut Vec<u8>| {
        let target = Peer::Ours.file(&format!("{SMALL}/{}", small_name(Random::seeded(serial).next() % files)));
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    engine::run(&Workload {
        server: server.address,
        connections,
        threads: 2,
        end,
        rate: None,
        request: &request,
        status: 200,
        body_bytes: Some(SMALL_BYTES as u64),
    })
}
