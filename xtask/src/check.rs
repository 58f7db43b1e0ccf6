//! `check`: formatting, lints, licences, documentation and tidy. Reads the source and runs none of it.

use std::process::Command;

#[cfg(target_os = "linux")]
use crate::macos;
use crate::{
    compiler::Compiler,
    counts::Counts,
    page,
    repo::{Outcome, Repo},
    steps::Steps,
    tidy, tools, windows,
};

pub(crate) fn check(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    let outcome = set_up(repo, &mut steps).and_then(|()| everything(repo, &mut steps));
    steps.close(outcome)
}

fn everything(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let mut total = lints(repo, steps)?;
    total += all_but_lints(repo, steps)?;
    Ok(total)
}

fn set_up(repo: &Repo, steps: &mut Steps) -> Outcome<()> {
    steps.step("Looking for the tools");
    tools::ensure_target(repo, tools::WASM_TARGET)?;
    tools::install(repo, &tools::missing(repo, vec![tools::cargo_deny()]))
}

/// Lints what runs on the host, and compiles it for the tests. Each lint counts as one test.
pub(crate) fn lints(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let tools = ["--package", "bundler", "--package", "xtask"];
    let host = ["--workspace", "--exclude", "bundler", "--exclude", "xtask"];
    let mut total = Counts::default();
    for (title, profile, packages) in
        [("clippy on the tools", "tool", &tools[..]), ("clippy on the host", "dev", &host)]
    {
        steps.step(title);
        let mut build = repo.cargo(&["build", "--locked", "--all-targets", "--profile", profile]);
        build.args(packages);
        total += steps.check(repo, title, &mut Compiler::Clippy.of(build))?;
    }
    Ok(total)
}

/// Runs every other check, whatever the outcome of those before it. Each counts as one test.
pub(crate) fn all_but_lints(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    let mut total = Counts::default();
    for (title, mut command) in checks(repo) {
        steps.step(title);
        total += steps.check(repo, title, &mut command)?;
    }
    steps.step("tidy");
    total += steps.verdict("tidy", tidy::tidy(repo));
    total += windows_lints(repo, steps)?;
    total += macos_lints(repo, steps)?;
    Ok(total)
}

fn checks(repo: &Repo) -> Vec<(&'static str, Command)> {
    let mut documentation = repo.cargo(&["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
    // Readers of the source follow links from a public item to a private one.
    documentation.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    vec![
        ("cargo fmt", repo.cargo(&["fmt", "--all", "--check"])),
        ("clippy for the page", page::programs(repo, Compiler::Clippy)),
        ("cargo deny", repo.cargo(&["deny", "--workspace", "--locked", "check", "bans", "licenses", "sources"])),
        ("cargo doc", documentation),
    ]
}

fn windows_lints(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    cross_lints(repo, steps, "clippy for Windows", |repo| windows::ready(repo).map(|()| windows::lint(repo)))
}

/// Only Linux stands in for Apple's compiler; on macOS the host's clippy does this.
#[cfg(target_os = "linux")]
fn macos_lints(repo: &Repo, steps: &mut Steps) -> Outcome<Counts> {
    cross_lints(repo, steps, "clippy for macOS", macos::lint)
}

#[cfg(not(target_os = "linux"))]
fn macos_lints(_: &Repo, _: &mut Steps) -> Outcome<Counts> {
    Ok(Counts::SKIP)
}

/// Skips where the compiler for the other system is missing.
fn cross_lints(
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
            Ok(Counts::SKIP)
        }
    }
}
