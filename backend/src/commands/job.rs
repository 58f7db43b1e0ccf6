//! A change that the server carries out as a job: asked for with one key however often the server goes away, waited for
//! to its end, cancelled where the person says so.

use std::time::Duration;

use shared::change::Progress;
use shared::{Change, Job, JobId, JobState};
use tokio_util::sync::CancellationToken;

use super::connect::Session;
use super::exit::{Exit, Failure, is_away};
use super::retry::Backoff;
use crate::client::ClientError;
use crate::random::random_bytes;

/// How long the server holds an answer back while nothing is new.
const NEWS_TIME: Duration = Duration::from_secs(1);

/// Has the change done, and waits for its end. Cancels it when `stop` is set; what was done until then is in the answer.
///
/// # Errors
/// Of the change as a whole, or of a server that stays away. What each item came to is in the job.
pub(super) async fn carry_out(
    session: &Session,
    change: Change,
    retries: u32,
    stop: &CancellationToken,
    mut tell: impl FnMut(&Progress),
) -> Result<Job, Failure> {
    let Session { client, caller, .. } = session;
    let key = new_key()?;
    let mut backoff = Backoff::new(retries);
    let mut job = loop {
        match client.change(caller, key, change.clone(), NEWS_TIME).await {
            Ok(job) => break job,
            Err(error) => again(&mut backoff, error).await?,
        }
    };
    let mut canceled = false;
    while job.state == JobState::Running {
        tell(&job.progress);
        let news = async {
            if canceled {
                client.job(caller, key, job.version, NEWS_TIME).await
            } else {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => client.cancel_job(caller, key).await,
                    news = client.job(caller, key, job.version, NEWS_TIME) => news,
                }
            }
        };
        let news = news.await;
        canceled |= stop.is_cancelled();
        match news {
            Ok(news) => {
                backoff.progress();
                job = news;
            }
            Err(error) => again(&mut backoff, error).await?,
        }
    }
    tell(&job.progress);
    Ok(job)
}

/// A key that nobody used before.
pub(super) fn new_key() -> Result<JobId, Failure> {
    random_bytes().map(JobId).map_err(|error| Failure::new(Exit::Failed, "random", error.to_string()))
}

async fn again(backoff: &mut Backoff, error: ClientError) -> Result<(), Failure> {
    match backoff.next(error.retry_after) {
        Some(time) if is_away(error.code) => {
            tokio::time::sleep(time).await;
            Ok(())
        }
        _ => Err(error.into()),
    }
}
