//! `speed`: this server beside others, with the same files, in one run.
//!
//! [`rows`] measure, each fills a [`table`] with its goals; [`report`] prints the tables, [`page`] records them,
//! [`svg`] draws curves. Only figures of one run are compared: the servers alternate, round by round, so that a
//! disturbance of the machine meets all of them.

mod args;
mod fixture;
mod page;
mod report;
mod results;
mod rows;
mod run;
mod scale;
mod svg;
mod table;

pub(crate) use run::run;
