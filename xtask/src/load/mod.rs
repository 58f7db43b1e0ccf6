//! `load`: many clients at once, slow ones and too many, and a bound for each thing that must hold meanwhile.
//!
//! - [`many`] holds connections that wait and connections that ask, [`large`] has 64 of them download at once;
//! - [`slow`] takes hardly anything, or nothing at all; [`mixed`] goes up and down at the same time;
//! - [`flood`] comes with more connections than there may be;
//! - [`probe`] is somebody who looks at a folder during all of it.
//!
//! Every bound that is broken fails the command.

mod flood;
mod large;
mod many;
mod mixed;
mod probe;
mod slow;

use std::{path::PathBuf, time::Duration};

use crate::{
    measure::{
        data::{Data, Scale},
        peers::{Manner, Peer, Peers},
        server::{Server, raise_open_files},
        verdict::Verdict,
    },
    repo::{Failure, Outcome, Repo},
    run,
    steps::Steps,
};

const USAGE: &str = "say `cargo xtask load [--only NAME]… [--quick] [--program PATH]`";
const FULL: Scale = Scale { big_bytes: 512 << 20, small_files: 1_000, folder_files: 10_000, huge_files: 100_000 };
const QUICK: Scale = Scale { big_bytes: 128 << 20, small_files: 200, folder_files: 2_000, huge_files: 5_000 };

struct Scenario {
    name: &'static str,
    title: &'static str,
    run: fn(&Ground) -> Outcome<Vec<Verdict>>,
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
    let wish = parse(arguments).ok_or_else(|| Failure(format!("{USAGE}\n{}", list())))?;
    if let Some(name) = wish.only.iter().find(|name| !SCENARIOS.iter().any(|scenario| scenario.name == **name)) {
        return Err(Failure(format!("there is no scenario `{name}`\n{}", list())));
    }
    let mut steps = Steps::start();
    let program = match wish.program {
        Some(program) => program,
        None => run::build(repo, &mut steps)?,
    };
    let open_files = raise_open_files();
    let (scale, name) = if wish.quick { (QUICK, "quick") } else { (FULL, "full") };
    let data = Data::ensure(&repo.target("load").join(name), scale, &mut steps)?;
    let ground = Ground { data, peers: Peers::ours(&program), quick: wish.quick, open_files };
    let mut verdicts = Vec::new();
    for scenario in
        SCENARIOS.iter().filter(|scenario| wish.only.is_empty() || wish.only.iter().any(|n| n == scenario.name))
    {
        steps.step(&format!("{}: {}", scenario.name, scenario.title));
        let found = (scenario.run)(&ground).map_err(|failure| Failure(format!("{}: {failure}", scenario.name)))?;
        found.iter().for_each(|verdict| println!("    {}", verdict.sentence()));
        verdicts.extend(found);
    }
    let broken = verdicts.iter().filter(|verdict| !verdict.is_met()).count();
    println!("{} of {} bounds hold", verdicts.len() - broken, verdicts.len());
    if broken == 0 { Ok(()) } else { Err(Failure(format!("{broken} bound(s) are broken, see above"))) }
}

fn list() -> String {
    let line = |scenario: &Scenario| format!("  {:<10} {}", scenario.name, scenario.title);
    SCENARIOS.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Wish {
    only: Vec<String>,
    quick: bool,
    /// Another build than the one of the repository as it is.
    program: Option<PathBuf>,
}

fn parse(arguments: &[String]) -> Option<Wish> {
    let mut wish = Wish::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => wish.only.push(arguments.next()?.clone()),
            "--program" => wish.program = Some(arguments.next()?.into()),
            "--quick" => wish.quick = true,
            _ => return None,
        }
    }
    Some(wish)
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

#[cfg(test)]
mod tests {
    use super::{Wish, parse};

    #[test]
    fn what_is_said_is_understood_and_nothing_else() {
        let check = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(check(""), Some(Wish::default()));
        let said = Wish { only: vec!["idle".into()], quick: true, program: Some("p".into()) };
        assert_eq!(check("--only idle --program p --quick"), Some(said));
        for text in ["--only", "idle", "--program"] {
            assert_eq!(check(text), None, "{text}");
        }
    }
}
