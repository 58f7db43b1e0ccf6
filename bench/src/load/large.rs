//! 64 large downloads at a time: everybody gets a share, and the server needs little for it.

use std::time::Duration;

use super::{
    Ground,
    found::{Claim, Found},
    probe,
};
use crate::measure::{
    data::BIG,
    engine::{self, End, Load, Tally},
    peers::Peer,
    server::Server,
    verdict::Bound,
};
use xtask::repo::Outcome;

const CONNECTIONS: usize = 64;
const PEAK_MEBIBYTES_MAX: f64 = 64.0;
/// The client reads from whoever has something, so an unfair server shows.
const SPREAD_MAX: f64 = 4.0;

pub(super) fn downloads(ground: &Ground) -> Outcome<Found> {
    let server = ground.start(&[])?;
    let time = ground.time(6.0);
    let (tally, listings) = probe::beside(&server, time, || large_files(ground, &server, CONNECTIONS, time))?;
    let (least, most) = (tally.taken.iter().min().copied(), tally.taken.iter().max().copied());
    let spread = most.unwrap_or_default() as f64 / least.unwrap_or_default() as f64;
    let gigabytes = tally.taken.iter().sum::<u64>() as f64 / 1e9;
    let peak = server.peak_memory() as f64 / f64::from(1 << 20);
    let nothing = tally.taken.iter().filter(|taken| **taken == 0).count();
    let rate = gigabytes / tally.seconds;
    Ok(Found {
        notes: vec![format!("{CONNECTIONS} downloads, {rate:.2} GB/s together")],
        claims: vec![
            Claim::none("downloads that got nothing", nothing),
            Claim::of_speed("what the fastest of them got against the slowest", spread, "×", Bound::AtMost(SPREAD_MAX)),
            Claim::anywhere("peak memory of the server", peak, "MiB", Bound::AtMost(PEAK_MEBIBYTES_MAX)),
            listings,
        ],
    })
}

pub(super) fn large_files(ground: &Ground, server: &Server, connections: usize, time: Duration) -> Outcome<Tally> {
    let target = Peer::Ours.file(BIG);
    let request = |_, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    engine::run(&Load {
        server: server.address,
        connections,
        threads: 2,
        end: End::After(time),
        rate: None,
        request: &request,
        status: 200,
        body_bytes: Some(ground.data.scale.big_bytes),
    })?
    .flawless()
}
