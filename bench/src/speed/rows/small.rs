//! Small files over keep-alive connections: how many a second, and how long each takes at half of that.

use std::{fs, time::Duration};

use super::{
    super::{
        Bench,
        table::{Better, Reading, Table},
    },
    Found,
};
use crate::measure::{
    client,
    data::{Random, SMALL, SMALL_BYTES, small_name},
    engine::{self, End, Load, Tally},
    peers::{Manner, Peer},
    server::Server,
    verdict::Bound,
};
use xtask::repo::{AtPath, Failure, Outcome};

const CONNECTIONS: usize = 32;
const MICROSECONDS: f64 = 1e6;

pub(super) fn rate(bench: &Bench) -> Outcome<Found> {
    let wanted = [Peer::Ours, Peer::Split, Peer::SplitUnix, Peer::Nginx, Peer::Dufs, Peer::Miniserve, Peer::Copyparty];
    let sides = bench.each(&wanted, Manner::default(), |peer, server| {
        check_content(bench, peer, server)?;
        let end = End::After(Duration::from_secs_f64(bench.effort.seconds));
        let tally = ask(bench, peer, server, CONNECTIONS, end, None)?;
        Ok(reading(&tally, tally.per_second()))
    })?;
    let mut table = Table {
        title: format!("4 KiB files, {CONNECTIONS} keep-alive connections"),
        unit: "files/s",
        better: Better::Higher,
        cpu_unit: Some(("µs CPU per file", MICROSECONDS)),
        sides,
        verdicts: Vec::new(),
        notes: vec![format!("{} files in turn, not one again and again.", bench.data.scale.small_files)],
    };
    let least = [(Peer::Dufs, 10.0), (Peer::Miniserve, 10.0), (Peer::Copyparty, 10.0), (Peer::Nginx, 0.6)];
    table.hold("small files", &least);
    Ok(Found::table(table))
}

pub(super) fn latency(bench: &Bench) -> Outcome<Found> {
    let time = Duration::from_secs_f64(bench.effort.seconds);
    let rate = {
        let server = bench.start(Peer::Ours, Manner::default())?;
        ask(bench, Peer::Ours, &server, CONNECTIONS, End::After(time), None)?.per_second() / 2.0
    };
    let wanted = [Peer::Ours, Peer::Nginx];
    let sides = bench.each(&wanted, Manner::default(), |peer, server| {
        let tally = ask(bench, peer, server, CONNECTIONS, End::After(time), Some(rate))?;
        Ok(reading(&tally, f64::from(tally.latency(0.99))))
    })?;
    let mut table = Table {
        title: format!("4 KiB files at {rate:.0} a second, {CONNECTIONS} keep-alive connections"),
        unit: "µs, 99 %",
        better: Better::Lower,
        cpu_unit: None,
        sides,
        verdicts: Vec::new(),
        notes: vec!["Half of what ours answers at most, for both; counted from when each request was due.".to_owned()],
    };
    if let Some(ratio) = table.ratio(Peer::Nginx) {
        table.verdict("99 % of the latencies against nginx", 1.0 / ratio, "×", Bound::AtMost(2.0));
    }
    Ok(Found::table(table))
}

/// Small files in an order that repeats only after all of them.
pub(super) fn ask(
    bench: &Bench,
    peer: Peer,
    server: &Server,
    connections: usize,
    end: End<'_>,
    rate: Option<f64>,
) -> Outcome<Tally> {
    let files = bench.data.scale.small_files;
    let request = |serial: u64, out: &mut Vec<u8>| {
        let target = peer.file(&format!("{SMALL}/{}", small_name(Random::new(serial).next() % files)));
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    let load = Load {
        server: server.address,
        connections,
        // A server that is asked at leisure shares two processors with one thread, not with two.
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
    Reading { value, work: tally.answers as f64, p50, p99, ..Reading::default() }
}

fn check_content(bench: &Bench, peer: Peer, server: &Server) -> Outcome<()> {
    let name = format!("{SMALL}/{}", small_name(7));
    let path = bench.data.served.join(&name);
    if client::body(server.address, &peer.file(&name), "")? == fs::read(&path).at(&path)? {
        return Ok(());
    }
    Err(Failure(format!("{} does not answer with {name}", peer.name())))
}
