//! `dist`: the program to hand out, with every optimisation and the page inside.

use std::path::PathBuf;

use crate::{
    program::{self, Https, Profile},
    repo::{Outcome, Repo},
    steps::Steps,
};

pub(crate) fn dist(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let program = build(repo, &mut steps)?;
    steps.step(&format!("Done: {}", program.display()));
    Ok(())
}

/// Returns the path of the program.
pub(crate) fn build(repo: &Repo, steps: &mut Steps) -> Outcome<PathBuf> {
    program::build(repo, steps, Profile::Dist, Https::Included)
}
