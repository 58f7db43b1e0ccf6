//! `windows`: lints and tests the server's crates for Windows from another system, with MinGW's linker and Wine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    child,
    counts::Counts,
    repo::{AtPath, Failure, Outcome, Repo},
    steps::Steps,
    tools,
};

const TARGET: &str = "x86_64-pc-windows-gnu";
const LINKER: &str = "x86_64-w64-mingw32-gcc";
/// Debian's package `wine64` installs its program outside `PATH`.
const WINES: [&str; 3] = ["wine64", "wine", "/usr/lib/wine/wine64"];

/// `ProcessPrng`, which Rust's standard library calls and Wine before version 9 lacks.
const RANDOM: &str = "\
#include <stddef.h>
int __stdcall SystemFunction036(void *data, unsigned long length);
__declspec(dllexport) int __stdcall ProcessPrng(void *data, size_t length) {
    return SystemFunction036(data, (unsigned long)length);
}
";
const RANDOM_LIBRARY: &str = "bcryptprimitives.dll";

/// Runs clippy, then the unit tests under Wine.
pub(crate) fn windows(repo: &Repo) -> Outcome<()> {
    let mut steps = Steps::start();
    steps.step("Looking for the tools");
    ready(repo)?;
    steps.step("The server for Windows");
    child::must(repo, "clippy for Windows", &mut lint(repo), "fix the errors above")?;
    let Some(wine) = wine() else {
        return Err(Failure("to run the tests install Wine: `apt-get install wine64`".to_owned()));
    };
    let outcome = tests(repo, &mut steps, &wine);
    steps.close(outcome)
}

/// Installs the compiler's library for Windows.
///
/// # Errors
/// Where MinGW's linker is missing; the sentence says how to get it.
pub(crate) fn ready(repo: &Repo) -> Outcome<()> {
    tools::ensure_target(repo, TARGET)?;
    match child::output(Command::new(LINKER).arg("--version")) {
        Some(_) => Ok(()),
        None => Err(Failure(format!("building for Windows needs {LINKER}: `apt-get install gcc-mingw-w64-x86-64`"))),
    }
}

/// Clippy for Windows: what only other systems use is an unused item there.
pub(crate) fn lint(repo: &Repo) -> Command {
    let mut command = repo.cargo(&["clippy", "--locked", "--package", "shared", "--package", "backend"]);
    command.args(["--target", TARGET, "--", "-D", "warnings"]);
    command
}

fn wine() -> Option<PathBuf> {
    let answers = |program: &Path| child::output(Command::new(program).arg("--version")).is_some();
    WINES.map(PathBuf::from).into_iter().find(|program| answers(program))
}

fn tests(repo: &Repo, steps: &mut Steps, wine: &Path) -> Outcome<Counts> {
    let mut total = Counts::default();
    let folder = repo.target("wine");
    fs::create_dir_all(&folder).at(&folder)?;
    let source = folder.join("random.c");
    fs::write(&source, RANDOM).at(&source)?;
    let mut build = repo.program(LINKER);
    build.arg("-shared").arg("-o").arg(folder.join(RANDOM_LIBRARY)).arg(&source).arg("-ladvapi32");
    child::must(repo, RANDOM_LIBRARY, &mut build, "reinstall MinGW")?;
    for package in ["shared", "backend"] {
        let title = format!("unit tests of {package} under Wine");
        steps.step(&title);
        let mut command = repo.cargo(&["test", "--locked", "--lib", "--target", TARGET, "--package", package]);
        command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", wine).env("WINEDEBUG", "-all");
        command.env("WINEPREFIX", folder.join("prefix")).env("WINEPATH", &folder);
        total += steps.suite(repo, &title, &mut command)?;
    }
    Ok(total)
}
