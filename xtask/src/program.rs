//! Builds the program `passerelle`: the server compiles beside the page, which is linked in last.

use std::{path::PathBuf, process::Command};

use crate::{
    child,
    page::{self, Compression},
    repo::{Outcome, Repo},
    steps::Steps,
};

const BUILD: &[&str] = &["build", "--locked"];
const REMEDY: &str = "fix the errors above and start the command again";

/// A profile of the root `Cargo.toml` that a complete program is built with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    /// Compiled in half the time of `Release`; serves small files at half its speed.
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
}

/// Whether the program has HTTPS. Without it a fifth of the server is not compiled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Https {
    Included,
    Absent,
}

impl Https {
    /// Of package `page`.
    const fn page_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Included => &[],
            Self::Absent => &["--no-default-features"],
        }
    }

    /// Of package `backend`, so that it is compiled as `page` depends on it.
    const fn server_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Included => &[],
            Self::Absent => &["--no-default-features", "--features", "program"],
        }
    }
}

/// Returns the path of the program.
pub(crate) fn build(repo: &Repo, steps: &mut Steps, profile: Profile, https: Https) -> Outcome<PathBuf> {
    let compression = profile.compression();
    // With the page at hand, the last step compiles whatever of the server has changed.
    let server: Vec<page::Job<'_>> = if page::is_fresh(repo, compression)? {
        Vec::new()
    } else {
        vec![Box::new(|| compile_server(repo, profile, https))]
    };
    page::ensure(repo, steps, compression, server)?;
    steps.step("Building the program");
    let mut build = compile(repo.cargo(BUILD), profile, &["--package", "page"], https.page_arguments());
    child::must(repo, "building the program", &mut build, REMEDY)?;
    Ok(repo.target(profile.name()).join(format!("passerelle{}", std::env::consts::EXE_SUFFIX)))
}

fn compile_server(repo: &Repo, profile: Profile, https: Https) -> Outcome<()> {
    let mut build =
        compile(repo.cargo_behind(BUILD), profile, &["--package", "backend", "--lib"], https.server_arguments());
    child::must(repo, "compiling the server", &mut build, REMEDY)
}

fn compile(mut build: Command, profile: Profile, package: &[&str], features: &[&str]) -> Command {
    build.args(["--profile", profile.name()]).args(package).args(features);
    build
}
