//! What came of a load. Pure.

use std::collections::BTreeMap;

use super::super::statistics;
use xtask::repo::{Failure, Outcome};

/// What came of it.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    /// Whole answers of the right status and length.
    pub(crate) answers: u64,
    pub(crate) body_bytes: u64,
    /// Anything else, connections that broke among it.
    pub(crate) failures: u64,
    /// Of those the ones that were answers, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) first_failure: Option<String>,
    pub(crate) seconds: f64,
    /// Bytes that came over each connection, heads and bodies, whole or not.
    pub(crate) taken: Vec<u64>,
    /// Of each answer, in microseconds, in order of length.
    pub(crate) latencies: Vec<u32>,
}

impl Tally {
    pub(crate) fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    /// In microseconds.
    pub(crate) fn latency(&self, share: f64) -> u32 {
        statistics::quantile(&self.latencies, share)
    }

    /// The tally, if nothing failed.
    pub(crate) fn flawless(self) -> Outcome<Self> {
        match &self.first_failure {
            Some(first) => {
                Err(Failure(format!("{} of {} requests failed: {first}", self.failures, self.answers + self.failures)))
            }
            None => Ok(self),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.body_bytes += other.body_bytes;
        self.failures += other.failures;
        other.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.seconds = self.seconds.max(other.seconds);
        self.taken.extend(other.taken);
        self.latencies.extend(other.latencies);
    }
}
