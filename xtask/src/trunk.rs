//! Trunk, which builds the page for development: how it is installed and called.

use std::{env::consts::EXE_SUFFIX, fs, process::Command};

use crate::{
    page::Bundler,
    repo::{AtPath, Outcome, Repo},
    tools::{self, Tool},
};

/// Its default features are for downloads, which are not used.
pub(crate) fn tool() -> Tool {
    Tool { package: "trunk", version: "0.21.14".to_owned(), programs: &["trunk"], locked: true, optimised: &["sha2"] }
}

/// Installs trunk, and the crate `bundler`'s `bindgen` under the name by which trunk calls it.
pub(crate) fn ensure(repo: &Repo) -> Outcome<()> {
    tools::ensure_target(repo, tools::WASM_TARGET)?;
    Bundler::of_tools(repo).compile(repo)?;
    let folder = repo.target("tool/trunk");
    fs::create_dir_all(&folder).at(&folder)?;
    let bindgen = repo.target("tool").join(format!("bindgen{EXE_SUFFIX}"));
    fs::copy(&bindgen, folder.join(format!("wasm-bindgen{EXE_SUFFIX}"))).at(&bindgen)?;
    tools::install(repo, &tools::missing(repo, vec![tool()]))
}

/// A command of trunk, which finds our `wasm-bindgen` first on its `PATH`.
pub(crate) fn command(repo: &Repo, arguments: &[&str]) -> Command {
    let mut command = repo.program("trunk");
    let inherited = repo.search_path();
    let folders = std::iter::once(repo.target("tool/trunk")).chain(std::env::split_paths(&inherited));
    command.env("PATH", std::env::join_paths(folders).unwrap_or(inherited.clone()));
    command.args(arguments).env_remove("RUST_BACKTRACE");
    command
}
