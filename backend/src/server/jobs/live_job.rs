//! A job that has not ended.

use shared::{Change, Job, JobState, Outcome, Scope};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::server::records::jobs::JobRecord;

/// A job that has not ended.
pub(super) struct LiveJob {
    pub(super) change: Change,
    /// What the caller that began it may do.
    pub(super) begun_by: Scope,
    pub(super) number: i64,
    /// Set by its client.
    pub(super) cancelled: CancellationToken,
    /// Its state for clients.
    pub(super) status: watch::Sender<Job>,
}

impl LiveJob {
    /// The job of this record, with the outcomes that it has already.
    pub(super) fn new(record: &JobRecord, outcomes: Vec<Outcome>) -> Self {
        let cancelled = CancellationToken::new();
        if record.canceled {
            cancelled.cancel();
        }
        let status = watch::Sender::new(Job { outcomes, ..record.describe() });
        let (change, begun_by) = (record.request.change.clone(), record.request.caller.scope.clone());
        Self { change, begun_by, number: record.number, cancelled, status }
    }

    /// Its state for clients.
    pub(super) fn describe(&self) -> Job {
        self.status.borrow().clone()
    }

    /// Waits until the job has ended or `enough` is true of it.
    pub(super) async fn wait_for(&self, enough: impl Fn(&Job) -> bool) {
        let mut status = self.status.subscribe();
        // Fails without a sender only, which is part of `self`.
        let _ = status.wait_for(|job| job.state != JobState::Running || enough(job)).await;
    }
}
