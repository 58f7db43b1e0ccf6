//! Builds the page into `target/spa`, compressed, unless its sources are those of the last build.

use std::{fs, iter, thread};

use crate::{
    child, fingerprint,
    repo::{AtPath, Failure, Outcome, Repo},
    steps::Steps,
    tools,
};

/// Sources of the page and of what builds it.
const INPUTS: &[&str] = &[
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "bundler",
    "frontend",
    "index.html",
    "rust-toolchain.toml",
    "shared",
];
/// The arguments that `trunk build --release` gives cargo, so that it finds the programs compiled.
const COMPILE: &[&str] = &[
    "build",
    "--target=wasm32-unknown-unknown",
    "--manifest-path",
    "frontend/Cargo.toml",
    "--profile",
    "wasm-release",
    "--locked",
    "--bins",
];
const PROGRAMS: &str = "wasm32-unknown-unknown/wasm-release";
const REMEDY: &str = "fix the errors above and start the command again";

/// Work that runs beside the compilation of the page.
pub(crate) type Job<'a> = Box<dyn FnOnce() -> Outcome<()> + Send + 'a>;

/// Builds the page if its sources have changed, and runs the jobs in any case.
///
/// The page, the bundler and what `beside` builds are three cargo runs with a profile each: they share no folder, so none
/// waits for the lock of another, and the single-threaded end of each leaves a core to the others.
pub(crate) fn ensure(repo: &Repo, steps: &mut Steps, beside: Vec<Job<'_>>) -> Outcome<()> {
    // Of the sources that are compiled now: an edit meanwhile must not count as built.
    let sources = fingerprint_of_sources(repo)?;
    if is_built_from(repo, &sources) {
        steps.step("The page has not changed");
        return side_by_side(beside);
    }
    steps.step("Building the page");
    tools::ensure_target(repo, tools::WASM_TARGET)?;
    let mut sizes = String::new();
    let page: Job<'_> = Box::new(|| {
        sizes = build(repo, &sources)?;
        Ok(())
    });
    side_by_side(iter::once(page).chain(beside).collect())?;
    steps.note(&sizes);
    Ok(())
}

/// Whether `target/spa` was made from the sources as they are.
pub(crate) fn is_fresh(repo: &Repo) -> Outcome<bool> {
    Ok(is_built_from(repo, &fingerprint_of_sources(repo)?))
}

fn is_built_from(repo: &Repo, sources: &str) -> bool {
    let built = fs::read_to_string(repo.target("spa.stamp"));
    built.is_ok_and(|built| built == sources) && repo.target("spa/index.html").is_file()
}

/// Of the sources, and of the arguments that they are compiled with.
fn fingerprint_of_sources(repo: &Repo) -> Outcome<String> {
    fingerprint::of(&repo.root, INPUTS, &COMPILE.join(" "))
}

/// Returns the sizes of the page, in words.
fn build(repo: &Repo, sources: &str) -> Outcome<String> {
    side_by_side(vec![Box::new(|| compile_bundler(repo)), Box::new(|| compile_programs(repo))])?;
    bundle(repo, sources)
}

fn side_by_side(jobs: Vec<Job<'_>>) -> Outcome<()> {
    thread::scope(|scope| {
        let running: Vec<_> = jobs.into_iter().map(|job| scope.spawn(job)).collect();
        let outcomes: Vec<Outcome<()>> = running.into_iter().map(|job| job.join().unwrap_or_else(panicked)).collect();
        outcomes.into_iter().collect()
    })
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Outcome<()> {
    Err(Failure("a step of the build panicked; its message is above".to_owned()))
}

fn compile_programs(repo: &Repo) -> Outcome<()> {
    child::must(repo, "compiling the page", &mut repo.cargo(COMPILE), REMEDY)
}

/// Into `target/tool`, with the program `bindgen` that trunk calls.
pub(crate) fn compile_bundler(repo: &Repo) -> Outcome<()> {
    let mut build = repo.cargo(&["build", "--profile", "tool", "--locked", "--package", "bundler"]);
    child::must(repo, "compiling the bundler", &mut build, REMEDY)
}

fn bundle(repo: &Repo, sources: &str) -> Outcome<String> {
    let stamp = repo.target("spa.stamp");
    // Removed before the page is: an interrupted build must not count as a finished one.
    if stamp.exists() {
        fs::remove_file(&stamp).at(&stamp)?;
    }
    let mut bundler = repo.program("target/tool/bundler");
    bundler.arg("index.html").arg(repo.target(PROGRAMS)).arg(repo.target("spa"));
    let mut sizes = String::new();
    let is_done = child::watch(repo, "bundling the page", &mut bundler, child::Show::Pulse, |line| {
        if line.contains("compressed") {
            sizes = line.to_owned();
        }
    })?;
    if !is_done {
        return Err(Failure(format!("bundling the page failed; {REMEDY}")));
    }
    fs::write(&stamp, sources).at(&stamp)?;
    Ok(sizes)
}
