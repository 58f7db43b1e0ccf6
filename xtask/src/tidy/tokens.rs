//! Splits Rust text into words, string literals and marks. Comments, characters, lifetimes and numbers are left out.
//! Pure.

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(String),
    Text(String),
    Colons,
    Mark(char),
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) kind: Kind,
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
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

/// The first index at or after `at` where `wanted` accepts the rest of the text.
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

pub(super) fn kind_at(tokens: &[Token], at: usize) -> Option<&Kind> {
    tokens.get(at).map(|token| &token.kind)
}

pub(super) fn word_at(tokens: &[Token], at: usize) -> Option<&str> {
    match kind_at(tokens, at) {
        Some(Kind::Word(word)) => Some(word),
        _ => None,
    }
}
