//! The options of `crash`. Pure.

use std::path::PathBuf;

use lexopt::prelude::*;

pub(crate) const USAGE: &str = "usage: cargo xtask crash [--seed N] [--count N] [--program PATH] [--disk FOLDER]";
const COUNT_DEFAULT: u64 = 500;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// `None` for a new seed.
    pub(crate) seed: Option<u64>,
    /// How many operations must be interrupted.
    pub(crate) count: u64,
    /// The server to kill instead of a build of this repository.
    pub(crate) program: Option<PathBuf>,
    /// A folder on another file system, which is mounted in the served folder: users work on both. Needs root.
    pub(crate) disk: Option<PathBuf>,
}

/// # Errors
/// For an unknown option, a missing value, and a count of zero.
pub(crate) fn parse(arguments: &[String]) -> Result<Args, lexopt::Error> {
    let mut args = Args { seed: None, count: COUNT_DEFAULT, program: None, disk: None };
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seed") => args.seed = Some(parser.value()?.parse()?),
            Long("count") => args.count = parser.value()?.parse()?,
            Long("program") => args.program = Some(parser.value()?.into()),
            Long("disk") => args.disk = Some(parser.value()?.into()),
            _ => return Err(argument.unexpected()),
        }
    }
    if args.count == 0 {
        return Err("`--count` takes at least 1".into());
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::{Args, COUNT_DEFAULT, parse};

    #[test]
    fn parse_reads_seed_count_and_program_and_refuses_the_rest() {
        let parse = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).ok();
        assert_eq!(parse(""), Some(Args { seed: None, count: COUNT_DEFAULT, program: None, disk: None }));
        let args = Args { seed: Some(9), count: 7, program: Some("p".into()), disk: Some("d".into()) };
        assert_eq!(parse("--count 7 --seed 9 --program p --disk d"), Some(args));
        for text in ["--seed", "--seed x", "--count 0", "--count", "seven", "--counts 7"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
