//! Builds the program `passerelle`: the server compiles beside the page, which is linked in last.

use std::{env::consts::EXE_SUFFIX, path::PathBuf, process::Command};

use crate::{
    child,
    compiler::Compiler,
    page::{self, Bundler, Compression},
    repo::{Outcome, Repo},
    steps::Steps,
};

const REMEDY: &str = "fix the errors above and start the command again";

/// A profile of the root `Cargo.toml` that a complete program is built with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    /// Compiled in less than half the time of `Release`; serves small files more slowly.
    Quick,
    Release,
    /// With link-time optimisation.
    Dist,
}

impl Profile {
    const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }

    /// Of the page inside.
    const fn compression(self) -> Compression {
        match self {
            Self::Quick => Compression::Quick,
            Self::Release | Self::Dist => Compression::Best,
        }
    }

    /// Selected in each cargo run, whatever it builds of them: a dependency then has the same features in all runs, and is
    /// compiled once. The bundler of a quick page has the profile of the server.
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Quick => &["backend", "page", "bundler"],
            Self::Release | Self::Dist => &["backend", "page"],
        }
    }

    fn folder(self, repo: &Repo) -> PathBuf {
        repo.target(self.name())
    }
}

/// Whether the program has HTTPS. Without it a fifth of the server is not compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Https {
    Included,
    Absent,
}

impl Https {
    const fn features(self) -> &'static [&'static str] {
        match self {
            Self::Included => &["--features", "page/tls"],
            Self::Absent => &[],
        }
    }
}

/// Returns the path of the program.
pub(crate) fn build(repo: &Repo, steps: &mut Steps, profile: Profile, https: Https) -> Outcome<PathBuf> {
    // With the page at hand, the last step compiles whatever of the server has changed.
    let server: Vec<page::Job<'_>> = if page::is_fresh(repo, profile.compression())? {
        Vec::new()
    } else {
        let mut compile = cargo(repo.cargo_behind(&["build"]), profile, https, &["--lib"]);
        vec![Box::new(move || child::must(repo, "compiling the server", &mut compile, REMEDY))]
    };
    page::ensure(repo, steps, Compiler::Rustc, bundler(repo, profile, https), server)?;
    steps.step("Building the program");
    let mut link = cargo(repo.cargo(&["build"]), profile, https, &["--bin", "passerelle"]);
    child::must(repo, "building the program", &mut link, REMEDY)?;
    Ok(profile.folder(repo).join(format!("passerelle{EXE_SUFFIX}")))
}

fn bundler(repo: &Repo, profile: Profile, https: Https) -> Bundler {
    if profile.compression() == Compression::Best {
        return Bundler::of_tools(repo);
    }
    let build = cargo(repo.cargo_behind(&["build"]), profile, https, &["--bin", "bundler"]);
    let program = profile.folder(repo).join(format!("bundler{EXE_SUFFIX}"));
    Bundler { build, program, compression: profile.compression() }
}

/// Builds one target of the packages.
fn cargo(mut build: Command, profile: Profile, https: Https, target: &[&str]) -> Command {
    build.args(["--locked", "--profile", profile.name(), "--no-default-features"]).args(https.features()).args(target);
    for package in profile.packages() {
        build.args(["--package", package]);
    }
    build
}
