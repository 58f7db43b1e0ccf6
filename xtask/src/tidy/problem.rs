//! A violation of a rule: a place, and one sentence about it.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) sentence: String,
}

impl Problem {
    pub(super) fn at(file: &str, line: usize, sentence: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, sentence: sentence.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.sentence)
    }
}
