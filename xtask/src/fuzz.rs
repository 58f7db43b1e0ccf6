//! `fuzz`: feeds each fuzz target for a while. The targets are whatever lies in `fuzz/fuzz_targets`.

use std::{fs, process::Command};

use crate::{
    child,
    repo::{AtPath, Failure, Outcome, Repo},
    steps::Steps,
    tools,
};

pub(crate) const SECONDS_DEFAULT: u32 = 60;
const BROKEN: &str = "an input breaks it, or it did not build: the lines above name it";
const NIGHTLY_MISSING: &str = "the fuzzer needs a nightly compiler: `rustup toolchain install nightly`";

pub(crate) fn fuzz(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let seconds = match arguments {
        [] => SECONDS_DEFAULT,
        [number] => number.parse().map_err(|_| Failure("say `cargo xtask fuzz [SECONDS]`".to_owned()))?,
        _ => return Err(Failure("say `cargo xtask fuzz [SECONDS]`".to_owned())),
    };
    let mut steps = Steps::start();
    steps.step("Looking for the fuzzer");
    ready(repo)?;
    for target in targets(repo)? {
        steps.step(&format!("Fuzzing {target} for {seconds} s"));
        child::must(repo, &label(&target), &mut one(repo, &target, seconds), BROKEN)?;
    }
    Ok(())
}

/// Says what is missing, or installs it.
pub(crate) fn ready(repo: &Repo) -> Outcome<()> {
    if child::output(Command::new("rustup").args(["run", "nightly", "rustc", "--version"])).is_none() {
        return Err(Failure(NIGHTLY_MISSING.to_owned()));
    }
    tools::install(repo, &tools::missing(repo, vec![tools::cargo_fuzz()]))
}

/// The names of the targets, in order.
pub(crate) fn targets(repo: &Repo) -> Outcome<Vec<String>> {
    let folder = repo.path("fuzz/fuzz_targets");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
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

/// Ends badly at the first input that makes the target panic, overrun its memory or hang, and says where it is kept.
pub(crate) fn one(repo: &Repo, target: &str, seconds: u32) -> Command {
    let mut command = repo.program("rustup");
    command.args(["run", "nightly", "cargo", "fuzz", "run", target, "--", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}")).env_remove("CARGO_TARGET_DIR");
    // A toolchain named in the environment wins over the one that was asked for.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTC");
    command
}
