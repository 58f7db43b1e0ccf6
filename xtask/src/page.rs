//! Builds the page into `target/spa`, compressed, unless its sources are those of the last build.

use std::{env::consts::EXE_SUFFIX, fs, path::PathBuf, process::Command, sync::mpsc, thread};

use crate::{
    child,
    compiler::Compiler,
    fingerprint,
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

/// How well the files of the page are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Compression {
    /// With gzip, in less than a second: for a page that this machine alone fetches.
    Quick,
    /// With brotli too, in 15 s.
    Best,
}

impl Compression {
    const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Best => "best",
        }
    }
}

/// The program of the crate `bundler`, and the cargo run that compiles it.
pub(crate) struct Bundler {
    pub(crate) build: Command,
    pub(crate) program: PathBuf,
    pub(crate) compression: Compression,
}

impl Bundler {
    /// In the profile of the tools, with the program `bindgen` that trunk calls.
    pub(crate) fn of_tools(repo: &Repo) -> Self {
        let arguments = ["build", "--locked", "--profile", "tool", "--package", "bundler"];
        let program = repo.target("tool").join(format!("bundler{EXE_SUFFIX}"));
        Self { build: repo.cargo_behind(&arguments), program, compression: Compression::Best }
    }

    pub(crate) fn compile(&mut self, repo: &Repo) -> Outcome<()> {
        child::must(repo, "compiling the bundler", &mut self.build, REMEDY)
    }
}

/// Builds the page if its sources have changed, and runs the jobs in any case.
///
/// The page takes longest and ends with single-threaded steps: it has the processor first, and what else is compiled fills
/// the cores that it leaves. The two are cargo runs with a profile each: they share no folder, so neither waits for the lock
/// of the other.
pub(crate) fn ensure(
    repo: &Repo,
    steps: &mut Steps,
    compiler: Compiler,
    bundler: Bundler,
    beside: Vec<Job<'_>>,
) -> Outcome<()> {
    // Of the sources that are compiled now: an edit meanwhile must not count as built.
    let sources = fingerprint_of_sources(repo)?;
    if is_built_from(repo, &sources, bundler.compression) {
        steps.step("The page has not changed");
        return beside.into_iter().try_for_each(|job| job());
    }
    steps.step("Building the page");
    tools::ensure_target(repo, tools::WASM_TARGET)?;
    let sizes = build(repo, &sources, compiler, bundler, beside)?;
    steps.note(&sizes);
    Ok(())
}

/// Whether `target/spa` was made from the sources as they are, and compressed at least so well.
pub(crate) fn is_fresh(repo: &Repo, compression: Compression) -> Outcome<bool> {
    Ok(is_built_from(repo, &fingerprint_of_sources(repo)?, compression))
}

fn is_built_from(repo: &Repo, sources: &str, compression: Compression) -> bool {
    let built = fs::read_to_string(repo.target("spa.stamp")).unwrap_or_default();
    let is_good_enough = |it: &Compression| *it == compression || *it == Compression::Best;
    let enough = [Compression::Quick, Compression::Best].into_iter().filter(is_good_enough);
    enough.map(|it| stamp(sources, it)).any(|it| it == built) && repo.target("spa/index.html").is_file()
}

fn stamp(sources: &str, compression: Compression) -> String {
    format!("{sources} {}", compression.name())
}

/// Of the sources, and of the arguments that they are compiled with.
fn fingerprint_of_sources(repo: &Repo) -> Outcome<String> {
    fingerprint::of(&repo.root, INPUTS, &COMPILE.join(" "))
}

/// Returns the sizes of the page, in words.
fn build(
    repo: &Repo,
    sources: &str,
    compiler: Compiler,
    mut bundler: Bundler,
    beside: Vec<Job<'_>>,
) -> Outcome<String> {
    let (compiled, ready) = mpsc::channel();
    thread::scope(|scope| {
        let page = scope.spawn(move || {
            compile_programs(repo, compiler)?;
            let bundler = ready.recv().map_err(|_| Failure("the bundler was not compiled".to_owned()))?;
            bundle(repo, sources, &bundler)
        });
        let others = bundler.compile(repo).and_then(|()| {
            // The page is not bundled if it did not compile.
            let _ = compiled.send(bundler);
            beside.into_iter().try_for_each(|job| job())
        });
        drop(compiled);
        let page = page.join().unwrap_or_else(|_| Err(Failure("building the page panicked: see above".to_owned())));
        others.and(page)
    })
}

/// The cargo run that compiles the programs of the page, and lints them if the compiler is clippy.
pub(crate) fn programs(repo: &Repo, compiler: Compiler) -> Command {
    compiler.of(repo.cargo(COMPILE))
}

fn compile_programs(repo: &Repo, compiler: Compiler) -> Outcome<()> {
    let label = "compiling the page";
    let linted = child::must(repo, label, &mut programs(repo, compiler), REMEDY);
    // A page that clippy refuses is tested all the same; the lint is a check of its own.
    if compiler == Compiler::Clippy && linted.is_err() {
        return child::must(repo, label, &mut programs(repo, Compiler::Rustc), REMEDY);
    }
    linted
}

fn bundle(repo: &Repo, sources: &str, bundler: &Bundler) -> Outcome<String> {
    let stamp_file = repo.target("spa.stamp");
    // Removed before the page is: an interrupted build must not count as a finished one.
    if stamp_file.exists() {
        fs::remove_file(&stamp_file).at(&stamp_file)?;
    }
    let mut command = Command::new(&bundler.program);
    command.current_dir(&repo.root).arg("index.html").arg(repo.target(PROGRAMS)).arg(repo.target("spa"));
    let mut sizes = String::new();
    let is_done = child::watch(repo, "bundling the page", &mut command, child::Show::Pulse, |line| {
        if line.contains("compressed") {
            sizes = line.to_owned();
        }
    })?;
    if !is_done {
        return Err(Failure(format!("bundling the page failed; {REMEDY}")));
    }
    fs::write(&stamp_file, stamp(sources, bundler.compression)).at(&stamp_file)?;
    Ok(sizes)
}
