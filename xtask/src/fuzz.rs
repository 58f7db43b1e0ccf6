//! `fuzz`: runs the fuzz targets, which are the files in `fuzz/fuzz_targets`.

use std::{fs, process::Command};

use crate::{
    child,
    repo::{AtPath, Failure, Outcome, Repo},
    steps::Steps,
    tools,
};

const SECONDS_DEFAULT: u32 = 60;
const BROKEN: &str = "an input breaks it, or it did not build: the lines above name it";
const NIGHTLY_MISSING: &str = "the fuzzer needs a nightly compiler: `rustup toolchain install nightly`";

/// Runs each target for so many seconds.
pub(crate) fn fuzz(repo: &Repo, seconds: Option<u32>) -> Outcome<()> {
    let seconds = seconds.unwrap_or(SECONDS_DEFAULT);
    let mut steps = Steps::start();
    steps.step("Building the fuzz targets");
    ready(repo)?;
    child::must(repo, "cargo fuzz build", &mut build(repo), BROKEN)?;
    for target in targets(repo)? {
        steps.step(&format!("Fuzzing {target} for {seconds} s"));
        child::must(repo, &label(&target), &mut one(repo, &target, seconds), BROKEN)?;
    }
    Ok(())
}

/// Installs cargo-fuzz.
///
/// # Errors
/// Where there is no nightly compiler; the sentence says how to get one.
pub(crate) fn ready(repo: &Repo) -> Outcome<()> {
    if child::output(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])).is_none() {
        return Err(Failure(NIGHTLY_MISSING.to_owned()));
    }
    tools::install(repo, &tools::missing(repo, vec![tools::cargo_fuzz()]))
}

/// The names of the targets, sorted.
pub(crate) fn targets(repo: &Repo) -> Outcome<Vec<String>> {
    let folder = repo.path("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).at(&folder)? {
        let path = entry.at(&folder)?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

pub(crate) fn label(target: &str) -> String {
    format!("fuzzing {target}")
}

/// Compiles all targets.
pub(crate) fn build(repo: &Repo) -> Command {
    nightly(repo, &["fuzz", "build"])
}

/// Fails at the first input that makes the target panic, overrun its memory or hang, and prints where that input is kept.
pub(crate) fn one(repo: &Repo, target: &str, seconds: u32) -> Command {
    let mut command = nightly(repo, &["fuzz", "run", target, "--", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}"));
    command
}

/// Cargo of the nightly toolchain, which a toolchain named in the environment would override.
fn nightly(repo: &Repo, arguments: &[&str]) -> Command {
    let mut command = repo.program("rustup");
    command.args(["run", "nightly", "cargo"]).args(arguments);
    for name in ["CARGO_TARGET_DIR", "RUSTUP_TOOLCHAIN", "CARGO", "RUSTC"] {
        command.env_remove(name);
    }
    command
}
