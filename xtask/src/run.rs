//! `run`: from a fresh clone to a served folder.

use std::{path::PathBuf, process::Command};

use crate::{
    child,
    repo::{Failure, Outcome, Repo},
    sample, spa,
    steps::Steps,
};

pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome<()> {
    let wish = parse(arguments)?;
    let mut steps = Steps::start();
    let program = build(repo, &mut steps)?;
    let folder = match wish.folder {
        Some(folder) => folder,
        None => sample::ensure(repo)?,
    };
    steps.step(&format!("Serving {}; ctrl-C stops it", folder.display()));
    let mut server = Command::new(program);
    server.arg("serve").arg(folder).args(serve_flags(&wish.flags));
    become_it(server)
}

/// The server as people run it, with the page inside; answers where it lies.
fn build(repo: &Repo, steps: &mut Steps) -> Outcome<PathBuf> {
    spa::ensure(repo, steps, Vec::new())?;
    steps.step("Building the server");
    let mut build = repo.cargo(&["build", "--release", "--locked", "--package", "page"]);
    child::must(repo, "building the server", &mut build, "mend what the lines above name and start again")?;
    Ok(repo.target("release/passerelle"))
}

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    folder: Option<PathBuf>,
    flags: Vec<String>,
}

/// `[DIR] [-- FLAGS]`.
fn parse(arguments: &[String]) -> Outcome<Wish> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let (own, flags) = arguments.split_at(end);
    let folder = match own {
        [] => None,
        [folder] if !folder.starts_with('-') => Some(PathBuf::from(folder)),
        _ => return Err(Failure("say `cargo xtask run [DIR] [-- FLAGS]`; flags of the server go after `--`".into())),
    };
    Ok(Wish { folder, flags: flags.iter().skip(1).cloned().collect() })
}

/// Trying it out means changing things: writing is allowed unless the person says otherwise.
fn serve_flags(flags: &[String]) -> Vec<String> {
    let says_otherwise = flags.iter().any(|flag| flag == "--anonymous" || flag.starts_with("--anonymous="));
    let ours = if says_otherwise { vec![] } else { vec!["--anonymous".to_owned(), "write".to_owned()] };
    ours.into_iter().chain(flags.iter().cloned()).collect()
}

/// The server takes this process's place, so that signals reach it and nothing lingers.
#[cfg(unix)]
fn become_it(mut server: Command) -> Outcome<()> {
    use std::os::unix::process::CommandExt;
    let error = server.exec();
    Err(Failure(format!("{}: {error}", server.get_program().to_string_lossy())))
}

#[cfg(not(unix))]
fn become_it(mut server: Command) -> Outcome<()> {
    match server.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure(format!("the server ended with {status}"))),
        Err(error) => Err(Failure(format!("{}: {error}", server.get_program().to_string_lossy()))),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, serve_flags};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn folder_and_flags_are_told_apart() {
        let wish = parse(&words("/srv/files -- --http 127.0.0.1:9000")).unwrap();
        assert_eq!(wish.folder.unwrap().to_str(), Some("/srv/files"));
        assert_eq!(wish.flags, words("--http 127.0.0.1:9000"));
        assert_eq!(parse(&words("-- --json")).unwrap().folder, None);
        assert!(parse(&words("--http 127.0.0.1:9000")).is_err());
        assert!(parse(&words("a b")).is_err());
    }

    #[test]
    fn writing_is_allowed_unless_the_person_says_otherwise() {
        assert_eq!(serve_flags(&words("--json")), words("--anonymous write --json"));
        assert_eq!(serve_flags(&words("--anonymous read")), words("--anonymous read"));
        assert_eq!(serve_flags(&words("--anonymous=none")), words("--anonymous=none"));
    }
}
