//! `bench`, `load` and `crash`: run the crate `bench`, which builds the server and drives it from outside.

use std::{env, process::Command};

use crate::{
    child::{self, Show},
    repo::{Failure, Outcome, Repo},
};

/// Runs `speed`, `load` or `crash` of the crate `bench`.
pub(crate) fn run(repo: &Repo, name: &str, arguments: &[String]) -> Outcome<()> {
    let mut command = repo.cargo(&["run", "--quiet", "--locked", "--package", "bench"]);
    // An unoptimised client would limit what it measures.
    if name != "crash" {
        command.arg("--release");
    }
    command.args(["--", name]).args(arguments);
    // A relative path in an argument is one of the caller's folder.
    if let Ok(here) = env::current_dir() {
        command.current_dir(here);
    }
    ended_well(name, child::watch(repo, name, &mut command, Show::Lines, |_| ())?)
}

/// The program `bench` that `cargo test --workspace` has built, which compiles nothing again.
pub(crate) fn built(repo: &Repo, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(repo.target("debug/bench"));
    command.arg(name).args(arguments).current_dir(&repo.root);
    command
}

/// Runs the micro benchmarks by criterion.
pub(crate) fn micro(repo: &Repo) -> Outcome<()> {
    let mut command = repo.cargo(&["bench", "--locked", "--package", "bench"]);
    ended_well("bench --micro", child::watch(repo, "micro benchmarks", &mut command, Show::Lines, |_| ())?)
}

fn ended_well(name: &str, well: bool) -> Outcome<()> {
    if well { Ok(()) } else { Err(Failure(format!("`{name}` failed; the lines above say why"))) }
}
