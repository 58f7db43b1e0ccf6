//! The options of `load`. Pure.

use std::path::PathBuf;

use lexopt::prelude::*;

#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Args {
    /// Empty for all scenarios.
    pub(crate) only: Vec<String>,
    /// Fewer connections, less time, and no enforced bound of speed.
    pub(crate) quick: bool,
    /// Write the figures to `docs/measurements/`.
    pub(crate) write: bool,
    /// The server to load instead of a build of this repository.
    pub(crate) program: Option<PathBuf>,
}

pub(crate) const USAGE: &str = "usage: cargo xtask load [--only NAME]… [--quick] [--write] [--program PATH]";

/// # Errors
/// For an unknown option, a missing value, and for `--write` with a partial run.
pub(crate) fn parse(arguments: &[String]) -> Result<Args, lexopt::Error> {
    let mut args = Args::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("only") => args.only.push(parser.value()?.string()?),
            Long("program") => args.program = Some(parser.value()?.into()),
            Long("quick") => args.quick = true,
            Long("write") => args.write = true,
            _ => return Err(argument.unexpected()),
        }
    }
    if args.write && (args.quick || !args.only.is_empty()) {
        return Err("`--write` records a full run: it excludes `--only` and `--quick`".into());
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::{Args, parse};

    fn parsed(text: &str) -> Option<Args> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn parse_reads_every_option() {
        assert_eq!(parsed(""), Some(Args::default()));
        let args = Args { only: vec!["idle".into()], quick: true, program: Some("p".into()), ..Args::default() };
        assert_eq!(parsed("--only idle --program p --quick"), Some(args));
        assert_eq!(parsed("--write"), Some(Args { write: true, ..Args::default() }));
    }

    #[test]
    fn parse_refuses_unknown_options_missing_values_and_partial_records() {
        for text in ["--only", "idle", "--program", "--write --quick", "--write --only idle"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
