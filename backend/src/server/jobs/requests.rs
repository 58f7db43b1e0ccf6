//! CHANGE, JOB_STATUS and CANCEL_JOB: a job begins, is looked up, and is cancelled.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use shared::limits::{FRAME_CONTROL_BYTES_MAX, JOB_WAIT_MAX};
use shared::wire::{CancelJob, ChangeRequest, FrameKind, JobStatus, encoded_length};
use shared::{Job, JobId, JobState, Outcome};
use tokio::time::timeout;

use super::access::JobAccess;
use super::registry::{Jobs, Named};
use crate::server::blocking::{blocking, blocking_in_turn};
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::records::jobs::JobRecord;

/// Most jobs in one answer to JOB_STATUS.
const LISTED_MAX: usize = 1_000;
/// Outcomes in one JOB, in bytes: the rest of the frame is for the other fields.
const OUTCOMES_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX - (32 << 10);

/// Answers JOB…. Once the job has begun, CANCEL ends only the wait: the answer says that there is a job.
pub(in crate::server) async fn change<W: Sink>(
    jobs: &Arc<Jobs>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: ChangeRequest,
) -> Result<(), RequestError> {
    let access = JobAccess::of(&request.caller, peer)?;
    access.check(&request.change)?;
    let wait = wait_time(request.wait_ms, request.caller.deadline_ms);
    let (beginning, id, owner) = (Arc::clone(jobs), request.key, access.owner.clone());
    let (gate, cancelled) = (EffectGate::default(), response.cancelled().clone());
    let passed = gate.clone();
    let who = access.who();
    let begun = blocking_in_turn(&jobs.admissions.recorded_jobs, who, move || beginning.begin(owner, request, &passed));
    response.until_effect(gate, begun).await?;
    let ended = |job: &Job| job.state != JobState::Running;
    let job = wait_for(jobs, &access, id, wait, cancelled.cancelled(), ended);
    let job = response.run_to_completion(job).await?;
    send(response, job).await
}

/// Answers JOB… for the job of the request, or one JOB for each, without outcomes.
pub(in crate::server) async fn status<W: Sink>(
    jobs: &Arc<Jobs>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: JobStatus,
) -> Result<(), RequestError> {
    let access = JobAccess::of(&request.caller, peer)?;
    let wait = wait_time(request.wait_ms, request.caller.deadline_ms);
    if let Some(id) = request.job {
        let seen = request.seen;
        let job = wait_for(jobs, &access, id, wait, pending(), |job| job.version > seen);
        let job = response.until_cancelled(job).await?;
        return send(response, job).await;
    }
    let listing = Arc::clone(jobs);
    let who = access.who();
    let listed = blocking_in_turn(&jobs.admissions.folders_read, who, move || {
        let live = listing.live_by_number();
        let describe = |record: JobRecord| {
            access.look(&record.request.caller.scope, &record.request.change).ok()?;
            Some(match live.get(&record.number) {
                Some(live) => Job { outcomes: Vec::new(), ..live.describe() },
                None => record.describe(),
            })
        };
        Ok(listing.records()?.describe_jobs_of(&access.owner, LISTED_MAX, describe)?)
    });
    for job in response.until_cancelled(listed).await? {
        response.send(FrameKind::Job, &job).await?;
    }
    Ok(())
}

/// Answers JOB…, also after CANCEL.
pub(in crate::server) async fn cancel<W: Sink>(
    jobs: &Arc<Jobs>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: CancelJob,
) -> Result<(), RequestError> {
    let access = JobAccess::of(&request.caller, peer)?;
    if let Named::Live(live) = response.run_to_completion(find(jobs, &access, request.job)).await? {
        let recording = Arc::clone(jobs);
        let cancelling = blocking(move || {
            recording.records()?.cancel_job(live.number)?;
            live.cancelled.cancel();
            Ok::<_, RequestError>(())
        });
        response.run_to_completion(cancelling).await?;
    }
    let job = wait_for(jobs, &access, request.job, Duration::ZERO, pending(), |_| true);
    let job = response.run_to_completion(job).await?;
    send(response, job).await
}

/// Sends a job in as many messages as its outcomes take.
async fn send<W: Sink>(response: &mut ResponseWriter<'_, W>, job: Job) -> Result<(), RequestError> {
    let Job { outcomes, .. } = job;
    let mut part = Job { outcomes: Vec::new(), ..job };
    let mut bytes = 0;
    for outcome in outcomes {
        bytes += encoded_length(&outcome);
        if bytes > OUTCOMES_BYTES_MAX && !part.outcomes.is_empty() {
            response.send(FrameKind::Job, &part).await?;
            part.outcomes.clear();
            bytes = 0;
        }
        part.outcomes.push(outcome);
    }
    response.send(FrameKind::Job, &part).await
}

fn wait_time(wait_ms: u32, deadline_ms: Option<u32>) -> Duration {
    Duration::from_millis(wait_ms.min(deadline_ms.unwrap_or(u32::MAX)).into()).min(JOB_WAIT_MAX)
}

/// The job once it has ended or `enough` is true of it, but after `wait` or `unwanted` at the latest.
async fn wait_for(
    jobs: &Arc<Jobs>,
    access: &JobAccess,
    id: JobId,
    wait: Duration,
    unwanted: impl Future<Output = ()>,
    enough: impl Fn(&Job) -> bool,
) -> Result<Job, RequestError> {
    let record = match find(jobs, access, id).await? {
        Named::Ended(record) => record,
        Named::Live(live) => {
            tokio::select! {
                _ = timeout(wait, live.wait_for(enough)) => {}
                () = unwanted => {}
                () = jobs.stopping.cancelled() => {}
            }
            let mut job = live.describe();
            job.outcomes = access.shown(job.outcomes);
            return Ok(job);
        }
    };
    let (reading, caller) = (Arc::clone(jobs), access.clone());
    blocking_in_turn(&jobs.admissions.folders_read, access.who(), move || {
        let items = reading.records()?.items(record.number)?;
        let outcomes: Vec<Outcome> = items.into_iter().filter_map(|item| item.outcome).collect();
        Ok(Job { outcomes: caller.shown(outcomes), ..record.describe() })
    })
    .await
}

/// The job with this id, if the caller may see it. A job with many items is compared with many grants in a turn of its own.
///
/// # Errors
/// As [`JobAccess::look`] and [`Jobs::named`].
async fn find(jobs: &Arc<Jobs>, access: &JobAccess, id: JobId) -> Result<Named, RequestError> {
    let live = jobs.live_job(&access.owner, access.client.as_deref(), id);
    if let Some(live) = &live
        && access.sees_at_once(&live.begun_by, &live.change)
    {
        return Ok(Named::Live(Arc::clone(live)));
    }
    let (looking, caller) = (Arc::clone(jobs), access.clone());
    let named = move || {
        let named = match live {
            Some(live) => Named::Live(live),
            None => looking.named(&caller.owner, caller.client.as_deref(), id)?,
        };
        let (begun_by, change) = match &named {
            Named::Live(live) => (&live.begun_by, &live.change),
            Named::Ended(record) => (&record.request.caller.scope, &record.request.change),
        };
        caller.look(begun_by, change)?;
        Ok(named)
    };
    blocking_in_turn(&jobs.admissions.folders_read, access.who(), named).await
}
