//! The rows of the benchmark, a file each; every one measures, and says what its goals are.

mod downloads;
mod small;

use super::{Bench, table::Table};
use crate::repo::Outcome;

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) measure: fn(&Bench) -> Outcome<Vec<Table>>,
}

pub(super) const ROWS: &[Row] = &[
    Row { name: "download", title: "a large file over one connection", measure: downloads::one },
    Row { name: "ranges", title: "64 parts of a large file at a time", measure: downloads::many },
    Row { name: "small", title: "files of 4 KiB over 32 connections", measure: small::rate },
    Row { name: "latency", title: "files of 4 KiB at half of the rate that is possible", measure: small::latency },
];

/// For who asked for one that does not exist.
pub(super) fn list() -> String {
    let line = |row: &Row| format!("  {:<14} {}", row.name, row.title);
    ROWS.iter().map(line).collect::<Vec<_>>().join("\n")
}
