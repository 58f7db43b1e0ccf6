//! `passerelle get`: downloads files and folders.
//!
//! `plan`, `decide` and `names` are pure; `folders` and `part_file` are this machine's disk; `find` walks the server
//! while `fetch` downloads; `links` are made last; `stream` is one file to standard output.

mod decide;
mod download;
mod fetch;
mod find;
mod folders;
mod leftovers;
mod links;
mod names;
mod part_file;
mod plan;
mod run;
mod stream;

pub(super) use run::run;
