//! `fuzz`: runs the fuzz targets, which are the files in `fuzz/fuzz_targets`.

use std::{env::consts::EXE_SUFFIX, fs, process::Command, thread};

use crate::{
    child,
    repo::{AtPath, Failure, Outcome, Repo},
    steps::Steps,
};

const SECONDS_DEFAULT: u32 = 60;
const BUILT: &str = "fuzz/target";
/// libFuzzer's coverage counters, with the options that `cargo fuzz build --sanitizer none` sets. The workspace forbids
/// `unsafe`: without the address sanitizer the targets compile on the pinned toolchain, and run twice as often.
const FLAGS: &[&str] = &[
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
];
const BROKEN: &str = "an input breaks it, or it did not build: the lines above name it";

/// Runs all targets at once for so many seconds.
pub(crate) fn fuzz(repo: &Repo, seconds: Option<u32>) -> Outcome<()> {
    let seconds = seconds.unwrap_or(SECONDS_DEFAULT);
    let mut steps = Steps::start();
    steps.step("Building the fuzz targets");
    child::must(repo, "building the fuzz targets", &mut build(repo)?, BROKEN)?;
    steps.step(&format!("Fuzzing for {seconds} s"));
    run(repo, seconds)?.into_iter().try_for_each(|(_, outcome)| outcome)
}

/// Runs all targets at once, each on one core, for so many seconds. Returns the outcome of each under its label.
pub(crate) fn run(repo: &Repo, seconds: u32) -> Outcome<Vec<(String, Outcome<()>)>> {
    let targets = targets(repo)?;
    let one = |target: &str| {
        let label = format!("fuzzing {target}");
        let outcome = program(repo, target, seconds).and_then(|mut it| child::must(repo, &label, &mut it, BROKEN));
        (label, outcome)
    };
    Ok(thread::scope(|scope| {
        let running: Vec<_> = targets.iter().map(|target| scope.spawn(|| one(target))).collect();
        running.into_iter().map(|it| it.join().expect("no thread panics: each returns its failure")).collect()
    }))
}

/// The target of the compiler itself.
fn host(repo: &Repo) -> Outcome<String> {
    child::output(repo.program("rustc").args(["--print", "host-tuple"]))
        .ok_or_else(|| Failure("rustc did not answer; install Rust with rustup".to_owned()))
}

/// The names of the targets, sorted.
fn targets(repo: &Repo) -> Outcome<Vec<String>> {
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

/// Compiles all targets.
pub(crate) fn build(repo: &Repo) -> Outcome<Command> {
    let mut command = repo.cargo(&["build", "--release", "--bins", "--manifest-path", "fuzz/Cargo.toml", "--target"]);
    // With `--target`, build scripts and macros are compiled without `FLAGS`.
    command.arg(host(repo)?);
    command.env("CARGO_TARGET_DIR", repo.path(BUILT)).env("RUSTFLAGS", FLAGS.join(" "));
    Ok(command)
}

/// Fails at the first input that makes the target panic, overrun its memory or hang, and prints where that input is kept.
fn program(repo: &Repo, target: &str, seconds: u32) -> Outcome<Command> {
    let (corpus, artifacts) = (format!("fuzz/corpus/{target}"), format!("fuzz/artifacts/{target}/"));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(repo.path(folder)).at(&repo.path(folder))?;
    }
    let program = repo.path(BUILT).join(host(repo)?).join("release").join(format!("{target}{EXE_SUFFIX}"));
    let mut command = Command::new(program);
    command.arg(corpus).arg(format!("-artifact_prefix={artifacts}")).arg("-print_final_stats=1");
    command.arg(format!("-max_total_time={seconds}")).current_dir(&repo.root);
    Ok(command)
}
