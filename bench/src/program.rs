//! The server under test: the program that `--program` names, or a build of this repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

use xtask::{
    child,
    repo::{AtPath, Failure, Outcome, Repo},
};

const REMEDY: &str = "mend what the lines above name and start again";
/// Crate `page` writes it into the program, with the name of the profile.
const QUICK: &str = "passerelle-profile=quick";

/// The named program, or else the one that `build` makes.
pub(crate) fn under_test(repo: &Repo, named: Option<&Path>, build: fn(&Repo) -> Outcome<PathBuf>) -> Outcome<PathBuf> {
    named.map_or_else(|| build(repo), |program| Ok(program.to_owned()))
}

/// # Errors
/// If the program was built with the profile `quick`, whose figures would mislead.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_quick_build(program: &Path) -> Outcome<()> {
    if is_quick_build(&fs::read(program).at(program)?) {
        let sentence = "is a build of the profile `quick`, which is half as fast; build it with `cargo xtask dist`";
        return Err(Failure(format!("{} {sentence}", program.display())));
    }
    Ok(())
}

fn is_quick_build(program: &[u8]) -> bool {
    String::from_utf8_lossy(program).contains(QUICK)
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

#[cfg(test)]
mod tests {
    use super::{QUICK, is_quick_build};

    #[test]
    fn a_program_with_the_mark_of_the_quick_profile_is_recognised() {
        assert!(is_quick_build(&[b"\x7fELF\xff\0", QUICK.as_bytes(), b"\0\xff"].concat()));
        assert!(!is_quick_build(b"\x7fELF\0passerelle-profile=dist\0"));
    }
}
