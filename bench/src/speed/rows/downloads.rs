//! Large downloads: one whole file, and 64 ranges of it at a time.

use std::fs::File;
use std::io::Read;

use super::super::{
    fixture::Fixture,
    results::Results,
    table::{Better, Reading, Table},
};
use crate::measure::{
    client::{self, Timed},
    data::BIG,
    engine::{self, End, Workload},
    peers::{Peer, ServerOptions},
    server::Server,
    verdict::Bound,
};
use xtask::repo::{AtPath, Failure, Outcome};

pub(crate) const GIGABYTE: f64 = 1e9;
const MEBIBYTE: f64 = (1 << 20) as f64;
const PARTS: u64 = 64;
const ALL: &[Peer] =
    &[Peer::Ours, Peer::Split, Peer::SplitUnix, Peer::Nginx, Peer::Dufs, Peer::Miniserve, Peer::Copyparty];

pub(crate) fn one(fixture: &Fixture) -> Outcome<Results> {
    let bytes = fixture.data.size.big_bytes;
    let sides = fixture.each(ALL, ServerOptions::default(), |peer, server| {
        let timed = client::get(server.address, &peer.file(BIG), "", &mut |_| ())?;
        expect(timed, 200, bytes)?;
        let work = bytes as f64 / GIGABYTE;
        let first_byte = Some(timed.first_byte * 1e3);
        Ok(Reading { value: work / timed.whole, work, first_byte, ..Reading::default() })
    })?;
    check_content(fixture)?;
    let mut table = Table {
        title: format!("{} MiB, one connection", bytes >> 20),
        unit: "GB/s",
        better: Better::Higher,
        cpu_unit: Some(("s CPU per GB", 1.0)),
        sides,
        verdicts: Vec::new(),
        notes: vec!["The content was compared with the file on the disk.".to_owned()],
    };
    let least = [(Peer::Dufs, 2.0), (Peer::Miniserve, 2.0), (Peer::Copyparty, 1.0), (Peer::Nginx, 0.8)];
    table.goal_against("one large download", &least);
    table.cpu_goal_against("processor time of a download", &[(Peer::Dufs, 0.5), (Peer::Nginx, 1.5)]);
    Ok(Results::table(table))
}

/// # Errors
/// For a response with another status or length.
pub(crate) fn expect(timed: Timed, status: u16, bytes: u64) -> Outcome<()> {
    if (timed.status, timed.body_bytes) == (status, bytes) {
        return Ok(());
    }
    Err(Failure(format!("status {} with {} bytes instead of {status} with {bytes}", timed.status, timed.body_bytes)))
}

/// Compares a download of ours with the file on the disk.
fn check_content(fixture: &Fixture) -> Outcome<()> {
    let path = fixture.data.served.join(BIG);
    let mut file = File::open(&path).at(&path)?;
    let server = fixture.start(Peer::Ours, ServerOptions::default())?;
    let mut wanted = Vec::new();
    let mut same = true;
    client::get(server.address, &Peer::Ours.file(BIG), "", &mut |bytes| {
        wanted.resize(bytes.len(), 0);
        same &= file.read_exact(&mut wanted).is_ok() && wanted == bytes;
    })?;
    if same { Ok(()) } else { Err(Failure("the download differs from the file".to_owned())) }
}

pub(crate) fn many(fixture: &Fixture) -> Outcome<Results> {
    let sides = fixture.each(ALL, ServerOptions::default(), |peer, server| parts(fixture, peer, server))?;
    let peak = sides.iter().find(|side| side.peer == Some(Peer::Ours)).and_then(|side| side.peak).unwrap_or_default();
    let mut table = Table {
        title: format!("{PARTS} parts of {} KiB at a time", (fixture.data.size.big_bytes / PARTS) >> 10),
        unit: "GB/s",
        better: Better::Higher,
        cpu_unit: Some(("s CPU per GB", 1.0)),
        sides,
        verdicts: Vec::new(),
        notes: vec!["The latency is that of a whole part.".to_owned()],
    };
    table.goal_against("64 downloads at a time", &[(Peer::Dufs, 5.0), (Peer::Miniserve, 1.5), (Peer::Nginx, 0.9)]);
    table.verdict("peak memory during 64 downloads", peak as f64 / MEBIBYTE, "MiB", Bound::AtMost(64.0));
    Ok(Results::table(table))
}

fn parts(fixture: &Fixture, peer: Peer, server: &Server) -> Outcome<Reading> {
    let part = fixture.data.size.big_bytes / PARTS;
    let target = peer.file(BIG);
    let request = |serial: u64, out: &mut Vec<u8>| {
        let (first, last) = (serial * part, serial * part + part - 1);
        let head = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nRange: bytes={first}-{last}\r\n\r\n", server.address);
        out.extend_from_slice(head.as_bytes());
    };
    let tally = engine::run(&Workload {
        server: server.address,
        connections: PARTS as usize,
        threads: 2,
        end: End::Requests(PARTS),
        rate: None,
        request: &request,
        status: 206,
        body_bytes: Some(part),
    })?
    .flawless()?;
    let work = tally.body_bytes as f64 / GIGABYTE;
    let (p50, p99) = (Some(f64::from(tally.latency(0.5))), Some(f64::from(tally.latency(0.99))));
    Ok(Reading { value: work / tally.seconds, work, p50, p99, ..Reading::default() })
}
