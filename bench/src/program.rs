//! The server under test: the program that `--program` names, or a build of this repository.

use std::path::{Path, PathBuf};

use xtask::{
    child,
    repo::{Outcome, Repo},
};

const REMEDY: &str = "mend what the lines above name and start again";

/// The named program, or else the one that `build` makes.
pub(crate) fn under_test(repo: &Repo, named: Option<&Path>, build: fn(&Repo) -> Outcome<PathBuf>) -> Outcome<PathBuf> {
    named.map_or_else(|| build(repo), |program| Ok(program.to_owned()))
}

/// Built as it is distributed, with every optimisation.
#[cfg(target_os = "linux")]
pub(crate) fn distributed(repo: &Repo) -> Outcome<PathBuf> {
    child::must(repo, "building the binary", &mut repo.cargo(&["xtask", "dist"]), REMEDY)?;
    Ok(repo.target("dist/passerelle"))
}

/// Built quickly, without the page.
pub(crate) fn unoptimised(repo: &Repo) -> Outcome<PathBuf> {
    let mut build = repo.cargo(&["build", "--locked", "--package", "backend"]);
    child::must(repo, "building the server", &mut build, REMEDY)?;
    Ok(repo.target("debug/backend"))
}
