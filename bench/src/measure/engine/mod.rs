//! Sends requests over many keep-alive connections from a few threads that wait by epoll, so that the server and not
//! the client is what is measured.
//!
//! [`Workload`] names the requests, [`Tally`] counts the responses; [`schedule`] says when a request is due, [`worker`]
//! is one thread with its connections. At a given rate, latency counts from the moment at which a request was due,
//! whether or not a connection was free: a server that stalls is charged for every request that it delays.

mod run;
mod schedule;
mod tally;
mod worker;
mod workload;

pub(crate) use run::run;
pub(crate) use tally::Tally;
pub(crate) use workload::{End, Workload};
