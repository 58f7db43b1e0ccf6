//! `dist`: the one binary to hand out, with the page inside.

use crate::{
    child,
    repo::{Outcome, Repo},
    spa,
    steps::Steps,
};

pub(crate) fn dist(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    spa::ensure(repo, &mut steps, Vec::new())?;
    steps.step("Building the binary with every optimisation");
    let mut build = repo.cargo(&["build", "--profile", "dist", "--locked", "--package", "backend"]);
    child::must(repo, "building the binary", &mut build, "mend what the lines above name and start again")?;
    steps.step(&format!("Done: {}", repo.target("dist/passerelle").display()));
    Ok(())
}
