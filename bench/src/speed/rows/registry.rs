//! All rows, by the name that `--row` takes.

use xtask::repo::Outcome;

use super::{
    super::{fixture::Fixture, results::Results},
    archives, curves, downloads, idle, listings, small, tls, uploads,
};

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) measure: fn(&Fixture) -> Outcome<Results>,
}

pub(crate) const ROWS: &[Row] = &[
    Row { name: "download", title: "a large file over one connection", measure: downloads::one },
    Row { name: "tls", title: "a large file over one TLS connection", measure: tls::download },
    Row { name: "ranges", title: "64 parts of a large file at a time", measure: downloads::many },
    Row { name: "small", title: "files of 4 KiB over 32 connections", measure: small::rate },
    Row { name: "latency", title: "files of 4 KiB at half of the rate that is possible", measure: small::latency },
    Row { name: "listing", title: "a large folder, its first page and the whole of it", measure: listings::large },
    Row { name: "huge", title: "the first page of a huge folder, cold and warm", measure: listings::huge },
    Row { name: "upload", title: "upload of a large file, durable", measure: uploads::large },
    Row { name: "uploads", title: "upload of 4 KiB files over 8 connections", measure: uploads::small },
    Row { name: "archive", title: "a folder of small files as one ZIP", measure: archives::archive },
    Row { name: "idle", title: "memory of idle connections", measure: idle::memory },
    Row { name: "curves", title: "costs over sizes, folders and connections", measure: curves::all },
];

/// One line for each row.
pub(crate) fn list() -> String {
    let line = |row: &Row| format!("  {:<10} {}", row.name, row.title);
    ROWS.iter().map(line).collect::<Vec<_>>().join("\n")
}
