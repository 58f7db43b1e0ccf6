//! Up and down at the same time: small files and large ones, and somebody who looks.

use std::{fs, thread, time::Duration};

use super::{
    Ground,
    found::{Claim, Found},
    large, many, probe,
};
use crate::measure::{
    data::{SMALL, small_name},
    engine::{self, End, Load, Tally},
    peers::{Manner, Peer},
    server::Server,
};
use xtask::repo::{AtPath, Failure, Outcome};

const UPLOADING: usize = 8;
const DOWNLOADING: usize = 8;
const ASKING: usize = 32;
const WRITABLE: &str = "mixed";

pub(super) fn both_ways(ground: &Ground) -> Outcome<Found> {
    let folder = ground.data.served.join(WRITABLE);
    if folder.exists() {
        fs::remove_dir_all(&folder).at(&folder)?;
    }
    fs::create_dir_all(&folder).at(&folder)?;
    let manner = Manner { writable: true, ..Manner::default() };
    let server = ground.peers.start(Peer::Ours, &ground.data.served, &ground.data.scratch, manner)?;
    let time = ground.time(6.0);
    let ((up, small, big), listings) = probe::beside(&server, time, || all(ground, &server, time))?;
    let gigabytes = big.taken.iter().sum::<u64>() as f64 / 1e9 / big.seconds;
    let (files_up, files_down) = (up.per_second(), small.per_second());
    // What was still under way is over, too, once the server is.
    drop(server);
    let there = fs::read_dir(&folder).at(&folder)?.count() as u64;
    fs::remove_dir_all(&folder).at(&folder)?;
    let lost = up.answers.saturating_sub(there) as usize;
    Ok(Found {
        notes: vec![format!(
            "{UPLOADING} connections brought {files_up:.0} files/s, {ASKING} asked for {files_down:.0} files/s, \
             {DOWNLOADING} downloaded {gigabytes:.2} GB/s"
        )],
        claims: vec![Claim::none("files that were acknowledged and are not there", lost), listings],
    })
}

fn all(ground: &Ground, server: &Server, time: Duration) -> Outcome<(Tally, Tally, Tally)> {
    thread::scope(|scope| {
        let big = scope.spawn(|| large::large_files(ground, server, DOWNLOADING, time));
        let small = scope.spawn(|| many::small_files(ground, server, ASKING, End::After(time))?.flawless());
        let up = upload(ground, server, time);
        let join = |what: &str| Failure(format!("{what} panicked"));
        let small = small.join().unwrap_or_else(|_| Err(join("asking for small files")))?;
        let big = big.join().unwrap_or_else(|_| Err(join("downloading")))?;
        Ok((up?, small, big))
    })
}

fn upload(ground: &Ground, server: &Server, time: Duration) -> Outcome<Tally> {
    let source = ground.data.served.join(SMALL).join(small_name(0));
    let content = fs::read(&source).at(&source)?;
    let request = |serial: u64, out: &mut Vec<u8>| {
        let target = Peer::Ours.file(&format!("{WRITABLE}/f{serial}"));
        let (host, length) = (server.address, content.len());
        let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&content);
    };
    engine::run(&Load {
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
