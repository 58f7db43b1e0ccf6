//! `dist`: the one binary to hand out, with the page inside.

use std::path::PathBuf;

use crate::{
    child,
    repo::{Outcome, Repo},
    spa,
    steps::Steps,
};

pub(crate) fn dist(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let binary = build(repo, &mut steps)?;
    steps.step(&format!("Done: {}", binary.display()));
    Ok(())
}

/// Answers where it lies.
pub(crate) fn build(repo: &Repo, steps: &mut Steps) -> Outcome<PathBuf> {
    spa::ensure(repo, steps, Vec::new())?;
    steps.step("Building the binary with every optimisation");
    let mut build = repo.cargo(&["build", "--profile", "dist", "--locked", "--package", "page"]);
    child::must(repo, "building the binary", &mut build, "mend what the lines above name and start again")?;
    Ok(repo.target("dist/passerelle"))
}
