//! `bench`: this server and others side by side over the same files in one run.
//!
//! - [`wish`] is what the person asked for, [`effort`] how much that is;
//! - [`rows`] is the work, [`table`] what came of it and how it stands against the goals;
//! - [`report`] prints it and [`page`] keeps it, [`svg`] draws the curves.
//!
//! Only what was measured in the same run is ever compared: the sides take turns, round by round, so that what disturbs
//! the machine disturbs all of them.

mod effort;
mod page;
mod report;
mod rows;
mod svg;
mod table;
mod wish;

use std::path::Path;

use crate::{
    measure::{
        data::Data,
        peers::{Manner, Peer, Peers},
        server::{Server, raise_open_files},
    },
    program,
};
use effort::{Effort, FULL, QUICK};
use rows::ROWS;
use table::{Reading, Side};
use wish::Wish;
use xtask::repo::{Failure, Outcome, Repo};

/// What every row works with.
struct Bench {
    data: Data,
    peers: Peers,
    effort: Effort,
}

pub(crate) fn speed(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let wish = wish::parse(arguments).ok_or_else(|| Failure(format!("{}\n{}", wish::USAGE, rows::list())))?;
    if wish.write && (wish.quick || !wish.rows.is_empty()) {
        return Err(Failure("`--write` keeps the whole benchmark at its full size: no `--row`, no `--quick`".into()));
    }
    let unknown = wish.rows.iter().find(|name| !ROWS.iter().any(|row| row.name == **name));
    if let Some(name) = unknown {
        return Err(Failure(format!("there is no row `{name}`\n{}", rows::list())));
    }
    let program = match &wish.program {
        Some(program) => program.clone(),
        // What is handed out, as the others are.
        None => program::optimised(repo)?,
    };
    measure(repo, &wish, &program)
}

fn measure(repo: &Repo, wish: &Wish, program: &Path) -> Outcome<()> {
    raise_open_files();
    let (effort, name) = if wish.quick { (QUICK, "quick") } else { (FULL, "full") };
    let effort = Effort { rounds: wish.rounds.unwrap_or(effort.rounds), ..effort };
    let data = Data::ensure(&repo.target("bench").join(name), effort.scale)?;
    let peers = Peers::find(repo, program);
    let bench = Bench { data, peers, effort };
    let mut measured = Vec::new();
    for row in ROWS.iter().filter(|row| wish.rows.is_empty() || wish.rows.iter().any(|name| name == row.name)) {
        println!("{}: {}", row.name, row.title);
        let found = (row.measure)(&bench)?;
        found.tables.iter().for_each(report::print);
        measured.push(found);
    }
    report::print_verdicts(&measured);
    if wish.write {
        println!("Writing docs/measurements");
        page::write(repo, &bench, &measured)?;
    }
    Ok(())
}

type Once<'a> = Box<dyn FnMut(Option<&Server>) -> Outcome<Reading> + 'a>;

/// One side of a row: what it is called, what runs for it, and how it is measured once.
struct Turn<'a> {
    name: String,
    peer: Option<Peer>,
    /// None for what is no server, and for what starts its own each time.
    server: Option<Server>,
    once: Once<'a>,
}

impl<'a> Turn<'a> {
    fn of_server(
        name: impl Into<String>,
        peer: Peer,
        server: Server,
        mut once: impl FnMut(&Server) -> Outcome<Reading> + 'a,
    ) -> Self {
        let name = name.into();
        let label = name.clone();
        let once = Box::new(move |server: Option<&Server>| match server {
            Some(server) => once(server).map_err(|failure| Failure(format!("{label}: {failure}"))),
            None => Err(Failure(format!("{label} does not run"))),
        });
        Self { name, peer: Some(peer), server: Some(server), once }
    }

    /// What is no server, or starts one for each round.
    fn alone(name: impl Into<String>, mut once: impl FnMut() -> Outcome<Reading> + 'a) -> Self {
        Self { name: name.into(), peer: None, server: None, once: Box::new(move |_| once()) }
    }
}

impl Bench {
    /// Starts the peer over the served data.
    fn start(&self, peer: Peer, manner: Manner<'_>) -> Outcome<Server> {
        self.peers.start(peer, &self.data.served, &self.data.scratch, manner)
    }

    /// Starts each of the peers that is here over the served data, and has all take turns, round by round.
    fn each(
        &self,
        wanted: &[Peer],
        manner: Manner<'_>,
        once: impl Fn(Peer, &Server) -> Outcome<Reading>,
    ) -> Outcome<Vec<Side>> {
        let once = &once;
        let turn = |peer| {
            let server = self.start(peer, manner)?;
            Ok(Turn::of_server(peer.name(), peer, server, move |server| once(peer, server)))
        };
        let turns = self.peers.of(wanted).into_iter().map(turn).collect::<Outcome<Vec<_>>>()?;
        self.take_turns(turns)
    }

    fn take_turns(&self, mut turns: Vec<Turn<'_>>) -> Outcome<Vec<Side>> {
        let mut readings = vec![Vec::new(); turns.len()];
        for _ in 0..self.effort.rounds {
            for (turn, readings) in turns.iter_mut().zip(&mut readings) {
                let cpu = |turn: &Turn<'_>| turn.server.as_ref().map_or(0.0, Server::cpu);
                let before = cpu(turn);
                let reading = (turn.once)(turn.server.as_ref())?;
                readings.push(Reading { cpu: cpu(turn) - before, ..reading });
            }
        }
        let side = |(turn, readings): (Turn<'_>, Vec<Reading>)| Side {
            name: turn.name,
            peer: turn.peer,
            readings,
            peak: turn.server.map(|server| server.peak_memory()),
        };
        Ok(turns.into_iter().zip(readings).map(side).collect())
    }
}
