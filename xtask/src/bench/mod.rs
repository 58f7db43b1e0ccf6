//! `bench`: this server and others side by side over the same files in one run.
//!
//! - [`wish`] is what the person asked for, [`data`] the files, [`peers`] the servers;
//! - [`rows`] is the work, [`table`] what came of it and how it stands against the goals;
//! - [`report`] prints and keeps it, [`svg`] draws the curves, [`machine`] says where it was;
//! - [`micro`] is the pieces without a server.
//!
//! Only what was measured in the same run is ever compared: the sides take turns, round by round, so that what disturbs
//! the machine disturbs all of them.

mod data;
pub(crate) mod peers;
mod report;
mod rows;
mod table;
mod wish;

use std::path::PathBuf;

use crate::{
    measure::server::raise_open_files,
    repo::{Failure, Outcome, Repo},
    run,
    steps::Steps,
};
use data::{Data, FULL, QUICK};
use peers::{Manner, Peer, Peers};
use rows::ROWS;
use table::{Reading, Side};

/// What every row works with.
struct Bench {
    data: Data,
    peers: Peers,
    rounds: u32,
}

pub(crate) fn bench(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let wish = wish::parse(arguments).ok_or_else(|| Failure(format!("{}\n{}", wish::USAGE, rows::list())))?;
    let unknown = wish.rows.iter().find(|name| !ROWS.iter().any(|row| row.name == **name));
    if let Some(name) = unknown {
        return Err(Failure(format!("there is no row `{name}`\n{}", rows::list())));
    }
    let mut steps = Steps::start();
    let program = match wish.program {
        Some(program) => program,
        None => run::build(repo, &mut steps)?,
    };
    raise_open_files();
    let (scale, name) = if wish.quick { (QUICK, "quick") } else { (FULL, "full") };
    let data = Data::ensure(repo, scale, name, &mut steps)?;
    let peers = Peers::find(repo, &absolute(program));
    let bench = Bench { data, peers, rounds: wish.rounds.unwrap_or(scale.rounds) };
    let mut measured = Vec::new();
    for row in ROWS.iter().filter(|row| wish.rows.is_empty() || wish.rows.iter().any(|name| name == row.name)) {
        steps.step(&format!("{}: {}", row.name, row.title));
        let tables = (row.measure)(&bench)?;
        tables.iter().for_each(report::print);
        measured.push((row.name, tables));
    }
    report::print_verdicts(&measured);
    Ok(())
}

/// Servers are started in folders of their own.
fn absolute(program: PathBuf) -> PathBuf {
    std::path::absolute(&program).unwrap_or(program)
}

impl Bench {
    /// Starts each of the peers over the served data, and has all take turns, round by round.
    fn take_turns(
        &self,
        wanted: &[Peer],
        manner: Manner<'_>,
        mut once: impl FnMut(Peer, &crate::measure::server::Server) -> Outcome<Reading>,
    ) -> Outcome<Vec<Side>> {
        let mut running = Vec::new();
        for peer in self.peers.of(wanted) {
            let server = self.peers.start(peer, &self.data.served, &self.data.scratch, manner)?;
            running.push((peer, server, Vec::new()));
        }
        for _ in 0..self.rounds {
            for (peer, server, readings) in &mut running {
                let before = server.cpu();
                let reading = once(*peer, server)?;
                readings.push(Reading { cpu: server.cpu() - before, ..reading });
            }
        }
        let side = |(peer, server, readings): (Peer, crate::measure::server::Server, Vec<Reading>)| Side {
            name: peer.name().to_owned(),
            peer: Some(peer),
            readings,
            peak: Some(server.peak_memory()),
        };
        Ok(running.into_iter().map(side).collect())
    }
}
