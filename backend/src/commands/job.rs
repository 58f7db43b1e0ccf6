//! Changes as jobs of the server: requests one under an idempotency key, waits for its end, cancels it on demand.

use std::time::Duration;

use shared::job::Progress;
use shared::{Change, Job, JobId, JobState};
use tokio_util::sync::CancellationToken;

use super::connect::Session;
use super::failure::{Exit, Failure, is_away};
use super::retry::Backoff;
use crate::client::ClientError;
use crate::random::random_bytes;

/// How long the server delays an answer that has no news (long polling).
const POLL_TIME: Duration = Duration::from_secs(1);

/// Carries out a change and waits for its end. Cancels it when `stop` is cancelled; the job then has the outcomes up to
/// that point. `on_progress` is called after each answer of the server.
///
/// # Errors
/// The change as a whole was refused, or the server stayed unreachable. Failures of single items are in the job.
pub(super) async fn carry_out(
    session: &Session,
    change: Change,
    retries: u32,
    stop: &CancellationToken,
    mut on_progress: impl FnMut(&Progress),
) -> Result<Job, Failure> {
    let Session { client, caller, .. } = session;
    let key = new_key()?;
    let mut backoff = Backoff::new(retries);
    let mut job = loop {
        match client.change(caller, key, change.clone(), POLL_TIME).await {
            Ok(job) => break job,
            Err(error) => wait(&mut backoff, error).await?,
        }
    };
    let mut canceled = false;
    while job.state == JobState::Running {
        on_progress(&job.progress);
        let answer = async {
            if canceled {
                client.job(caller, key, job.version, POLL_TIME).await
            } else {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => client.cancel_job(caller, key).await,
                    answer = client.job(caller, key, job.version, POLL_TIME) => answer,
                }
            }
        };
        let answer = answer.await;
        canceled |= stop.is_cancelled();
        match answer {
            Ok(answer) => {
                backoff.progress();
                job = answer;
            }
            Err(error) => wait(&mut backoff, error).await?,
        }
    }
    on_progress(&job.progress);
    Ok(job)
}

/// A random idempotency key.
pub(super) fn new_key() -> Result<JobId, Failure> {
    random_bytes().map(JobId).map_err(|error| Failure::new(Exit::Failed, "random", error.to_string()))
}

/// Waits before the next attempt. `Err` if the error is final, or after the last attempt.
async fn wait(backoff: &mut Backoff, error: ClientError) -> Result<(), Failure> {
    match backoff.next(error.retry_after) {
        Some(time) if is_away(error.code) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
        _ => Err(error.into()),
    }
}
