//! Many keep-alive connections at once from a few threads, each waiting by epoll: fast enough that the server is what
//! is measured. At a given rate, latency counts from the moment a request was due, whether or not a connection was free
//! to send it: a server that stops for a while is charged for all who would have come meanwhile.
//!
//! - [`Load`] is what is asked of whom, [`Tally`] what came of it;
//! - [`schedule`] says when which request is due, [`worker`] sends them and reads the answers.

mod schedule;
mod tally;
mod worker;

use std::{
    fs, io,
    net::SocketAddr,
    sync::{Barrier, atomic::AtomicBool},
    thread,
    time::Duration,
};

use schedule::Schedule;
pub(crate) use tally::Tally;
use worker::Worker;
use xtask::repo::{Failure, Outcome};

pub(crate) struct Load<'a> {
    pub(crate) server: SocketAddr,
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    pub(crate) end: End<'a>,
    /// Requests a second, all connections together; as fast as answers come where there is none.
    pub(crate) rate: Option<f64>,
    /// Writes the request of that number into the empty buffer. Numbers count from zero and none comes twice.
    pub(crate) request: &'a (dyn Fn(u64, &mut Vec<u8>) + Sync),
    pub(crate) status: u16,
    /// How long each body must be, where that is known.
    pub(crate) body_bytes: Option<u64>,
}

#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    After(Duration),
    Requests(u64),
    /// Once somebody says so; looked at whenever something arrives.
    When(&'a AtomicBool),
}

/// Opens the connections, then starts the clock and sends.
///
/// # Errors
/// Where a connection cannot be opened to begin with. What fails later is counted.
pub(crate) fn run(load: &Load<'_>) -> Outcome<Tally> {
    let threads = load.threads.clamp(1, load.connections.max(1));
    let barrier = Barrier::new(threads);
    let barrier = &barrier;
    let tallies = thread::scope(|scope| {
        let begin = |number| scope.spawn(move || work(load, threads, number, barrier));
        let workers: Vec<_> = (0..threads).map(begin).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
            .collect::<Vec<_>>()
    });
    let mut sum = Tally::default();
    for tally in tallies {
        sum.add(tally.map_err(|error| Failure(format!("{}: {error}", load.server)))?);
    }
    sum.latencies.sort_unstable();
    Ok(sum)
}

fn work(load: &Load<'_>, threads: usize, number: usize, barrier: &Barrier) -> io::Result<Tally> {
    // Sleep as exactly as the kernel can; where it may not be said, a request is up to 50 µs late.
    let _ = fs::write("/proc/thread-self/timerslack_ns", "1000");
    let share = |total: usize| total / threads + usize::from(number < total % threads);
    let opened = Worker::open(load, share(load.connections));
    // Everybody arrives here, also who failed: the others would wait for ever.
    barrier.wait();
    opened?.run(Schedule::new(load, threads as u64, number as u64))
}
