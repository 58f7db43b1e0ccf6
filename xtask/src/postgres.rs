//! Finds or installs PostgreSQL, whose programs the tests of the accounts start.

use std::{fs, path::Path};

use crate::{
    packages,
    repo::{Outcome, Repo},
};

/// The folder with the programs, in place of Debian's.
const PROGRAMS: &str = "PASSERELLE_POSTGRES";
/// Where Debian's packages install the programs, in a folder for each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Makes tests fail that would be skipped for want of PostgreSQL.
const REQUIRED: &str = "PASSERELLE_POSTGRES_REQUIRED";

/// Installs PostgreSQL where this process may. Elsewhere one line says how, and the tests that need it are skipped.
///
/// # Errors
/// Where PostgreSQL is required, in continuous integration.
pub(crate) fn ensure(repo: &Repo) -> Outcome<()> {
    if is_installed() {
        return Ok(());
    }
    match packages::install(repo, &["postgresql"]) {
        Err(failure) if !is_required() => {
            println!("    {failure}; the tests of accounts in PostgreSQL are skipped");
            Ok(())
        }
        installed => installed,
    }
}

fn is_required() -> bool {
    ["CI", REQUIRED].iter().any(|name| std::env::var_os(name).is_some())
}

fn is_installed() -> bool {
    let has_programs = |folder: &Path| folder.join("initdb").is_file();
    if let Some(named) = std::env::var_os(PROGRAMS) {
        return has_programs(Path::new(&named));
    }
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).any(|folder| has_programs(&folder))
}
