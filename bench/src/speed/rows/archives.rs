//! A folder of small files as one ZIP without compression.

use super::{
    super::{
        fixture::Fixture,
        results::Results,
        table::{Better, Reading, Table},
    },
    zip,
};
use crate::measure::{
    client,
    data::{SMALL, SMALL_BYTES},
    peers::{Peer, ServerOptions},
};
use xtask::repo::{Failure, Outcome};

pub(crate) fn archive(fixture: &Fixture) -> Outcome<Results> {
    let files = fixture.data.size.small_files;
    let wanted = [Peer::Ours, Peer::Split, Peer::Dufs, Peer::Miniserve, Peer::Copyparty];
    for peer in fixture.peers.of(&[Peer::Ours]) {
        let body = client::body(fixture.start(peer, ServerOptions::default())?.address, &peer.archive(SMALL), "")?;
        let found = zip::check(&body)
            .ok_or_else(|| Failure("the response is not a ZIP archive, or its checksums are wrong".to_owned()))?;
        // The archive may contain an entry for the folder itself.
        if found < files {
            return Err(Failure(format!("the archive has {found} entries of {files}")));
        }
    }
    let sides = fixture.each(&wanted, ServerOptions::default(), |peer, server| {
        let target = peer.archive(SMALL);
        let timed = client::get(server.address, &target, "", &mut |_| ())?;
        if timed.status != 200 || timed.body_bytes < files * SMALL_BYTES as u64 {
            return Err(Failure(format!("GET {target}: {} with {} bytes", timed.status, timed.body_bytes)));
        }
        let first_byte = Some(timed.first_byte * 1e3);
        Ok(Reading { value: timed.whole * 1e3, work: 1.0, first_byte, ..Reading::default() })
    })?;
    let mut table = Table {
        title: format!("an archive of {files} files of 4 KiB"),
        unit: "ms",
        better: Better::Lower,
        cpu_unit: Some(("ms CPU each", 1e3)),
        sides,
        verdicts: Vec::new(),
        notes: vec!["The archive of ours was checked once, with every checksum in it.".to_owned()],
    };
    table.goal_against("an archive of small files", &[(Peer::Dufs, 5.0), (Peer::Copyparty, 1.0)]);
    Ok(Results::table(table))
}
