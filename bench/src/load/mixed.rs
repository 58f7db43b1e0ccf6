//! Uploads and downloads at the same time, of small and large files, while a folder is listed.

use std::{fs, thread, time::Duration};

use super::{
    connections,
    fixture::Fixture,
    large_downloads, probe,
    results::{Check, Results},
};
use crate::measure::{
    data::{SMALL, small_name},
    engine::{self, End, Tally, Workload},
    peers::{Peer, ServerOptions},
    server::Server,
};
use xtask::repo::{AtPath, Failure, Outcome};

const UPLOADING: usize = 8;
const DOWNLOADING: usize = 8;
const SMALL_DOWNLOADING: usize = 32;
const WRITABLE: &str = "mixed";

pub(crate) fn both_ways(fixture: &Fixture) -> Outcome<Results> {
    let folder = fixture.data.served.join(WRITABLE);
    if folder.exists() {
        fs::remove_dir_all(&folder).at(&folder)?;
    }
    fs::create_dir_all(&folder).at(&folder)?;
    let options = ServerOptions { writable: true, ..ServerOptions::default() };
    let server = fixture.peers.start(Peer::Ours, &fixture.data.served, &fixture.data.scratch, options)?;
    let time = fixture.time(6.0);
    let ((up, small, big), listings) = probe::beside(&server, time, || all(fixture, &server, time))?;
    let gigabytes = big.received.iter().sum::<u64>() as f64 / 1e9 / big.seconds;
    let (files_up, files_down) = (up.per_second(), small.per_second());
    // Once the server has ended, no upload is still in progress.
    drop(server);
    let there = fs::read_dir(&folder).at(&folder)?.count() as u64;
    fs::remove_dir_all(&folder).at(&folder)?;
    let lost = up.responses.saturating_sub(there) as usize;
    Ok(Results {
        notes: vec![format!(
            "{UPLOADING} connections uploaded {files_up:.0} files/s, {SMALL_DOWNLOADING} downloaded {files_down:.0} \
             small files/s, {DOWNLOADING} downloaded {gigabytes:.2} GB/s"
        )],
        checks: vec![Check::none("acknowledged files that are missing", lost), listings],
    })
}

fn all(fixture: &Fixture, server: &Server, time: Duration) -> Outcome<(Tally, Tally, Tally)> {
    thread::scope(|scope| {
        let big = scope.spawn(|| large_downloads::large_files(fixture, server, DOWNLOADING, time));
        let small =
            scope.spawn(|| connections::small_files(fixture, server, SMALL_DOWNLOADING, End::After(time))?.flawless());
        let up = upload(fixture, server, time);
        let join = |what: &str| Failure(format!("{what} panicked"));
        let small = small.join().unwrap_or_else(|_| Err(join("the client of small files")))?;
        let big = big.join().unwrap_or_else(|_| Err(join("the client of large files")))?;
        Ok((up?, small, big))
    })
}

fn upload(fixture: &Fixture, server: &Server, time: Duration) -> Outcome<Tally> {
    let source = fixture.data.served.join(SMALL).join(small_name(0));
    let content = fs::read(&source).at(&source)?;
    let request = |serial: u64, out: &mut Vec<u8>| {
        let target = Peer::Ours.file(&format!("{WRITABLE}/f{serial}"));
        let (host, length) = (server.address, content.len());
        let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&content);
    };
    engine::run(&Workload {
        server: server.address,
        connections: UPLOADING,
        threads: 1,
        end: End::After(time),
        rate: None,
        request: &request,
        status: 201,
        body_bytes: None,
    })?
    .flawless()
}
