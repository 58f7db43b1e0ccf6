//! The server under test: the program that `--program` names, or a build of the repository as it is.

use std::path::PathBuf;

use xtask::{
    child,
    repo::{Outcome, Repo},
};

const REMEDY: &str = "mend what the lines above name and start again";

/// With every optimisation, as it is handed out.
#[cfg(target_os = "linux")]
pub(crate) fn optimised(repo: &Repo) -> Outcome<PathBuf> {
    child::must(repo, "building the binary", &mut repo.cargo(&["xtask", "dist"]), REMEDY)?;
    Ok(repo.target("dist/passerelle"))
}

/// Without the page, and quick to compile.
pub(crate) fn unoptimised(repo: &Repo) -> Outcome<PathBuf> {
    let mut build = repo.cargo(&["build", "--locked", "--package", "backend"]);
    child::must(repo, "building the server", &mut build, REMEDY)?;
    Ok(repo.target("debug/backend"))
}
