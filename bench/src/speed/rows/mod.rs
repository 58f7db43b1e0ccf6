//! The rows of the benchmark, a file each; every one measures, and says what its goals are.

mod archives;
mod curves;
mod downloads;
mod idle;
mod listings;
mod small;
mod tls;
mod uploads;
mod zip;

use super::{Bench, svg::Chart, table::Table};
use xtask::repo::Outcome;

pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) measure: fn(&Bench) -> Outcome<Found>,
}

/// What a row found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tables: Vec<Table>,
    pub(super) charts: Vec<Chart>,
}

impl Found {
    fn table(table: Table) -> Self {
        Self { tables: vec![table], charts: Vec::new() }
    }
}

pub(super) const ROWS: &[Row] = &[
    Row { name: "download", title: "a large file over one connection", measure: downloads::one },
    Row { name: "tls", title: "the same, encrypted", measure: tls::download },
    Row { name: "ranges", title: "64 parts of a large file at a time", measure: downloads::many },
    Row { name: "small", title: "files of 4 KiB over 32 connections", measure: small::rate },
    Row { name: "latency", title: "files of 4 KiB at half of the rate that is possible", measure: small::latency },
    Row { name: "listing", title: "a large folder, its first page and the whole of it", measure: listings::large },
    Row { name: "huge", title: "the first page of a huge folder, cold and warm", measure: listings::huge },
    Row { name: "upload", title: "a large file up, durable", measure: uploads::large },
    Row { name: "uploads", title: "files of 4 KiB up over 8 connections", measure: uploads::small },
    Row { name: "archive", title: "a folder of small files as one ZIP", measure: archives::archive },
    Row { name: "idle", title: "memory of connections that wait", measure: idle::memory },
    Row { name: "curves", title: "costs over sizes, folders and connections", measure: curves::all },
];

/// For who asked for one that does not exist.
pub(super) fn list() -> String {
    let line = |row: &Row| format!("  {:<10} {}", row.name, row.title);
    ROWS.iter().map(line).collect::<Vec<_>>().join("\n")
}
