//! The server under test: the program that `--program` names, or a build of this repository.

use std::path::{Path, PathBuf};

use xtask::{
    child,
    repo::{Failure, Outcome, Repo},
};

const REMEDY: &str = "mend what the lines above name and start again";

/// The named program, or else the one that `build` makes.
pub(crate) fn under_test(repo: &Repo, named: Option<&Path>, build: fn(&Repo) -> Outcome<PathBuf>) -> Outcome<PathBuf> {
    named.map_or_else(|| build(repo), |program| Ok(program.to_owned()))
}

/// Refuses the program that `cargo xtask run` builds: compiled quickly, it says nothing about the server's speed.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_quick(program: &Path) -> Outcome<()> {
    let folder = program.parent().and_then(Path::file_name);
    if folder.is_some_and(|name| name == "quick") {
        let program = program.display();
        return Err(Failure(format!(
            "{program} is compiled to build fast, not to run fast; measure `cargo xtask dist`"
        )));
    }
    Ok(())
}

/// Built as it is distributed, with every optimisation.
#[cfg(target_os = "linux")]
pub(crate) fn distributed(repo: &Repo) -> Outcome<PathBuf> {
    child::must(repo, "building the binary", &mut repo.cargo(&["xtask", "dist"]), REMEDY)?;
    Ok(repo.target("dist/passerelle"))
}

/// Built quickly, without the page.
pub(crate) fn unoptimised(repo: &Repo) -> Outcome<PathBuf> {
    let mut build = repo.cargo(&["build", "--locked", "--package", "backend"]);
    child::must(repo, "building the server", &mut build, REMEDY)?;
    Ok(repo.target("debug/backend"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::Path;

    use super::refuse_quick;

    #[test]
    fn a_program_of_profile_quick_is_refused() {
        assert!(refuse_quick(Path::new("/repo/target/quick/passerelle")).is_err());
        assert!(refuse_quick(Path::new("/repo/target/dist/passerelle")).is_ok());
    }
}
