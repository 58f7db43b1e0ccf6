//! Curves: cost by file size, rate by number of connections, time by folder size.

use std::time::Duration;

use super::{
    super::{
        fixture::Fixture,
        results::Results,
        svg::{Chart, Line},
    },
    listings, small,
};
use crate::measure::{
    data::{FOLDER, FOLDERS, HUGE, SIZES, folder_name},
    engine::{self, End, Workload},
    peers::{Peer, ServerOptions},
    server::Server,
};
use xtask::repo::Outcome;

const CONNECTIONS: &[usize] = &[1, 2, 8, 32, 128, 512, 1000];
/// Few, so that the client leaves processor time to the server on a small machine.
const CONNECTIONS_BY_SIZE: usize = 8;
const MICROSECONDS: f64 = 1e6;
/// All connections come from one address.
const ONE_CLIENT: &[&str] = &["--http-client-percent", "100"];
const SIDES: &[Peer] = &[Peer::Ours, Peer::Split, Peer::Nginx];

pub(crate) fn all(fixture: &Fixture) -> Outcome<Results> {
    Ok(Results { tables: Vec::new(), charts: vec![by_size(fixture)?, by_connections(fixture)?, by_folder(fixture)?] })
}

fn time(fixture: &Fixture) -> End<'static> {
    End::After(Duration::from_secs_f64(fixture.scale.seconds / 2.0))
}

fn by_size(fixture: &Fixture) -> Outcome<Chart> {
    let servers = start(fixture, SIDES)?;
    let mut lines = empty_lines(&servers);
    for bytes in SIZES {
        for ((peer, server), line) in servers.iter().zip(&mut lines) {
            let before = server.cpu();
            let target = peer.file(&format!("size-{bytes}"));
            let answers = download(server, &target, *bytes, time(fixture))?;
            line.points.push((*bytes as f64, (server.cpu() - before) / answers * MICROSECONDS));
        }
    }
    Ok(Chart {
        file: "cost-by-file-size.svg",
        title: "Processor time of a download, by the size of the file",
        x: "bytes of the file",
        y: "µs of processor time, all processes of the server",
        lines,
    })
}

fn download(server: &Server, target: &str, bytes: u64, end: End<'_>) -> Outcome<f64> {
    let request = |_, out: &mut Vec<u8>| {
        out.extend_from_slice(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes());
    };
    let tally = engine::run(&Workload {
        server: server.address,
        connections: CONNECTIONS_BY_SIZE,
        threads: 2,
        end,
        rate: None,
        request: &request,
        status: 200,
        body_bytes: Some(bytes),
    })?
    .flawless()?;
    Ok(tally.responses as f64)
}

fn by_connections(fixture: &Fixture) -> Outcome<Chart> {
    let servers = start(fixture, SIDES)?;
    let mut lines = empty_lines(&servers);
    for connections in CONNECTIONS {
        for ((peer, server), line) in servers.iter().zip(&mut lines) {
            let tally = small::download(fixture, *peer, server, *connections, time(fixture), None)?;
            line.points.push((*connections as f64, tally.per_second()));
        }
    }
    Ok(Chart {
        file: "rate-by-connections.svg",
        title: "4 KiB files a second, by the number of connections",
        x: "keep-alive connections",
        y: "files a second",
        lines,
    })
}

fn by_folder(fixture: &Fixture) -> Outcome<Chart> {
    let size = fixture.data.size;
    let mut folders: Vec<(String, u32)> = FOLDERS.iter().map(|files| (folder_name(*files), *files)).collect();
    folders.push((FOLDER.to_owned(), size.folder_files));
    folders.push((HUGE.to_owned(), size.huge_files));
    folders.sort_by_key(|(_, files)| *files);
    let mut lines =
        ["first page, just started", "first page, warm", "whole, just started", "nginx, whole", "dufs, whole"]
            .map(|name| Line { name: name.to_owned(), points: Vec::new() });
    let nginx = start(fixture, &[Peer::Nginx])?;
    let dufs = start(fixture, &[Peer::Dufs])?;
    for (folder, files) in &folders {
        let page = Peer::Ours.listing(folder);
        let first = |times: usize, target: &str| {
            let server = fixture.start(Peer::Ours, ServerOptions::default())?;
            let mut last = 0.0;
            for _ in 0..times {
                last = listings::listed(&server, target, "")?.value;
            }
            Outcome::Ok(last)
        };
        let mut add = |line: usize, value: f64| lines[line].points.push((f64::from(*files), value));
        add(0, first(1, &page)?);
        add(1, first(3, &page)?);
        add(2, first(1, &format!("{page}{}", listings::WHOLE))?);
        for (line, servers) in [(3, &nginx), (4, &dufs)] {
            for (peer, server) in servers {
                // dufs takes seconds for a large folder, and would take a minute for the huge one.
                if *peer != Peer::Dufs || *files <= size.folder_files {
                    add(line, listings::listed(server, &peer.listing(folder), "")?.value);
                }
            }
        }
    }
    Ok(Chart {
        file: "time-by-folder-size.svg",
        title: "Time to list a folder, by the number of its entries",
        x: "entries of the folder",
        y: "ms",
        lines: lines.into_iter().filter(|line| !line.points.is_empty()).collect(),
    })
}

fn start(fixture: &Fixture, wanted: &[Peer]) -> Outcome<Vec<(Peer, Server)>> {
    fixture
        .peers
        .of(wanted)
        .into_iter()
        .map(|peer| Ok((peer, fixture.start(peer, ServerOptions { flags: ONE_CLIENT, ..ServerOptions::default() })?)))
        .collect()
}

fn empty_lines(servers: &[(Peer, Server)]) -> Vec<Line> {
    servers.iter().map(|(peer, _)| Line { name: peer.name().to_owned(), points: Vec::new() }).collect()
}
