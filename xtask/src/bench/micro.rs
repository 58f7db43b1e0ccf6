//! `bench --micro`: the pieces on the hot paths, by criterion, in the crate `bench/` which nothing else compiles.

use crate::{
    child::{self, Show},
    repo::{Failure, Outcome, Repo},
};

pub(super) fn run(repo: &Repo) -> Outcome<()> {
    let mut command = repo.cargo(&["bench", "--locked", "--manifest-path", "bench/Cargo.toml"]);
    // Its own, so that nobody's build waits for this one.
    command.env("CARGO_TARGET_DIR", repo.target("micro"));
    match child::watch(repo, "micro benchmarks", &mut command, Show::Lines, |_| ())? {
        true => Ok(()),
        false => Err(Failure("the micro benchmarks failed; mend what the lines above name".to_owned())),
    }
}
