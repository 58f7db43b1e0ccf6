//! `load`: many clients at once, slow clients and too many clients, with a bound for each property that must hold.
//!
//! A scenario starts a server on a [`fixture`] and yields [`results`]: notes and checks. In most of them a [`probe`]
//! lists a folder meanwhile. [`scenarios`] names them all, [`page`] records a full run. A broken bound fails the
//! command; a quick run does not enforce the bounds of speed.

mod args;
mod connections;
mod fixture;
mod flood;
mod large_downloads;
mod mixed;
mod one_against_all;
mod page;
mod probe;
mod results;
mod run;
mod scenarios;
mod slow_readers;

pub(crate) use run::run;
