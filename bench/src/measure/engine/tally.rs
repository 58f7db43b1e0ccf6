//! Counts and latencies of the responses of a run. Pure.

use std::collections::BTreeMap;

use super::super::statistics;
use xtask::repo::{Failure, Outcome};

#[derive(Default, Debug)]
pub(crate) struct Tally {
    /// Complete responses with the expected status and length.
    pub(crate) responses: u64,
    pub(crate) body_bytes: u64,
    /// Any other response, and each broken connection.
    pub(crate) failures: u64,
    /// The failures that were responses, by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) first_failure: Option<String>,
    pub(crate) seconds: f64,
    /// Bytes received over each connection, heads and incomplete bodies included.
    pub(crate) received: Vec<u64>,
    /// Of each response, in microseconds; sorted after the run.
    pub(crate) latencies: Vec<u32>,
}

impl Tally {
    pub(crate) fn per_second(&self) -> f64 {
        self.responses as f64 / self.seconds
    }

    /// In microseconds.
    pub(crate) fn latency(&self, share: f64) -> u32 {
        statistics::quantile(&self.latencies, share)
    }

    /// # Errors
    /// If any request failed.
    pub(crate) fn flawless(self) -> Outcome<Self> {
        match &self.first_failure {
            Some(first) => Err(Failure(format!(
                "{} of {} requests failed: {first}",
                self.failures,
                self.responses + self.failures
            ))),
            None => Ok(self),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.responses += other.responses;
        self.body_bytes += other.body_bytes;
        self.failures += other.failures;
        other.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
        self.first_failure = self.first_failure.take().or(other.first_failure);
        self.seconds = self.seconds.max(other.seconds);
        self.received.extend(other.received);
        self.latencies.extend(other.latencies);
    }
}
