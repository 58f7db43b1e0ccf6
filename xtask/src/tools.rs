//! Command-line tools that some commands need: their versions, and how to install them into `target/tools`. A tool of the
//! right version that is on `PATH` is used as it is.

use std::{fs, process::Command};

use crate::{
    child,
    repo::{AtPath, Failure, Outcome, Repo},
};

pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// A tool that `cargo install` builds.
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    pub(crate) version: String,
    /// Programs that must print this version.
    pub(crate) programs: &'static [&'static str],
    /// Whether its published lock file is used; off where that file names a crate version that was withdrawn.
    pub(crate) locked: bool,
    /// Dependencies that are optimised, because they do most of the tool's work.
    pub(crate) optimised: &'static [&'static str],
}

/// For the page's tests in a browser. The version is that of the crate in `Cargo.lock`: both halves of wasm-bindgen share a
/// format without a version.
pub(crate) fn wasm_bindgen(repo: &Repo) -> Outcome<Tool> {
    let path = repo.path("Cargo.lock");
    let lock = fs::read_to_string(&path).at(&path)?;
    let version = locked_version(&lock, "wasm-bindgen")
        .ok_or_else(|| Failure("Cargo.lock names no wasm-bindgen; run `cargo generate-lockfile`".to_owned()))?;
    Ok(Tool {
        package: "wasm-bindgen-cli",
        version: version.to_owned(),
        programs: &["wasm-bindgen-test-runner"],
        // The lock of 0.2.130 asks for a crate version that was withdrawn.
        locked: false,
        optimised: &["walrus", "wasmparser"],
    })
}

pub(crate) fn cargo_deny() -> Tool {
    Tool {
        package: "cargo-deny",
        version: "0.20.2".to_owned(),
        programs: &["cargo-deny"],
        locked: true,
        optimised: &[],
    }
}

impl Tool {
    fn is_installed(&self, repo: &Repo) -> bool {
        self.programs.iter().all(|program| {
            child::output(repo.program(program).arg("--version"))
                .is_some_and(|printed| is_version(&printed, &self.version))
        })
    }

    /// Compiled unoptimised, which takes a third of the time: each runs for seconds.
    fn install(&self, repo: &Repo) -> Command {
        let mut command = repo.cargo(&["install", "--force", "--no-default-features", "--root"]);
        command.arg(repo.target("tools"));
        if self.locked {
            command.arg("--locked");
        }
        for package in self.optimised {
            command.args(["--config", &format!("profile.release.package.{package}.opt-level=2")]);
        }
        command.arg(format!("{}@{}", self.package, self.version));
        command
            .env("CARGO_TARGET_DIR", repo.target("tools/build"))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
        command
    }
}

/// The tools that are not installed in the right version.
pub(crate) fn missing(repo: &Repo, tools: Vec<Tool>) -> Vec<Tool> {
    tools.into_iter().filter(|tool| !tool.is_installed(repo)).collect()
}

/// Installs the tools one after the other into one build folder, so that shared dependencies are compiled once.
pub(crate) fn install(repo: &Repo, tools: &[Tool]) -> Outcome<()> {
    for tool in tools {
        let label = format!("installing {} {}", tool.package, tool.version);
        println!("    {label} into target/tools");
        child::must(repo, &label, &mut tool.install(repo), "see the lines above, then start the command again")?;
    }
    let build = repo.target("tools/build");
    if build.exists() {
        fs::remove_dir_all(&build).at(&build)?;
    }
    Ok(())
}

/// Adds the standard library for another target by rustup, unless the compiler has it.
pub(crate) fn ensure_target(repo: &Repo, target: &str) -> Outcome<()> {
    let library = child::output(repo.program("rustc").args(["--print", "target-libdir", "--target", target]))
        .ok_or_else(|| Failure("rustc did not answer; install Rust with rustup".to_owned()))?;
    if fs::read_dir(&library).is_ok_and(|mut files| files.next().is_some()) {
        return Ok(());
    }
    let remedy = format!("install the compiler's library for {target} by hand, as your Rust was installed");
    let mut add = repo.program("rustup");
    child::must(repo, "rustup target add", add.args(["target", "add", target]), &remedy)
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = lock.lines();
    lines.find(|line| *line == format!("name = \"{package}\""))?;
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

/// Whether the line that a program prints for `--version` has this version as its second word.
fn is_version(printed: &str, version: &str) -> bool {
    printed.split_whitespace().nth(1) == Some(version)
}

#[cfg(test)]
mod tests {
    use super::{is_version, locked_version};

    const LOCK: &str = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                        [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";

    #[test]
    fn the_lock_file_names_the_version() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(LOCK, "wasm"), None);
    }

    #[test]
    fn only_the_exact_version_counts() {
        assert!(is_version("trunk 0.21.14", "0.21.14"));
        assert!(is_version("wasm-bindgen 0.2.130 (abc)", "0.2.130"));
        assert!(!is_version("trunk 0.21.1", "0.21.14"));
        assert!(!is_version("", "0.21.14"));
    }
}
