//! Which parts of a file are compiled for tests only. Pure.

use super::tokens::{Kind, Token, kind_at, word_at};

/// `#![cfg(test)]` stands at the top of the file.
pub(super) fn is_whole_file(tokens: &[Token]) -> bool {
    let inner = |token: &&Token| token.kind != Kind::Mark('!');
    let start: Vec<&Token> = tokens.iter().take(8).filter(inner).collect();
    tokens.get(1).is_some_and(|token| token.kind == Kind::Mark('!')) && is_test(&start, 0)
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]` or `#[test]` at the token.
fn is_test(tokens: &[&Token], at: usize) -> bool {
    let spelled = |start: usize, wanted: &[&str]| {
        wanted.iter().enumerate().all(|(offset, wanted)| {
            tokens.get(start + offset).is_some_and(|token| match &token.kind {
                Kind::Word(word) => word == wanted,
                Kind::Mark(mark) => wanted.chars().eq([*mark]),
                Kind::Text(_) | Kind::Colons => false,
            })
        })
    };
    let all = ["#", "[", "cfg", "(", "all", "(", "test"];
    spelled(at, &["#", "[", "cfg", "(", "test", ")"]) || spelled(at, &all) || spelled(at, &["#", "[", "test", "]"])
}

/// For each token, whether it belongs to an item that is compiled for tests only.
pub(super) fn mask(tokens: &[Token]) -> Vec<bool> {
    let all: Vec<&Token> = tokens.iter().collect();
    let mut test = vec![false; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        if is_test(&all, at) {
            let end = item_end(tokens, attribute_end(tokens, at));
            test[at..end].fill(true);
            at = end;
        } else {
            at += 1;
        }
    }
    test
}

/// The token after `#[…]` that begins at `at`.
fn attribute_end(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.kind {
            Kind::Mark('[') => depth += 1,
            Kind::Mark(']') if depth == 1 => return at + offset + 1,
            Kind::Mark(']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    tokens.len()
}

/// The end of the item, field, arm or statement that begins at `start`, its further attributes included.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    while kind_at(tokens, at) == Some(&Kind::Mark('#')) {
        at = attribute_end(tokens, at);
    }
    let first = word_at(tokens, at).unwrap_or_default();
    let is_block = matches!(
        first,
        "pub"
            | "fn"
            | "async"
            | "unsafe"
            | "extern"
            | "struct"
            | "enum"
            | "union"
            | "trait"
            | "impl"
            | "mod"
            | "macro_rules"
            | "const"
    );
    let mut depth = 0_usize;
    while let Some(kind) = kind_at(tokens, at) {
        match kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(')' | ']' | '}') if depth == 0 => return at,
            Kind::Mark('}') if depth == 1 && is_block => return at + 1,
            Kind::Mark(')' | ']' | '}') => depth -= 1,
            Kind::Mark(';') if depth == 0 => return at + 1,
            Kind::Mark(',') if depth == 0 && !is_block => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}
