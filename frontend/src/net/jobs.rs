//! Runs a change at the server: requests it under an idempotency key, then follows its job to the end.

#![cfg(target_arch = "wasm32")]

use shared::api::changes::{ReadJob, RequestChange};
use shared::job::Progress;
use shared::limits::JOB_WAIT_MAX;
use shared::{Change, Job, JobId, JobState};

use super::api::call_retrying;
use crate::failure::Failure;

/// A sign of life of a running change.
#[derive(Clone, Copy, Debug)]
pub(crate) enum JobEvent {
    /// A request failed for a reason that may pass, and is sent again.
    Retrying,
    /// The server answered with the job's progress.
    Progress(Progress),
}

/// Requests `change` under `key` and waits until its job ends.
///
/// # Errors
/// If a request fails for good, or too often. The job may have run nevertheless.
pub(crate) async fn run_change(key: JobId, change: Change, on_event: impl Fn(JobEvent)) -> Result<Job, Failure> {
    let request = RequestChange { key: Some(key), change };
    let job = call_retrying(&request, None, |_| on_event(JobEvent::Retrying)).await?;
    follow_job(job, on_event).await
}

/// Waits until a job ends.
///
/// # Errors
/// As [`run_change`].
pub(crate) async fn follow_job(mut job: Job, on_event: impl Fn(JobEvent)) -> Result<Job, Failure> {
    let wait = u32::try_from(JOB_WAIT_MAX.as_millis()).unwrap_or(u32::MAX);
    while job.state == JobState::Running {
        on_event(JobEvent::Progress(job.progress));
        let request = ReadJob { id: job.id, seen: job.version, wait };
        job = call_retrying(&request, None, |_| on_event(JobEvent::Retrying)).await?;
    }
    Ok(job)
}
