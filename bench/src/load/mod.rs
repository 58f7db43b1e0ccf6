//! `load`: many clients at once, slow ones and too many, and a bound for each thing that must hold meanwhile.
//!
//! - [`many`] holds connections that wait and connections that ask, [`large`] has 64 of them download at once;
//! - [`slow`] takes hardly anything, or nothing at all; [`mixed`] goes up and down at the same time;
//! - [`flood`] comes with more connections than there may be;
//! - [`probe`] is somebody who looks at a folder during all of it;
//! - [`wish`] is what the person asked for, [`found`] what a scenario came to, [`page`] keeps it.
//!
//! Every bound that is broken fails the command; a quick run leaves out those that are of speed.

mod flood;
mod found;
mod large;
mod many;
mod mixed;
mod page;
mod probe;
mod slow;
mod wish;

use std::{path::Path, time::Duration};

use crate::{
    measure::{
        data::{Data, Scale},
        peers::{Manner, Peer, Peers},
        server::{Server, raise_open_files},
    },
    program,
};
use found::Found;
use wish::Wish;
use xtask::repo::{Failure, Outcome, Repo};

const FULL: Scale = Scale { big_bytes: 512 << 20, small_files: 1_000, folder_files: 10_000, huge_files: 100_000 };
const QUICK: Scale = Scale { big_bytes: 128 << 20, small_files: 200, folder_files: 2_000, huge_files: 5_000 };

struct Scenario {
    name: &'static str,
    title: &'static str,
    run: fn(&Ground) -> Outcome<Found>,
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "idle", title: "connections that wait", run: many::idle },
    Scenario { name: "active", title: "connections that all ask for small files", run: many::active },
    Scenario { name: "downloads", title: "64 large downloads at a time", run: large::downloads },
    Scenario { name: "slow", title: "clients that take little, and clients that take nothing", run: slow::readers },
    Scenario { name: "mixed", title: "up and down at the same time", run: mixed::both_ways },
    Scenario { name: "flood", title: "more connections than there may be", run: flood::flood },
];

/// What every scenario works with.
struct Ground {
    data: Data,
    peers: Peers,
    quick: bool,
    /// How many files this process may have open, and so how many connections.
    open_files: u64,
}

pub(crate) fn load(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let wish = wish::parse(arguments).ok_or_else(|| Failure(format!("{}\n{}", wish::USAGE, list())))?;
    if wish.write && (wish.quick || !wish.only.is_empty()) {
        return Err(Failure("`--write` keeps all scenarios at their full size: no `--only`, no `--quick`".into()));
    }
    if let Some(name) = wish.only.iter().find(|name| !SCENARIOS.iter().any(|scenario| scenario.name == **name)) {
        return Err(Failure(format!("there is no scenario `{name}`\n{}", list())));
    }
    let program = match &wish.program {
        Some(program) => program.clone(),
        // What is handed out, as the others are.
        None => program::optimised(repo)?,
    };
    play(repo, &wish, &program)
}

fn play(repo: &Repo, wish: &Wish, program: &Path) -> Outcome<()> {
    let open_files = raise_open_files();
    let (scale, name) = if wish.quick { (QUICK, "quick") } else { (FULL, "full") };
    let data = Data::ensure(&repo.target("load").join(name), scale)?;
    let ground = Ground { data, peers: Peers::ours(program), quick: wish.quick, open_files };
    let wanted = |scenario: &&Scenario| wish.only.is_empty() || wish.only.iter().any(|name| name == scenario.name);
    let mut played = Vec::new();
    for scenario in SCENARIOS.iter().filter(wanted) {
        println!("{}: {}", scenario.name, scenario.title);
        let found = (scenario.run)(&ground).map_err(|failure| Failure(format!("{}: {failure}", scenario.name)))?;
        found.notes.iter().for_each(|note| println!("    {note}"));
        found.claims.iter().for_each(|claim| println!("    {}", claim.sentence(wish.quick)));
        played.push((scenario, found));
    }
    if wish.write {
        println!("Writing docs/measurements");
        page::write(repo, &ground, &played)?;
    }
    let held = || played.iter().flat_map(|(_, found)| &found.claims).filter(|claim| claim.is_held(wish.quick));
    let broken = held().filter(|claim| claim.is_broken(wish.quick)).count();
    println!("{} of {} bounds hold", held().count() - broken, held().count());
    if broken == 0 { Ok(()) } else { Err(Failure(format!("{broken} bound(s) are broken, see above"))) }
}

fn list() -> String {
    let line = |scenario: &Scenario| format!("  {:<10} {}", scenario.name, scenario.title);
    SCENARIOS.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Ground {
    /// Starts the server over the served data.
    fn start(&self, flags: &[&str]) -> Outcome<Server> {
        let manner = Manner { flags, ..Manner::default() };
        self.peers.start(Peer::Ours, &self.data.served, &self.data.scratch, manner)
    }

    /// Of this process's open files, as many as that, and some left for everything else.
    fn connections(&self, full: u64, quick: u64) -> usize {
        let wanted = if self.quick { quick } else { full };
        let most = self.open_files.saturating_sub(500);
        if wanted > most {
            println!("    {wanted} connections are more than this system allows: {most} (`ulimit -Hn`)");
        }
        usize::try_from(wanted.min(most)).unwrap_or(usize::MAX)
    }

    fn time(&self, full: f64) -> Duration {
        Duration::from_secs_f64(if self.quick { full / 4.0 } else { full })
    }
}
