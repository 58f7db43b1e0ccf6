//! When the next request of a thread is due: at once, or at a fixed rate. Pure except for the time of its start.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::workload::{End, Workload};

pub(crate) struct Schedule<'a> {
    pub(crate) begin: Instant,
    pub(crate) deadline: Option<Instant>,
    /// Seconds between two requests of this thread.
    interval: Option<f64>,
    sent: u64,
    most: u64,
    first: u64,
    step: u64,
    stop: Option<&'a AtomicBool>,
}

impl<'a> Schedule<'a> {
    pub(crate) fn new(workload: &Workload<'a>, threads: u64, number: u64) -> Self {
        let begin = Instant::now();
        let (deadline, most, stop) = match workload.end {
            End::After(time) => (Some(begin + time), u64::MAX, None),
            End::Requests(total) => (None, total / threads + u64::from(number < total % threads), None),
            End::When(stop) => (None, u64::MAX, Some(stop)),
        };
        let interval = workload.rate.map(|rate| threads as f64 / rate);
        Self { begin, deadline, interval, sent: 0, most, first: number, step: threads, stop }
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
            || self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// When the next request is due; `None` after the last one.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        if self.sent == self.most || self.is_over(now) {
            return None;
        }
        Some(self.interval.map_or(now, |interval| self.begin + Duration::from_secs_f64(interval * self.sent as f64)))
    }

    /// The serial number of the request that is sent now.
    pub(crate) fn take(&mut self) -> u64 {
        let serial = self.first + self.sent * self.step;
        self.sent += 1;
        serial
    }
}
