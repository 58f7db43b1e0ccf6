//! Takes the tree of a `use` apart into one path for each name. Pure.

use super::tokens::{Kind, Token, kind_at, word_at};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Imported {
    /// The name in scope: the last segment, or the one after `as`.
    Name(String),
    /// `use a::*`; the path is `a`.
    Glob,
}

/// One name of a `use`.
pub(super) struct Leaf {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
    pub(super) name: Imported,
}

/// The names of the tree that starts at the token, and the index after it.
pub(super) fn read(tokens: &[Token], start: usize) -> (Vec<Leaf>, usize) {
    let mut found = Vec::new();
    let end = tree(tokens, start, &[], &mut found);
    (found, end)
}

/// Reads one tree of a `use`, and returns the index after it.
fn tree(tokens: &[Token], start: usize, before: &[String], found: &mut Vec<Leaf>) -> usize {
    let mut segments = before.to_vec();
    let mut line = tokens.get(start).map_or(0, |token| token.line);
    let mut at = start;
    loop {
        match kind_at(tokens, at) {
            Some(Kind::Word(word)) => {
                segments.push(word.clone());
                line = tokens[at].line;
                at += 1;
            }
            Some(Kind::Mark('*')) => {
                found.push(Leaf { line: tokens[at].line, segments, name: Imported::Glob });
                return at + 1;
            }
            Some(Kind::Mark('{')) => return group(tokens, at + 1, &segments, found),
            _ => break,
        }
        if kind_at(tokens, at) != Some(&Kind::Colons) {
            break;
        }
        at += 1;
    }
    let mut name = segments.iter().rev().find(|segment| *segment != "self").cloned().unwrap_or_default();
    if word_at(tokens, at) == Some("as") {
        name = word_at(tokens, at + 1).unwrap_or_default().to_owned();
        at += 2;
    }
    found.push(Leaf { line, segments, name: Imported::Name(name) });
    at
}

fn group(tokens: &[Token], start: usize, before: &[String], found: &mut Vec<Leaf>) -> usize {
    let mut at = start;
    while let Some(kind) = kind_at(tokens, at) {
        match kind {
            Kind::Mark('}') => return at + 1,
            Kind::Word(_) | Kind::Mark('*' | '{') => at = tree(tokens, at, before, found),
            _ => at += 1,
        }
    }
    at
}
