//! Uploads: a large file, beside a plain copy to the disk, and many small files.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use super::{
    super::{
        fixture::{Contender, Fixture},
        results::Results,
        table::{Better, Reading, Table},
    },
    downloads::{GIGABYTE, expect},
};
use crate::measure::{
    client,
    data::{BIG, SMALL, SMALL_BYTES, small_name},
    engine::{self, End, Workload},
    peers::{Peer, ServerOptions},
    server::Server,
};
use xtask::{
    child,
    repo::{AtPath, Failure, Outcome},
};

const CONNECTIONS: usize = 8;
const CREATED: u16 = 201;
const DISK: &str = "dd conv=fdatasync";
const RELAXED: &str = "passerelle, relaxed";

pub(crate) fn large(fixture: &Fixture) -> Outcome<Results> {
    let source = fixture.data.served.join(BIG);
    let mut contenders = vec![disk(fixture, &source)?];
    for peer in fixture.peers.of(&[Peer::Ours, Peer::Split, Peer::Dufs, Peer::Copyparty]) {
        let (folder, server) = receiver(fixture, peer.name(), peer, &[])?;
        let (source, mut checked) = (source.clone(), false);
        contenders.push(Contender::of_server(peer.name(), peer, server, move |server| {
            let reading = put_large(server, peer, &source)?;
            let target = folder.join("file");
            if !checked {
                same_content(&source, &target)?;
                checked = true;
            }
            fs::remove_file(&target).at(&target)?;
            Ok(reading)
        }));
    }
    let mut table = Table {
        title: format!("{} MiB uploaded, one connection", fixture.data.size.big_bytes >> 20),
        unit: "GB/s",
        better: Better::Higher,
        cpu_unit: Some(("s CPU per GB", 1.0)),
        sides: fixture.alternate(contenders)?,
        verdicts: Vec::new(),
        notes: vec![
            "Ours and dd acknowledge after the sync to the disk, the others before it. The uploaded file was compared."
                .into(),
        ],
    };
    table.goal_between("a large upload against dd conv=fdatasync", Peer::Ours.name(), DISK, 0.7);
    table.goal_against("a large upload", &[(Peer::Dufs, 3.0), (Peer::Copyparty, 1.5)]);
    Ok(Results::table(table))
}

/// A plain copy of the file to the disk, with a sync.
fn disk<'a>(fixture: &Fixture, source: &Path) -> Outcome<Contender<'a>> {
    let target = fixture.data.empty("dd")?.join("file");
    let (source, gigabytes) = (source.to_owned(), fixture.data.size.big_bytes as f64 / GIGABYTE);
    Ok(Contender::alone(DISK, move || {
        let mut dd = Command::new("dd");
        dd.arg(format!("if={}", source.display())).arg(format!("of={}", target.display()));
        let begun = Instant::now();
        child::output(dd.args(["bs=1M", "conv=fdatasync"])).ok_or_else(|| Failure("dd failed".to_owned()))?;
        let seconds = begun.elapsed().as_secs_f64();
        fs::remove_file(&target).at(&target)?;
        Ok(Reading { value: gigabytes / seconds, work: gigabytes, ..Reading::default() })
    }))
}

fn put_large(server: &Server, peer: Peer, source: &Path) -> Outcome<Reading> {
    let mut file = File::open(source).at(source)?;
    let bytes = file.metadata().at(source)?.len();
    let body = |stream: &mut _| io::copy(&mut file, stream).map(drop);
    let timed = client::put(server.address, &peer.file("file"), bytes, body)?;
    expect(client::Timed { body_bytes: 0, ..timed }, CREATED, 0)?;
    let work = bytes as f64 / GIGABYTE;
    Ok(Reading { value: work / timed.whole, work, ..Reading::default() })
}

