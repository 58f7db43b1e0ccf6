//! Reads as much Rust as tidy needs: which paths a file names, in which module, and which modules it declares. Pure.

/// A path as written, `crate::wire::Frame` say, the groups of a `use` taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) line: usize,
    /// The inline modules around it, outermost first.
    pub(super) inside: Vec<String>,
    pub(super) segments: Vec<String>,
}

/// A `mod name;`, whose text is in another file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) inside: Vec<String>,
    pub(super) name: String,
    /// What a `#[path = "…"]` before it says.
    pub(super) path: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) paths: Vec<NamedPath>,
    pub(super) declared: Vec<Declared>,
}

pub(super) fn read(text: &str) -> Source {
    let tokens = tokens(text);
    let mut source = Source::default();
    // The names of the inline modules we are in, and at which depth of braces each began.
    let mut inside: Vec<(String, usize)> = Vec::new();
    let mut depth = 0_usize;
    let mut path_attribute = None;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let names = || inside.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        match &token.kind {
            Kind::Mark('{') => depth += 1,
            Kind::Mark('}') => {
                depth = depth.saturating_sub(1);
                inside.pop_if(|(_, began)| *began == depth);
            }
            Kind::Word(word) if word == "mod" => {
                if let (Some(name), Some(Kind::Mark(mark))) = (word_at(&tokens, at + 1), kind_at(&tokens, at + 2)) {
                    if *mark == ';' {
                        let path = path_attribute.take();
                        source.declared.push(Declared { inside: names(), name: name.to_owned(), path });
                    } else if *mark == '{' {
                        inside.push((name.to_owned(), depth));
                    }
                    at += 1;
                }
            }
            Kind::Word(word) if word == "path" && kind_at(&tokens, at + 1) == Some(&Kind::Mark('=')) => {
                if let Some(Kind::Text(value)) = kind_at(&tokens, at + 2) {
                    path_attribute = Some(value.clone());
                }
            }
            Kind::Word(_) if starts_path(&tokens, at) => {
                let mut found = Vec::new();
                let end = path(&tokens, at, &[], &mut found);
                let around = names();
                let named = |(line, segments)| NamedPath { line, inside: around.clone(), segments };
                source.paths.extend(found.into_iter().map(named));
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    source
}

/// Reads one path that begins at a word, with the groups in it, and answers where it ends.
fn path(tokens: &[Token], start: usize, before: &[String], found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let mut segments = before.to_vec();
    let line = tokens.get(start).map_or(0, |token| token.line);
    let mut at = start;
    while let Some(word) = word_at(tokens, at) {
        segments.push(word.to_owned());
        at += 1;
        if kind_at(tokens, at) != Some(&Kind::Colons) {
            break;
        }
        at += 1;
        if kind_at(tokens, at) == Some(&Kind::Mark('{')) {
            return group(tokens, at + 1, &segments, found);
        }
    }
    found.push((line, segments));
    at
}

fn group(tokens: &[Token], start: usize, before: &[String], found: &mut Vec<(usize, Vec<String>)>) -> usize {
    let mut at = start;
    while let Some(kind) = kind_at(tokens, at) {
        match kind {
            Kind::Mark('}') => return at + 1,
            Kind::Word(word) if word == "as" => at += 2,
            Kind::Word(_) => at = path(tokens, at, before, found),
            _ => at += 1,
        }
    }
    at
}

/// A word that nothing leads up to: `b` in `a::b` and in `a.b` is not the start of a path.
fn starts_path(tokens: &[Token], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| kind_at(tokens, at));
    !matches!(before, Some(Kind::Colons | Kind::Mark('.')))
}

fn kind_at(tokens: &[Token], at: usize) -> Option<&Kind> {
    tokens.get(at).map(|token| &token.kind)
}

fn word_at(tokens: &[Token], at: usize) -> Option<&str> {
    match kind_at(tokens, at) {
        Some(Kind::Word(word)) => Some(word),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Word(String),
    Text(String),
    Colons,
    Mark(char),
}

#[derive(Debug)]
struct Token {
    line: usize,
    kind: Kind,
}

/// Words, string literals and marks; comments, characters, lifetimes and numbers are left out.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        let (kind, end) = match c {
            '/' if next == Some('/') => (None, find(&chars, at, |rest| rest.starts_with(&['\n']))),
            '/' if next == Some('*') => (None, comment_end(&chars, at)),
            '"' => string(&chars, at),
            '\'' => (None, quote_end(&chars, at)),
            ':' if next == Some(':') => (Some(Kind::Colons), at + 2),
            c if c.is_alphabetic() || c == '_' => word(&chars, at),
            c if c.is_numeric() => (None, find(&chars, at, |rest| !is_word(rest[0]))),
            c if c.is_whitespace() => (None, at + 1),
            c => (Some(Kind::Mark(c)), at + 1),
        };
        tokens.extend(kind.map(|kind| Token { line, kind }));
        line += chars[at..end.min(chars.len())].iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

/// The first place at or after `at` where the rest of the text is as wanted.
fn find(chars: &[char], at: usize, wanted: impl Fn(&[char]) -> bool) -> usize {
    (at..chars.len()).find(|at| wanted(&chars[*at..])).unwrap_or(chars.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn word(chars: &[char], at: usize) -> (Option<Kind>, usize) {
    let end = find(chars, at, |rest| !is_word(rest[0]));
    let word: String = chars[at..end].iter().collect();
    let after = chars.get(end).copied();
    match (word.as_str(), after) {
        ("r" | "br" | "cr", Some('"' | '#')) => raw(chars, end),
        ("b" | "c", Some('"')) => string(chars, end),
        ("b", Some('\'')) => (None, quote_end(chars, end)),
        _ => (Some(Kind::Word(word)), end),
    }
}

/// `r"…"`, `r#"…"#`, or the raw word `r#type`; `at` is after the `r`.
fn raw(chars: &[char], at: usize) -> (Option<Kind>, usize) {
    let open = find(chars, at, |rest| rest[0] != '#');
    if chars.get(open) != Some(&'"') {
        return word(chars, open);
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', open - at)).collect();
    let end = find(chars, open + 1, |rest| rest.starts_with(&close));
    (Some(Kind::Text(chars[open + 1..end].iter().collect())), end + close.len())
}

fn string(chars: &[char], at: usize) -> (Option<Kind>, usize) {
    let mut end = at + 1;
    while let Some(c) = chars.get(end) {
        match c {
            '\\' => end += 2,
            '"' => break,
            _ => end += 1,
        }
    }
    let end = end.min(chars.len());
    (Some(Kind::Text(chars[at + 1..end].iter().collect())), end + 1)
}

fn comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut end = at;
    while end < chars.len() {
        if chars[end..].starts_with(&['/', '*']) {
            depth += 1;
            end += 2;
        } else if chars[end..].starts_with(&['*', '/']) {
            depth -= 1;
            end += 2;
            if depth == 0 {
                break;
            }
        } else {
            end += 1;
        }
    }
    end
}

/// The end of `'x'`, `'\n'` or `'lifetime`.
fn quote_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => find(chars, at + 3, |rest| rest[0] == '\'') + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => find(chars, at + 1, |rest| !is_word(rest[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    fn paths(text: &str) -> Vec<String> {
        let joined = |segments: &[String]| segments.join("::");
        let long = |path: &super::NamedPath| path.segments.len() > 1;
        read(text).paths.iter().filter(|path| long(path)).map(|path| joined(&path.segments)).collect()
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(
            paths("use crate::{wire::{Frame, self}, client as c};"),
            ["crate::wire::Frame", "crate::wire::self", "crate::client"]
        );
    }

    #[test]
    fn paths_in_expressions_and_types_count() {
        assert_eq!(
            paths("fn f(x: &crate::wire::Frame) -> u8 { a.b::<u8>(); std::fs::read(x) }"),
            ["crate::wire::Frame", "std::fs::read"]
        );
    }

    #[test]
    fn comments_strings_and_characters_do_not() {
        let text =
            "// crate::a::b\n/* crate::c /* x::y */ z::w */ \"d::e \\\" f::g\" r#\"h::\"i\"# 'j' '\\'' 'k: ::l::m";
        assert_eq!(paths(text), Vec::<String>::new());
        assert_eq!(paths("let a = b'\"'; n::o"), ["n::o"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let source = read("/*\n\n*/ \"\n\" use\n a::b;");
        assert_eq!(source.paths.last().unwrap().line, 5);
    }

    #[test]
    fn inline_modules_are_remembered() {
        let source = read("mod a { mod b { use super::x; } mod c; }\n#[path = \"odd.rs\"]\nmod d;\nuse e::f;");
        assert_eq!(source.paths.iter().find(|path| path.segments[0] == "super").unwrap().inside, ["a", "b"]);
        assert_eq!(source.paths.last().unwrap().inside, Vec::<String>::new());
        let declared: Vec<_> = source.declared.iter().map(|d| (d.inside.len(), &*d.name, d.path.as_deref())).collect();
        assert_eq!(declared, [(1, "c", None), (0, "d", Some("odd.rs"))]);
    }
}
