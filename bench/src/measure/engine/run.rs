//! Runs a workload on its threads and adds up their tallies.

use std::{fs, io, sync::Barrier, thread};

use xtask::repo::{Failure, Outcome};

use super::{schedule::Schedule, tally::Tally, worker::Worker, workload::Workload};

/// Opens the connections, then starts the clock and sends.
///
/// # Errors
/// Where a connection cannot be opened at the start. A later failure is counted in the tally.
pub(crate) fn run(workload: &Workload<'_>) -> Outcome<Tally> {
    let threads = workload.threads.clamp(1, workload.connections.max(1));
    let barrier = Barrier::new(threads);
    let barrier = &barrier;
    let tallies = thread::scope(|scope| {
        let begin = |number| scope.spawn(move || work(workload, threads, number, barrier));
        let workers: Vec<_> = (0..threads).map(begin).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
            .collect::<Vec<_>>()
    });
    let mut sum = Tally::default();
    for tally in tallies {
        sum.add(tally.map_err(|error| Failure(format!("{}: {error}", workload.server)))?);
    }
    sum.latencies.sort_unstable();
    Ok(sum)
}

fn work(workload: &Workload<'_>, threads: usize, number: usize, barrier: &Barrier) -> io::Result<Tally> {
    // The default slack of timers would send each request up to 50 µs late. Without the permission it stays.
    let _ = fs::write("/proc/thread-self/timerslack_ns", "1000");
    let share = |total: usize| total / threads + usize::from(number < total % threads);
    let opened = Worker::open(workload, share(workload.connections));
    // Also after a failure: the other threads wait for this one.
    barrier.wait();
    opened?.run(Schedule::new(workload, threads as u64, number as u64))
}
