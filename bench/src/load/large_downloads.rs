//! 64 large downloads at a time: each makes progress, and the memory of the server is bounded.

use std::time::Duration;

use super::{
    fixture::Fixture,
    probe,
    results::{Check, Results},
};
use crate::measure::{
    data::BIG,
    engine::{self, End, Tally, Workload},
    peers::Peer,
    server::Server,
    verdict::Bound,
};
use xtask::repo::Outcome;

const CONNECTIONS: usize = 64;
const PEAK_MEBIBYTES_MAX: f64 = 64.0;
/// The client reads every readable connection in turn, so a large spread is the doing of the server.
const SPREAD_MAX: f64 = 4.0;

pub(crate) fn downloads(fixture: &Fixture) -> Outcome<Results> {
    let server = fixture.start(&[])?;
    let time = fixture.time(6.0);
    let (tally, listings) = probe::beside(&server, time, || large_files(fixture, &server, CONNECTIONS, time))?;
    let (least, most) = (tally.received.iter().min().copied(), tally.received.iter().max().copied());
    let spread = most.unwrap_or_default() as f64 / least.unwrap_or_default() as f64;
    let gigabytes = tally.received.iter().sum::<u64>() as f64 / 1e9;
    let peak = server.peak_memory() as f64 / f64::from(1 << 20);
    let nothing = tally.received.iter().filter(|taken| **taken == 0).count();
    let rate = gigabytes / tally.seconds;
    Ok(Results {
        notes: vec![format!("{CONNECTIONS} downloads, {rate:.2} GB/s in total")],
        checks: vec![
            Check::none("downloads without a byte", nothing),
            Check::of_speed(
                "bytes of the fastest download against the slowest",
                spread,
                "×",
                Bound::AtMost(SPREAD_MAX),
            ),
            Check::anywhere("peak memory of the server", peak, "MiB", Bound::AtMost(PEAK_MEBIBYTES_MAX)),
            listings,
        ],
    })
}

pub(crate) fn large_files(fixture: &Fixture, server: &Server, connections: usize, time: Duration) -> Outcome<Tally> {
    let target = Peer::Ours.file(BIG);
    let request = |_, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    engine::run(&Workload {
        server: server.address,
        connections,
        threads: 2,
        end: End::After(time),
        rate: None,
        request: &request,
        status: 200,
        body_bytes: Some(fixture.data.size.big_bytes),
    })?
    .flawless()
}
