//! Builds the page in release into `target/spa`, compressed, and skips the work when nothing of it changed.

use std::{fs, thread};

use crate::{
    child, fingerprint, precompress,
    repo::{AtPath, Failure, Outcome, Repo},
    steps::Steps,
    tools::{self, Tool},
};

/// All that the page is made from.
const INPUTS: &[&str] = &[
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "frontend",
    "index.html",
    "rust-toolchain.toml",
    "shared",
];
/// What the compiler is asked for; the bundler asks for the very same and then finds it done.
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
const REMEDY: &str = "mend what the lines above name and start again";

/// Installs what the page needs, and builds it if it changed. `more` are tools that the caller needs besides.
pub(crate) fn ensure(repo: &Repo, steps: &mut Steps, more: Vec<Tool>) -> Outcome<()> {
    steps.step("Looking for the tools");
    tools::ensure_wasm_target(repo)?;
    let mut wanted = vec![tools::wasm_bindgen(repo)?, tools::trunk()];
    wanted.extend(more);
    let missing = tools::missing(repo, wanted);

    let print = fingerprint::of(&repo.root, INPUTS, env!("CARGO_PKG_VERSION"))?;
    let stamp = repo.target("spa.stamp");
    let fresh = fs::read_to_string(&stamp).is_ok_and(|kept| kept == print) && repo.target("spa/index.html").is_file();
    if !missing.is_empty() {
        steps.step(if fresh { "Installing the tools" } else { "Installing the tools and compiling the page" });
        install_and_compile(repo, &missing, fresh)?;
    }
    if fresh {
        steps.step("The page has not changed");
        return Ok(());
    }
    steps.step("Bundling the page");
    // First of all: a build that is interrupted must not pass for a finished one.
    if stamp.exists() {
        fs::remove_file(&stamp).at(&stamp)?;
    }
    bundle(repo)?;
    let sizes = precompress::folder(&repo.target("spa"))?;
    steps.note(&format!("{} KiB, compressed {} KiB", sizes.plain / 1024, sizes.brotli / 1024));
    fs::write(&stamp, print).at(&stamp)
}

/// Side by side: the long, single-threaded ends of one fill the other core's gaps.
fn install_and_compile(repo: &Repo, missing: &[Tool], page_is_fresh: bool) -> Outcome<()> {
    thread::scope(|scope| {
        let installing = scope.spawn(|| tools::install(repo, missing));
        let compiled = if page_is_fresh { Ok(()) } else { compile(repo) };
        let installed = installing.join().unwrap_or_else(|_| Err(Failure("installing the tools panicked".to_owned())));
        compiled.and(installed)
    })
}

fn compile(repo: &Repo) -> Outcome<()> {
    child::must(repo, "compiling the page", &mut repo.cargo(COMPILE), REMEDY)
}

fn bundle(repo: &Repo) -> Outcome<()> {
    // Trunk's own report of a compiler's error is a page of backtrace; ours is the compiler's.
    compile(repo)?;
    let mut trunk = repo.program("trunk");
    trunk.args(["build", "--release", "--locked", "--dist", "target/spa"]).env_remove("RUST_BACKTRACE");
    child::must(repo, "bundling the page", &mut trunk, REMEDY)
}
