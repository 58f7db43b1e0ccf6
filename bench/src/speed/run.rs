//! The command `speed`: runs the rows, prints each table, and records a full run.

use std::path::Path;

use xtask::repo::{Failure, Outcome, Repo};

use super::{
    args::{self, Args},
    fixture::Fixture,
    page, report,
    rows::{self, ROWS},
    scale::{FULL, QUICK, Scale},
};
use crate::{
    measure::{data::Data, peers::Peers, server::raise_open_files},
    program,
};

/// # Errors
/// For wrong arguments, and where a row cannot be measured or a server gives a wrong answer. A missed goal is no error.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let args =
        args::parse(arguments).map_err(|error| Failure(format!("{error}\n{}\n{}", args::USAGE, rows::list())))?;
    if let Some(name) = args.rows.iter().find(|name| !ROWS.iter().any(|row| row.name == **name)) {
        return Err(Failure(format!("there is no row `{name}`\n{}", rows::list())));
    }
    // The distributed build, because the other servers are measured as they are distributed.
    let program = program::under_test(repo, args.program.as_deref(), program::distributed)?;
    program::refuse_quick_build(&program)?;
    measure(repo, &args, &program)
}

fn measure(repo: &Repo, args: &Args, program: &Path) -> Outcome<()> {
    raise_open_files();
    let (scale, name) = if args.quick { (QUICK, "quick") } else { (FULL, "full") };
    let scale = Scale { rounds: args.rounds.unwrap_or(scale.rounds), ..scale };
    let data = Data::ensure(&repo.target("bench").join(name), scale.data)?;
    let peers = Peers::find(repo, program);
    let fixture = Fixture { data, peers, scale };
    let mut measured = Vec::new();
    for row in ROWS.iter().filter(|row| args.rows.is_empty() || args.rows.iter().any(|name| name == row.name)) {
        println!("{}: {}", row.name, row.title);
        let results = (row.measure)(&fixture)?;
        results.tables.iter().for_each(report::print);
        measured.push(results);
    }
    report::print_verdicts(&measured);
    if args.write {
        println!("Writing docs/measurements");
        page::write(repo, &fixture, &measured)?;
    }
    Ok(())
}
