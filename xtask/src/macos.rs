//! Lints the server's crates for macOS from Linux. Two dependencies are C and need Apple's compiler and headers; nothing is
//! linked here, so a script that creates empty files stands in for compiler and archiver.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use crate::{
    repo::{AtPath, Outcome, Repo},
    tools,
};

const TARGET: &str = "x86_64-apple-darwin";

/// Creates the files that a compiler or an archiver would, empty.
const STAND_IN: &str = r#"#!/bin/sh
for word; do
    case $word in *.a) : > "$word" ;; esac
    if [ "$before" = -o ]; then : > "$word"; fi
    before=$word
done
"#;

/// Clippy for macOS: what only other systems use is an unused item there.
pub(crate) fn lint(repo: &Repo) -> Outcome<Command> {
    tools::ensure_target(repo, TARGET)?;
    let folder = repo.target("macos");
    fs::create_dir_all(&folder).at(&folder)?;
    let stand_in = folder.join("nothing");
    fs::write(&stand_in, STAND_IN).at(&stand_in)?;
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).at(&stand_in)?;
    let mut command = repo.cargo(&["clippy", "--locked", "--package", "shared", "--package", "backend"]);
    command.args(["--all-targets", "--target", TARGET, "--", "-D", "warnings"]);
    for tool in ["CC", "CXX", "AR"] {
        command.env(format!("{tool}_{}", TARGET.replace('-', "_")), &stand_in);
    }
    // Without it, the build scripts ask `xcrun` for the headers.
    command.env("SDKROOT", "/");
    Ok(command)
}
