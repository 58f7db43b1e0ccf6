//! Small files over keep-alive connections: the highest rate, and the latency at half of it.

use std::{fs, time::Duration};

use super::super::{
    fixture::Fixture,
    results::Results,
    table::{Better, Reading, Table},
};
use crate::measure::{
    client,
    data::{SMALL, SMALL_BYTES, small_name},
    engine::{self, End, Tally, Workload},
    peers::{Peer, ServerOptions},
    server::Server,
    verdict::Bound,
};
use crate::random::Random;
use xtask::repo::{AtPath, Failure, Outcome};

const CONNECTIONS: usize = 32;
const MICROSECONDS: f64 = 1e6;

pub(crate) fn rate(fixture: &Fixture) -> Outcome<Results> {
    let wanted = [Peer::Ours, Peer::Split, Peer::SplitUnix, Peer::Nginx, Peer::Dufs, Peer::Miniserve, Peer::Copyparty];
    let sides = fixture.each(&wanted, ServerOptions::default(), |peer, server| {
        check_content(fixture, peer, server)?;
        let end = End::After(Duration::from_secs_f64(fixture.scale.seconds));
        let tally = download(fixture, peer, server, CONNECTIONS, end, None)?;
        Ok(reading(&tally, tally.per_second()))
    })?;
    let mut table = Table {
        title: format!("4 KiB files, {CONNECTIONS} keep-alive connections"),
        unit: "files/s",
        better: Better::Higher,
        cpu_unit: Some(("µs CPU per file", MICROSECONDS)),
        sides,
        verdicts: Vec::new(),
        notes: vec![format!("{} different files in random order.", fixture.data.size.small_files)],
    };
    let least = [(Peer::Dufs, 10.0), (Peer::Miniserve, 10.0), (Peer::Copyparty, 10.0), (Peer::Nginx, 0.6)];
    table.goal_against("small files", &least);
    Ok(Results::table(table))
}

pub(crate) fn latency(fixture: &Fixture) -> Outcome<Results> {
    let time = Duration::from_secs_f64(fixture.scale.seconds);
    let rate = {
        let server = fixture.start(Peer::Ours, ServerOptions::default())?;
        download(fixture, Peer::Ours, &server, CONNECTIONS, End::After(time), None)?.per_second() / 2.0
    };
    let wanted = [Peer::Ours, Peer::Nginx];
    let sides = fixture.each(&wanted, ServerOptions::default(), |peer, server| {
        let tally = download(fixture, peer, server, CONNECTIONS, End::After(time), Some(rate))?;
        Ok(reading(&tally, f64::from(tally.latency(0.99))))
    })?;
    let mut table = Table {
        title: format!("4 KiB files at {rate:.0} a second, {CONNECTIONS} keep-alive connections"),
        unit: "µs, 99 %",
        better: Better::Lower,
        cpu_unit: None,
        sides,
        verdicts: Vec::new(),
        notes: vec![
            "Both at half of the highest rate of ours. Latency counts from the moment at which a request was due."
                .to_owned(),
        ],
    };
    if let Some(ratio) = table.ratio(Peer::Nginx) {
        table.verdict("99 % of the latencies against nginx", 1.0 / ratio, "×", Bound::AtMost(2.0));
    }
    Ok(Results::table(table))
}

/// Downloads small files in random order.
pub(crate) fn download(
    fixture: &Fixture,
    peer: Peer,
    server: &Server,
    connections: usize,
    end: End<'_>,
    rate: Option<f64>,
) -> Outcome<Tally> {
    let files = fixture.data.size.small_files;
    let request = |serial: u64, out: &mut Vec<u8>| {
        let target = peer.file(&format!("{SMALL}/{}", small_name(Random::seeded(serial).next() % files)));
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    let load = Workload {
        server: server.address,
        connections,
        // At a moderate rate one client thread is enough, and leaves more of a small machine to the server.
        threads: if rate.is_some() { 1 } else { 2 },
        end,
        rate,
        request: &request,
        status: 200,
        body_bytes: Some(SMALL_BYTES as u64),
    };
    engine::run(&load)?.flawless()
}

fn reading(tally: &Tally, value: f64) -> Reading {
    let (p50, p99) = (Some(f64::from(tally.latency(0.5))), Some(f64::from(tally.latency(0.99))));
    Reading { value, work: tally.responses as f64, p50, p99, ..Reading::default() }
}

fn check_content(fixture: &Fixture, peer: Peer, server: &Server) -> Outcome<()> {
    let name = format!("{SMALL}/{}", small_name(7));
    let path = fixture.data.served.join(&name);
    if client::body(server.address, &peer.file(&name), "")? == fs::read(&path).at(&path)? {
        return Ok(());
    }
    Err(Failure(format!("{} does not respond with the content of {name}", peer.name())))
}
