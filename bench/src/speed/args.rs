//! The options of `speed`. Pure.

use std::path::PathBuf;

use lexopt::prelude::*;

#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Args {
    /// Empty for all rows.
    pub(crate) rows: Vec<String>,
    /// Less data and one short round.
    pub(crate) quick: bool,
    /// Write the report to `docs/measurements/`.
    pub(crate) write: bool,
    /// The server to measure instead of a build of this repository.
    pub(crate) program: Option<PathBuf>,
    pub(crate) rounds: Option<u32>,
}

pub(crate) const USAGE: &str =
    "usage: cargo xtask bench [--row NAME]… [--rounds N] [--quick] [--write] [--program PATH]
       cargo xtask bench --micro";

/// # Errors
/// For an unknown option, a missing value, no rounds at all, and for `--write` with a partial run.
pub(crate) fn parse(arguments: &[String]) -> Result<Args, lexopt::Error> {
    let mut args = Args::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("row") => args.rows.push(parser.value()?.string()?),
            Long("rounds") => args.rounds = Some(parser.value()?.parse()?),
            Long("program") => args.program = Some(parser.value()?.into()),
            Long("quick") => args.quick = true,
            Long("write") => args.write = true,
            _ => return Err(argument.unexpected()),
        }
    }
    if args.rounds == Some(0) {
        return Err("`--rounds` takes at least 1".into());
    }
    if args.write && (args.quick || !args.rows.is_empty()) {
        return Err("`--write` records the full benchmark: it excludes `--row` and `--quick`".into());
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
        let rows = vec!["small".to_owned(), "listing".to_owned()];
        let args = Args { rows, quick: true, rounds: Some(2), program: Some("p".into()), ..Args::default() };
        assert_eq!(parsed("--row small --quick --row listing --rounds 2 --program p"), Some(args));
    }

    #[test]
    fn parse_refuses_unknown_options_missing_values_and_partial_records() {
        for text in ["--row", "--rounds 0", "--rounds x", "small", "--fast", "--write --quick", "--write --row small"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
