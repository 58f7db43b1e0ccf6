//! `ci`: what decides whether a change may land. Every check counts as one test, and all of them run. `check` is its
//! first part, which takes a minute or two once all is compiled.

use std::process::Command;

#[cfg(target_os = "linux")]
use crate::macos;
use crate::{
    bench,
    counts::Counts,
    fuzz,
    repo::{Outcome, Repo, in_ci},
    spa,
    steps::Steps,
    suites, tidy, tools, windows,
};

/// Interrupted pieces of work: enough to notice that something is wrong at all.
const CRASHES: &str = "20";

pub(crate) fn ci(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let outcome = everything(repo, &mut steps);
    suites::close(&steps, outcome)
}

pub(crate) fn check(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let outcome = spa::ensure(repo, &mut steps, vec![tools::cargo_deny()]).and_then(|()| checked(repo, &mut steps));
    suites::close(&steps, outcome)
}

fn everything(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let browser = suites::set_up(repo, steps, vec![tools::cargo_deny()])?;
    let mut total = checked(repo, steps)?;
    total += fuzzing(repo, steps)?;
    total += suites::all(repo, steps, &browser)?;
    total += measurements(repo, steps)?;
    Ok(total)
}

/// What the compiler and other readers of the source can tell, without running anything.
fn checked(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let mut total = Counts::default();
    for (title, mut command) in checks(repo) {
        steps.step(title);
        total += steps.check(repo, title, &mut command)?;
    }
    steps.step("tidy");
    total += steps.verdict("tidy", tidy::tidy(repo));
    total += for_windows(repo, steps)?;
    total += for_macos(repo, steps)?;
    Ok(total)
}

fn checks(repo: &Repo) -> Vec<(&'static str, Command)> {
    let mut documentation = repo.cargo(&["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    // Written for those who read the source: a link from a room's door to what is behind it is wanted.
    documentation.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    let clippy = ["clippy", "--locked", "--all-targets"];
    let mut host = repo.cargo(&clippy);
    host.args(["--workspace", "--", "-D", "warnings"]);
    let mut page = repo.cargo(&clippy);
    // `shared` comes along as its dependency; its own tests use crates that are not for this target.
    page.args(["--package", "frontend", "--target", "wasm32-unknown-unknown"]);
    page.args(["--", "-D", "warnings"]);
    vec![
        ("cargo fmt", repo.cargo(&["fmt", "--all", "--check"])),
        ("clippy on the host", host),
        ("clippy for the page", page),
        ("cargo deny", repo.cargo(&["deny", "--workspace", "--locked", "check", "bans", "licenses", "sources"])),
        ("cargo doc", documentation),
    ]
}

fn for_windows(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    elsewhere(repo, steps, "clippy for Windows", |repo| windows::ready(repo).map(|()| windows::lint(repo)))
}

/// On other systems there is no stand-in for Apple's compiler; on macOS it is the host.
#[cfg(target_os = "linux")]
fn for_macos(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    elsewhere(repo, steps, "clippy for macOS", macos::lint)
}

#[cfg(not(target_os = "linux"))]
fn for_macos(_: &Repo, _: &mut Steps) -> Outcome<Counts> {
    Ok(Counts { skipped: 1, ..Counts::default() })
}

/// What is missing for it is a skip: compilers for another system are not asked of every machine.
fn elsewhere(
    repo: &Repo,
    steps: &mut Steps,
    title: &str,
    lint: impl FnOnce(&Repo) -> Outcome<Command>,
) -> Outcome<Counts> {
    steps.step(title);
    match lint(repo) {
        Ok(mut lint) => steps.check(repo, title, &mut lint),
        Err(failure) => {
            println!("    {failure}");
            Ok(Counts { skipped: 1, ..Counts::default() })
        }
    }
}

/// A missing nightly compiler is a skip on a person's machine and a failure where it decides.
fn fuzzing(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let mut total = Counts::default();
    let targets = fuzz::targets(repo)?;
    if targets.is_empty() {
        return Ok(total);
    }
    steps.step("Looking for the fuzzer");
    if let Err(failure) = fuzz::ready(repo) {
        if in_ci() {
            return Ok(steps.verdict("the fuzzer", Err(failure)));
        }
        println!("    {failure}");
        return Ok(Counts { skipped: 1, ..Counts::default() });
    }
    for target in targets {
        steps.step(&format!("Fuzzing {target} for {} s", fuzz::SECONDS_DEFAULT));
        total += steps.check(repo, &fuzz::label(&target), &mut fuzz::one(repo, &target, fuzz::SECONDS_DEFAULT))?;
    }
    Ok(total)
}

/// Against the binary that the host tests built: a few crashes, then speed and load in small. The last two check that
/// everything works, and every bound that is not one of speed.
fn measurements(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let mut total = Counts::default();
    if !cfg!(target_os = "linux") {
        return Ok(Counts { skipped: 3, ..total });
    }
    let program = repo.target("debug/passerelle").to_string_lossy().into_owned();
    for (title, name, option) in [
        ("crash", "crash", &["--count", CRASHES][..]),
        ("bench --quick", "speed", &["--quick"]),
        ("load --quick", "load", &["--quick"]),
    ] {
        steps.step(title);
        let arguments = [option, &["--program", &program]].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        total += steps.check(repo, title, &mut bench::command(repo, name, &arguments))?;
    }
    Ok(total)
}
