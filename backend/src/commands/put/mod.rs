//! `passerelle put`: uploads files and folders.
//!
//! `plan` is pure; `local_file` is this machine's files; `resume_file` remembers uploads in progress; `find` walks the
//! sources while `send` uploads, `existing` looks at the server; `input` is standard input as one file.

mod error;
mod existing;
mod find;
mod input;
mod local_file;
mod plan;
mod resume_file;
mod run;
mod send;
mod upload;

pub(super) use run::run;
