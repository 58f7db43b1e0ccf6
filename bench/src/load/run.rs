//! The command `load`: runs the scenarios, prints their checks, and fails where a bound is broken.

use std::path::Path;

use xtask::repo::{Failure, Outcome, Repo};

use super::{
    args::{self, Args},
    fixture::Fixture,
    page,
    results::Check,
    scenarios::{self, SCENARIOS, Scenario},
};
use crate::{
    measure::{
        data::{Data, DataSize},
        peers::Peers,
        server::raise_open_files,
    },
    program,
};

const FULL: DataSize = DataSize { big_bytes: 512 << 20, small_files: 1_000, folder_files: 10_000, huge_files: 100_000 };
const QUICK: DataSize = DataSize { big_bytes: 128 << 20, small_files: 200, folder_files: 2_000, huge_files: 5_000 };

/// # Errors
/// For wrong arguments, a scenario that cannot run, and a broken bound.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let usage = || format!("{}\n{}", args::USAGE, scenarios::list());
    let args = args::parse(arguments).map_err(|error| Failure(format!("{error}\n{}", usage())))?;
    if let Some(name) = args.only.iter().find(|name| !SCENARIOS.iter().any(|scenario| scenario.name == **name)) {
        return Err(Failure(format!("there is no scenario `{name}`\n{}", scenarios::list())));
    }
    let program = program::under_test(repo, args.program.as_deref(), program::distributed)?;
    program::refuse_quick_build(&program)?;
    play(repo, &args, &program)
}

fn play(repo: &Repo, args: &Args, program: &Path) -> Outcome<()> {
    let open_files = raise_open_files();
    let (size, name) = if args.quick { (QUICK, "quick") } else { (FULL, "full") };
    let data = Data::ensure(&repo.target("load").join(name), size)?;
    let fixture = Fixture { data, peers: Peers::ours(program), quick: args.quick, open_files };
    let wanted = |scenario: &&Scenario| args.only.is_empty() || args.only.iter().any(|name| name == scenario.name);
    let mut played = Vec::new();
    for scenario in SCENARIOS.iter().filter(wanted) {
        println!("{}: {}", scenario.name, scenario.title);
        let results = (scenario.run)(&fixture).map_err(|failure| Failure(format!("{}: {failure}", scenario.name)))?;
        results.notes.iter().for_each(|note| println!("    {note}"));
        results.checks.iter().for_each(|check| println!("    {}", check.sentence(args.quick)));
        played.push((scenario, results));
    }
    if args.write {
        println!("Writing docs/measurements");
        page::write(repo, &fixture, &played)?;
    }
    verdict(played.iter().flat_map(|(_, results)| &results.checks), args.quick)
}

fn verdict<'a>(checks: impl Iterator<Item = &'a Check>, quick: bool) -> Outcome<()> {
    let enforced: Vec<&Check> = checks.filter(|check| check.is_enforced(quick)).collect();
    let broken = enforced.iter().filter(|check| check.is_broken(quick)).count();
    println!("{} of {} bounds hold", enforced.len() - broken, enforced.len());
    if broken == 0 { Ok(()) } else { Err(Failure(format!("{broken} bound(s) are broken, see above"))) }
}
