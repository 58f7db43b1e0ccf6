//! What the person asked `load` for. Pure.

use std::path::PathBuf;

#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Wish {
    /// The scenarios to play; all of them where none is named.
    pub(super) only: Vec<String>,
    /// A small version, which shows that everything works and says little about speed.
    pub(super) quick: bool,
    /// Keep the figures in `docs/measurements/`.
    pub(super) write: bool,
    /// Another build than the one of the repository as it is.
    pub(super) program: Option<PathBuf>,
}

pub(super) const USAGE: &str = "say `cargo xtask load [--only NAME]… [--quick] [--write] [--program PATH]`";

pub(super) fn parse(arguments: &[String]) -> Option<Wish> {
    let mut wish = Wish::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => wish.only.push(arguments.next()?.clone()),
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

    #[test]
    fn what_is_said_is_understood_and_nothing_else() {
        let check = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(check(""), Some(Wish::default()));
        let said = Wish { only: vec!["idle".into()], quick: true, write: true, program: Some("p".into()) };
        assert_eq!(check("--only idle --program p --quick --write"), Some(said));
        for text in ["--only", "idle", "--program"] {
            assert_eq!(check(text), None, "{text}");
        }
    }
}
