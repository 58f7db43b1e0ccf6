//! `Task`: a change that runs, or the failed items of one, as a card shows it. Renders nothing.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::changes::CancelJob;
use shared::job::Progress;
use shared::{Change, ErrorCode, JobId};

use super::model::Verb;
use crate::env::{now, sleep};
use crate::failure::{Failure, Operation, Reason};
use crate::i18n::Words;
use crate::net::api::call_retrying;

/// Time that a rate is measured over at least, in seconds.
const RATE_SECONDS_MIN: f64 = 1.0;

/// Wait before the server is asked again to cancel a job that it does not know yet.
const CANCEL_AGAIN_MILLISECONDS: u32 = 100;

/// A running change, or the failed items of one that ended. A clone shares the state.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) id: u32,
    /// `None` for a change that an earlier page requested.
    pub(super) verb: Option<Verb>,
    /// Number of items.
    pub(super) count: usize,
    pub(super) state: ArcRwSignal<TaskState>,
}

/// The state that a card shows.
#[derive(Clone, Default)]
pub(super) struct TaskState {
    running: bool,
    /// The user cancelled the change.
    pub(super) canceling: bool,
    /// The requests that were sent and have not ended.
    running_jobs: Vec<RunningJob>,
    /// When the first progress arrived, in milliseconds since the page started, and the entries that were done then.
    first_progress: Option<(f64, u64)>,
    /// Progress of the requests that ended.
    finished: Progress,
    pub(super) failed: Vec<FailedItem>,
    /// The requests that retry the failed items.
    pub(super) retry: Vec<Change>,
}

/// A request that was sent.
#[derive(Clone)]
struct RunningJob {
    id: JobId,
    progress: Progress,
    /// The server is out of reach or busy, and the request is retried.
    retrying: bool,
}

/// An item that failed.
#[derive(Clone)]
pub(super) struct FailedItem {
    pub(super) name: String,
    /// The entry below the item that failed, if it is not the item itself: other parts of the item may be done.
    pub(super) inner: Option<String>,
    pub(super) reason: Reason,
    pub(super) operation: Operation,
}

impl FailedItem {
    /// What was not done, why, and what helps.
    pub(super) fn sentences(&self, words: &Words) -> String {
        match &self.inner {
            Some(inner) if *inner != self.name => words.partial_failure(self.reason, self.operation, &self.name, inner),
            // The trash knows its items by ids alone.
            _ if self.name.is_empty() => words.explain(self.reason, self.operation).sentences(),
            _ => words.failure(self.reason, self.operation, &self.name),
        }
    }
}

impl Task {
    /// A running change of `count` items.
    pub(super) fn new(id: u32, verb: Option<Verb>, count: usize) -> Self {
        Self { id, verb, count, state: ArcRwSignal::new(TaskState { running: true, ..TaskState::default() }) }
    }

    /// The failed items of a change that ended, and the requests that retry them.
    /// `unlisted` is the number of failed items that the server only counts.
    pub(super) fn of_failures(
        id: u32,
        verb: Verb,
        failed: Vec<FailedItem>,
        unlisted: usize,
        retry: Vec<Change>,
    ) -> Self {
        let count = failed.len() + unlisted;
        let state = TaskState { failed, retry, ..TaskState::default() };
        Self { id, verb: Some(verb), count, state: ArcRwSignal::new(state) }
    }

    /// Adds a job, which [`Task::cancel`] cancels until it has ended.
    pub(super) fn begin_job(&self, id: JobId) {
        let job = RunningJob { id, progress: Progress::default(), retrying: false };
        self.state.update(|state| state.running_jobs.push(job));
    }

    /// Notes that the request of a job is retried, until the server answers with its progress.
    pub(super) fn set_retrying(&self, id: JobId) {
        self.state.update(|state| {
            if let Some(job) = state.running_jobs.iter_mut().find(|job| job.id == id) {
                job.retrying = true;
            }
        });
    }

    /// Sets the progress of a job that runs.
    pub(super) fn set_progress(&self, id: JobId, progress: Progress) {
        self.state.update(|state| {
            if let Some(job) = state.running_jobs.iter_mut().find(|job| job.id == id) {
                (job.progress, job.retrying) = (progress, false);
            }
            state.note_progress();
        });
    }

    /// Ends a job with its last progress; `None` if its request failed.
    pub(super) fn end_job(&self, id: JobId, progress: Option<Progress>) {
        self.state.update(|state| {
            state.running_jobs.retain(|job| job.id != id);
            if let Some(progress) = progress {
                state.finished = sum(state.finished, progress);
                state.note_progress();
            }
        });
    }

    pub(super) fn end(&self) {
        self.state.update(|state| state.running = false);
    }

    pub(super) fn is_running(&self) -> bool {
        self.state.with_untracked(|state| state.running)
    }

    pub(super) fn is_canceling(&self) -> bool {
        self.state.with_untracked(|state| state.canceling)
    }

    /// Cancels the change: its jobs at the server, and the requests that were not sent.
    pub(super) fn cancel(&self) {
        self.state.update(|state| state.canceling = true);
        for RunningJob { id, .. } in self.state.with_untracked(|state| state.running_jobs.clone()) {
            spawn_local(self.clone().cancel_job(id));
        }
    }

    /// Cancels a job. One whose request has yet to arrive is unknown to the server, which is asked again.
    async fn cancel_job(self, id: JobId) {
        while self.is_running_job(id) {
            match call_retrying(&CancelJob { id }, None, |_| ()).await {
                Err(Failure::Refused { code: ErrorCode::NotFound, .. }) => _ = sleep(CANCEL_AGAIN_MILLISECONDS).0.await,
                // If cancelling fails otherwise, the job ends by itself and reports its outcomes.
                _ => return,
            }
        }
    }

    fn is_running_job(&self, id: JobId) -> bool {
        self.state.with_untracked(|state| state.running_jobs.iter().any(|job| job.id == id))
    }
}

impl TaskState {
    fn note_progress(&mut self) {
        let entries = self.progress().entries;
        self.first_progress.get_or_insert_with(|| (now(), entries));
    }

    /// True while the server is out of reach or busy, and a request is retried.
    pub(super) fn is_retrying(&self) -> bool {
        self.running_jobs.iter().any(|job| job.retrying)
    }

    /// Entries in a second, on average; `None` until it is known.
    pub(super) fn entries_per_second(&self) -> Option<u64> {
        let (since, before) = self.first_progress?;
        let seconds = (now() - since) / 1_000.0;
        let entries = self.progress().entries.saturating_sub(before);
        (seconds >= RATE_SECONDS_MIN && entries > 0).then(|| ((entries as f64 / seconds).round() as u64).max(1))
    }

    /// Progress of all requests so far.
    pub(super) fn progress(&self) -> Progress {
        self.running_jobs.iter().fold(self.finished, |all, job| sum(all, job.progress))
    }
}

fn sum(one: Progress, other: Progress) -> Progress {
    Progress {
        entries: one.entries + other.entries,
        entries_total: one.entries_total + other.entries_total,
        bytes: one.bytes + other.bytes,
        bytes_total: one.bytes_total + other.bytes_total,
    }
}
