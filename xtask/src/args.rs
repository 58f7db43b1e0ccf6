//! The arguments of the commands, read from the command line. Pure.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::repo::{Failure, Outcome};

/// `run [--release] [DIR] [-- FLAGS]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RunArgs {
    pub(crate) release: bool,
    /// The folder to serve; a sample where there is none.
    pub(crate) folder: Option<PathBuf>,
    pub(crate) server_flags: Vec<String>,
}

/// Arguments of `run`. Those after `--` are the server's.
pub(crate) fn run(arguments: &[String]) -> Outcome<RunArgs> {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let (own, flags) = arguments.split_at(end);
    let mut args = RunArgs { server_flags: flags.iter().skip(1).cloned().collect(), ..RunArgs::default() };
    each(own, "run [--release] [DIR] [-- FLAGS]", |argument| {
        match argument {
            Arg::Long("release") => args.release = true,
            Arg::Value(folder) if args.folder.is_none() => args.folder = Some(folder.into()),
            other => return Err(other.unexpected()),
        }
        Ok(())
    })?;
    Ok(args)
}

/// The one argument of `dev [DIR]`.
pub(crate) fn dev(arguments: &[String]) -> Outcome<Option<PathBuf>> {
    let mut folder = None;
    each(arguments, "dev [DIR]", |argument| {
        match argument {
            Arg::Value(value) if folder.is_none() => folder = Some(value.into()),
            other => return Err(other.unexpected()),
        }
        Ok(())
    })?;
    Ok(folder)
}

/// The one argument of `fuzz [SECONDS]`.
pub(crate) fn fuzz(arguments: &[String]) -> Outcome<Option<u32>> {
    let mut seconds = None;
    each(arguments, "fuzz [SECONDS]", |argument| {
        match argument {
            Arg::Value(value) if seconds.is_none() => seconds = Some(value.parse()?),
            other => return Err(other.unexpected()),
        }
        Ok(())
    })?;
    Ok(seconds)
}

/// Hands every argument to `take`; a failure ends with the command's usage.
fn each(arguments: &[String], usage: &str, mut take: impl FnMut(Arg<'_>) -> Result<(), lexopt::Error>) -> Outcome<()> {
    let mut parser = Parser::from_args(arguments);
    let mut read = || -> Result<(), lexopt::Error> {
        while let Some(argument) = parser.next()? {
            take(argument)?;
        }
        Ok(())
    };
    read().map_err(|error| Failure(format!("{error}; usage: cargo xtask {usage}")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{RunArgs, dev, fuzz, run};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_after_two_dashes_are_the_servers() {
        let args = run(&words("--release /srv/files -- --http 127.0.0.1:9000")).unwrap();
        let server_flags = words("--http 127.0.0.1:9000");
        assert_eq!(args, RunArgs { release: true, folder: Some(PathBuf::from("/srv/files")), server_flags });
        assert_eq!(run(&words("-- --json")).unwrap().folder, None);
        assert!(run(&words("--http 127.0.0.1:9000")).is_err());
        assert!(run(&words("a b")).is_err());
    }

    #[test]
    fn one_argument_is_read_and_a_second_refused() {
        assert_eq!(dev(&words("files")).unwrap(), Some(PathBuf::from("files")));
        assert_eq!(dev(&[]).unwrap(), None);
        assert!(dev(&words("a b")).is_err());
        assert_eq!(fuzz(&words("30")).unwrap(), Some(30));
        assert!(fuzz(&words("long")).is_err());
    }
}
