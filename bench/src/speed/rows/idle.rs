//! Memory of an idle keep-alive connection.

use super::super::{
    fixture::Fixture,
    results::Results,
    table::{Better, Reading, Side, Table},
};
use crate::measure::{
    client,
    data::{SMALL, small_name},
    peers::{Peer, ServerOptions},
    server::Server,
    verdict::Bound,
};
use xtask::repo::Outcome;

const KIBIBYTE: f64 = 1024.0;
const WARM: usize = 64;
const MANY_CONNECTIONS: &[&str] = &["--http-connections-max", "20000", "--http-client-percent", "100"];

pub(crate) fn memory(fixture: &Fixture) -> Outcome<Results> {
    let connections = fixture.scale.idle_connections;
    let options = ServerOptions { flags: MANY_CONNECTIONS, ..ServerOptions::default() };
    let mut sides = Vec::new();
    for peer in fixture.peers.of(&[Peer::Ours, Peer::Nginx]) {
        let server = fixture.start(peer, options)?;
        let target = peer.file(&format!("{SMALL}/{}", small_name(0)));
        let value = bytes_each(&server, &target, connections)? / KIBIBYTE;
        let readings = vec![Reading { value, work: 1.0, ..Reading::default() }];
        sides.push(Side { name: peer.name().into(), peer: Some(peer), readings, peak: Some(server.peak_memory()) });
    }
    let mut table = Table {
        title: format!("{connections} idle keep-alive connections"),
        unit: "KiB each",
        better: Better::Lower,
        cpu_unit: None,
        sides,
        verdicts: Vec::new(),
        notes: vec!["The growth of resident memory after each connection had downloaded one small file.".to_owned()],
    };
    if let Some(ours) = table.sides.first().filter(|side| side.peer == Some(Peer::Ours)) {
        let value = ours.value(Better::Lower);
        table.verdict("memory of an idle connection", value, "KiB", Bound::AtMost(16.0));
    }
    Ok(Results::table(table))
}

/// The growth of resident memory for each of `connections`, after one download on each.
fn bytes_each(server: &Server, target: &str, connections: usize) -> Outcome<f64> {
    // The server makes some allocations once, at its first connections.
    client::open_idle(server.address, target, WARM)?;
    let before = server.resident_memory();
    let held = client::open_idle(server.address, target, connections)?;
    let grown = server.memory_at_rest().saturating_sub(before);
    drop(held);
    Ok(grown as f64 / connections as f64)
}
