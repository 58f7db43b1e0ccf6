//! `tidy`: rules of the source tree that no compiler enforces. Runs as a command and as a test.
//!
//! [`tree`] reads the files, [`source`] parses Rust as far as the rules need it, [`table`] holds what the rules allow;
//! every other file is one rule, with a planted violation in its tests.

mod cycles;
mod decoding;
mod documents;
mod files;
mod imports;
mod modules;
mod problem;
mod rows;
mod run;
mod source;
mod table;
mod test_code;
mod tokens;
mod tree;
mod unreached;
mod use_tree;
mod words;

pub(crate) use run::tidy;