pub(crate) fn small(fixture: &Fixture) -> Outcome<Results> {
    let source = fixture.data.served.join(SMALL).join(small_name(0));
    let content = fs::read(&source).at(&source)?;
    let sides = [
        (Peer::Ours.name(), Peer::Ours, &[][..]),
        (RELAXED, Peer::Ours, &["--durability", "relaxed"][..]),
        (Peer::Split.name(), Peer::Split, &[]),
        (Peer::Dufs.name(), Peer::Dufs, &[]),
        (Peer::Copyparty.name(), Peer::Copyparty, &[]),
    ];
    let mut contenders = Vec::new();
    for (name, peer, flags) in sides {
        if fixture.peers.of(&[peer]).is_empty() {
            continue;
        }
        let (folder, server) = receiver(fixture, name, peer, flags)?;
        let (content, mut round) = (&content, 0);
        contenders.push(Contender::of_server(name, peer, server, move |server| {
            round += 1;
            put_small(fixture, server, peer, content, &folder, round)
        }));
    }
    let mut table = Table {
        title: format!("4 KiB files uploaded, {CONNECTIONS} keep-alive connections"),
        unit: "files/s",
        better: Better::Higher,
        cpu_unit: Some(("µs CPU per file", 1e6)),
        sides: fixture.alternate(contenders)?,
        verdicts: Vec::new(),
        notes: vec![
            "Only ours acknowledges after the sync to the disk; with `relaxed` the kernel syncs later, as for the others.".into(),
        ],
    };
    table.goal_against("small uploads, durable,", &[(Peer::Copyparty, 1.5)]);
    table.goal_between("small uploads, relaxed, against dufs", RELAXED, Peer::Dufs.name(), 1.0);
    Ok(Results::table(table))
}

fn put_small(
    fixture: &Fixture,
    server: &Server,
    peer: Peer,
    content: &[u8],
    folder: &Path,
    round: u32,
) -> Outcome<Reading> {
    let below = folder.join(format!("round-{round}"));
    fs::create_dir_all(&below).at(&below)?;
    let request = |serial: u64, out: &mut Vec<u8>| {
        let target = peer.file(&format!("round-{round}/f{serial}"));
        let (host, length) = (server.address, content.len());
        let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(content);
    };
    let tally = engine::run(&Workload {
        server: server.address,
        connections: CONNECTIONS,
        threads: 2,
        end: End::After(Duration::from_secs_f64(fixture.scale.seconds)),
        rate: None,
        request: &request,
        status: CREATED,
        body_bytes: None,
    })?
    .flawless()?;
    check_arrived(&below, tally.responses)?;
    // Uploads in progress may still arrive, so this may fail; the next run removes the folder.
    let _ = fs::remove_dir_all(&below);
    let (p50, p99) = (Some(f64::from(tally.latency(0.5))), Some(f64::from(tally.latency(0.99))));
    Ok(Reading { value: tally.per_second(), work: tally.responses as f64, p50, p99, ..Reading::default() })
}

/// At least as many complete files exist as were acknowledged. Uploads in progress may add more.
fn check_arrived(folder: &Path, acknowledged: u64) -> Outcome<()> {
    let entries = fs::read_dir(folder).at(folder)?.flatten();
    let whole = entries.filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() == SMALL_BYTES as u64));
    match whole.count() as u64 {
        count if count >= acknowledged => Ok(()),
        count => Err(Failure(format!("{acknowledged} files were acknowledged and {count} exist"))),
    }
}

/// A writable server over an empty folder.
fn receiver(fixture: &Fixture, name: &str, peer: Peer, flags: &[&str]) -> Outcome<(PathBuf, Server)> {
    let home = fixture.data.empty(&format!("receives-{}", name.replace([' ', ','], "-")))?;
    let folder = home.join("served");
    fs::create_dir_all(&folder).at(&folder)?;
    let options = ServerOptions { writable: true, flags, ..ServerOptions::default() };
    let server = fixture.peers.start(peer, &folder, &home, options)?;
    Ok((folder, server))
}

fn same_content(one: &Path, other: &Path) -> Outcome<()> {
    let mut compare = Command::new("cmp");
    compare.arg("--silent").arg(one).arg(other);
    match child::output(&mut compare) {
        Some(_) => Ok(()),
        None => Err(Failure(format!("{} differs from the uploaded file", other.display()))),
    }
}
