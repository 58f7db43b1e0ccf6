//! What the person asked `bench` for. Pure.

use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Wish {
    /// The rows to run; all of them where none is named.
    pub(super) rows: Vec<String>,
    /// A small version, which shows that everything works and says little about speed.
    pub(super) quick: bool,
    /// Keep the report in `docs/measurements/`.
    pub(super) write: bool,
    /// Another build than the one of the repository as it is.
    pub(super) program: Option<PathBuf>,
    pub(super) rounds: Option<u32>,
}

pub(super) const USAGE: &str = "say `cargo xtask bench [--row NAME]… [--rounds N] [--quick] [--write] [--program PATH]`, or `cargo xtask bench --micro`";

pub(super) fn parse(arguments: &[String]) -> Option<Wish> {
    let mut wish = Wish::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--row" => wish.rows.push(arguments.next()?.clone()),
            "--rounds" => wish.rounds = Some(arguments.next()?.parse().ok().filter(|rounds| *rounds > 0)?),
            "--program" => wish.program = Some(arguments.next()?.into()),
            "--quick" => wish.quick = true,
            "--write" => wish.write = true,
            _ => return None,
        }
    }
    Some(wish)
}

#[cfg(test)]
mod tests {
    use super::{Wish, parse};

    fn check(text: &str) -> Option<Wish> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_said_is_understood_and_nothing_else() {
        assert_eq!(check(""), Some(Wish::default()));
        let rows = vec!["small".to_owned(), "listing".to_owned()];
        let said = Wish { rows, quick: true, rounds: Some(2), program: Some("p".into()), ..Wish::default() };
        assert_eq!(check("--row small --quick --row listing --rounds 2 --program p"), Some(said));
        for text in ["--row", "--rounds 0", "--rounds x", "small", "--fast"] {
            assert_eq!(check(text), None, "{text}");
        }
    }
}
