//! Changes, which are jobs: each is written down before it begins, says how far it is, can be stopped, goes on after a
//! restart where it was, and leaves for each item what became of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::change::Progress;
use shared::limits::{FRAME_CONTROL_BYTES_MAX, JOB_KEPT, JOB_WAIT_MAX, JOBS_AT_A_TIME_MAX, JOBS_MAX};
use shared::wire::{CancelJob, ChangeRequest, Failure, FrameKind, JobStatus, encode};
use shared::{Change, ErrorCode, Job, JobId, JobState, Outcome};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error};

use super::decide::needed;
use super::runner::Run;
use crate::random::random_bytes;
use crate::server::authority::{Owner, granted};
use crate::server::blocking::{attempt, blocking};
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::operations::send::Sink;
use crate::server::records::database::Database;
use crate::server::records::jobs::{JobRecord, Step};
use crate::server::state::Server;
use crate::storage::{Storage, StorageError};

/// Most jobs in one answer to JOB_STATUS.
const LISTED_MAX: u32 = 1_000;
/// Outcomes in one JOB, in bytes: what is left of a message for the rest.
const OUTCOMES_BYTES_MAX: usize = FRAME_CONTROL_BYTES_MAX - (32 << 10);

/// Every job.
pub(in crate::server) struct Jobs {
    storage: Arc<dyn Storage>,
    /// None where none can be kept: then nothing is changed.
    records: Option<Arc<Database>>,
    /// Those that have not ended.
    live: Mutex<HashMap<(Owner, JobId), Arc<LiveJob>>>,
    beginning: Mutex<()>,
    turns: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Cancelled when the server stops: jobs let go, and go on at the next start.
    stopping: CancellationToken,
}

/// A job that has not ended.
pub(super) struct LiveJob {
    pub(super) change: Change,
    pub(super) number: i64,
    /// By its client.
    pub(super) cancelled: CancellationToken,
    pub(super) status: watch::Sender<Job>,
}

/// JOB…, END.
pub(in crate::server) async fn change<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    mut request: ChangeRequest,
) -> Result<(), Stop> {
    let owner = Owner::of(&request.caller)?;
    let rights = granted(&request.caller, peer);
    if !rights.contains(needed(&request.change)) {
        return Err(ErrorCode::Forbidden.into());
    }
    let wait = wait_time(request.wait_ms, request.caller.deadline_ms);
    // As it is carried out, be it by a later process: the key's rights are part of it.
    let root = usize::from(request.caller.root);
    request.caller.scope.roots.iter_mut().skip(root).take(1).for_each(|root| root.rights = rights);
    let (jobs, id) = (Arc::clone(&server.jobs), request.key);
    let same_owner = owner.clone();
    answer.during(attempt(move || jobs.begin(same_owner, request))).await?;
    let job = server.jobs.wait(answer, owner, id, wait, |job| job.state != JobState::Running).await?;
    send(answer, job).await
}

/// JOB…, END; for all jobs a JOB each.
pub(in crate::server) async fn status<W: Sink>(
    server: &Server,
    answer: &mut Answer<'_, W>,
    request: JobStatus,
) -> Result<(), Stop> {
    let owner = Owner::of(&request.caller)?;
    let wait = wait_time(request.wait_ms, request.caller.deadline_ms);
    if let Some(id) = request.job {
        let seen = request.seen;
        let job = server.jobs.wait(answer, owner, id, wait, |job| job.version > seen).await?;
        return send(answer, job).await;
    }
    let jobs = Arc::clone(&server.jobs);
    let found = answer.during(blocking(move || jobs.records()?.jobs_of(&owner, LISTED_MAX))).await?;
    for record in found {
        let live = server.jobs.find(&record.owner, record.id);
        let job =
            live.map_or_else(|| record.describe(), |live| Job { outcomes: Vec::new(), ..live.status.borrow().clone() });
        answer.send(FrameKind::Job, &job).await?;
    }
    Ok(())
}

/// JOB…, END.
pub(in crate::server) async fn cancel<W: Sink>(
    server: &Server,
    answer: &mut Answer<'_, W>,
    request: CancelJob,
) -> Result<(), Stop> {
    let owner = Owner::of(&request.caller)?;
    if let Some(live) = server.jobs.find(&owner, request.job) {
        let (jobs, number) = (Arc::clone(&server.jobs), live.number);
        answer.during(blocking(move || jobs.records()?.cancel_job(number))).await?;
        live.cancelled.cancel();
    }
    let job = server.jobs.wait(answer, owner, request.job, Duration::ZERO, |_| true).await?;
    send(answer, job).await
}

/// A job, in as many messages as its outcomes take.
async fn send<W: Sink>(answer: &mut Answer<'_, W>, job: Job) -> Result<(), Stop> {
    let Job { outcomes, .. } = job;
    let mut part = Job { outcomes: Vec::new(), ..job };
    let mut bytes = 0;
    for outcome in outcomes {
        bytes += encode(&outcome).len();
        if bytes > OUTCOMES_BYTES_MAX && !part.outcomes.is_empty() {
            answer.send(FrameKind::Job, &part).await?;
            part.outcomes.clear();
            bytes = 0;
        }
        part.outcomes.push(outcome);
    }
    answer.send(FrameKind::Job, &part).await
}

fn wait_time(wait_ms: u32, deadline_ms: Option<u32>) -> Duration {
    Duration::from_millis(wait_ms.min(deadline_ms.unwrap_or(u32::MAX)).into()).min(JOB_WAIT_MAX)
}

impl Jobs {
    /// Those that are written down.
    pub(in crate::server) fn new(storage: Arc<dyn Storage>, records: Option<Arc<Database>>) -> Self {
        Self {
            storage,
            records,
            live: Mutex::default(),
            beginning: Mutex::default(),
            turns: Arc::new(Semaphore::new(JOBS_AT_A_TIME_MAX)),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    fn records(&self) -> Result<&Arc<Database>, StorageError> {
        let refusal = || StorageError::new(ErrorCode::ReadOnly, "the server's own directory cannot be written to");
        self.records.as_ref().ok_or_else(refusal)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<(Owner, JobId), Arc<LiveJob>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, owner: &Owner, id: JobId) -> Option<Arc<LiveJob>> {
        self.live().get(&(owner.clone(), id)).cloned()
    }

    /// Writes a change down and starts it, unless it was before, with the same key.
    fn begin(self: &Arc<Self>, owner: Owner, request: ChangeRequest) -> Result<(), Stop> {
        let records = self.records()?;
        // Of two requests with the same key one is first, and the other one finds its job at work.
        let _one = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = records.job(&owner, request.key)? {
            if known.request.change == request.change {
                return Ok(());
            }
            return Err(Failure::new(ErrorCode::KeyReused, "the key was used for another change").into());
        }
        if self.live().len() >= JOBS_MAX {
            return Err(Failure::new(ErrorCode::TooManyRequests, "too many changes wait for their turn").into());
        }
        let entries_total = request.change.len() as u64;
        let mut record = JobRecord {
            number: 0,
            owner,
            id: request.key,
            state: JobState::Running,
            version: 1,
            progress: Progress { entries_total, ..Progress::default() },
            seed: random_bytes().map_err(StorageError::from)?,
            canceled: false,
            request,
        };
        record.number = records.insert_job(&record, clock::now())?;
        self.start(record, None);
        Ok(())
    }

    /// Has a job carried out as soon as it is its turn; with what was done of it before a restart.
    fn start(self: &Arc<Self>, record: JobRecord, before: Option<Vec<Step>>) {
        let outcomes = before.iter().flatten().map_while(|step| step.outcome.clone()).collect();
        let live = Arc::new(LiveJob {
            change: record.request.change.clone(),
            number: record.number,
            cancelled: CancellationToken::new(),
            status: watch::Sender::new(Job { outcomes, ..record.describe() }),
        });
        if record.canceled {
            live.cancelled.cancel();
        }
        let key = (record.owner.clone(), record.id);
        self.live().insert(key.clone(), Arc::clone(&live));
        let jobs = Arc::clone(self);
        self.tasks.spawn(async move {
            let turn = tokio::select! {
                biased;
                () = jobs.stopping.cancelled() => return,
                turn = Arc::clone(&jobs.turns).acquire_owned() => turn,
            };
            let (Ok(_turn), Ok(records)) = (turn, jobs.records().cloned()) else { return };
            let (storage, stopping) = (Arc::clone(&jobs.storage), jobs.stopping.clone());
            let run = Run::new(storage, records, live, record, before, stopping);
            let carry_out = move || {
                run.run();
                Ok(())
            };
            if let Err(error) = blocking(carry_out).await {
                error!(%error, "a change came to a bad end; it is looked at again at the next start");
            }
            jobs.live().remove(&key);
        });
    }

    /// Goes on with what was not done when the process ended.
    pub(in crate::server) fn resume(self: &Arc<Self>) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        for record in records.running_jobs()? {
            debug!(job = %record.id, "a change goes on");
            let steps = records.steps(record.number)?;
            self.start(record, Some(steps));
        }
        Ok(())
    }

    /// Lets every job go at the next step, and waits for that.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// True while no job is at work and the server does not stop.
    pub(in crate::server) fn is_idle(&self) -> bool {
        self.live().is_empty() && !self.stopping.is_cancelled()
    }

    /// Forgets what ended long ago.
    pub(in crate::server) fn sweep(&self) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        records.forget_jobs(clock::before(clock::now(), JOB_KEPT)).map(drop)
    }

    /// A job as it stands once `enough` is true or it has ended, but after `wait` at the latest.
    async fn wait<W: Sink>(
        self: &Arc<Self>,
        answer: &mut Answer<'_, W>,
        owner: Owner,
        id: JobId,
        wait: Duration,
        enough: impl Fn(&Job) -> bool,
    ) -> Result<Job, Stop> {
        if let Some(live) = self.find(&owner, id) {
            let mut status = live.status.subscribe();
            let news = status.wait_for(|job| job.state != JobState::Running || enough(job));
            let waited = async {
                tokio::select! {
                    _ = timeout(wait, news) => {}
                    () = self.stopping.cancelled() => {}
                }
                Ok::<_, Stop>(())
            };
            answer.during(waited).await?;
            return Ok(live.status.borrow().clone());
        }
        let jobs = Arc::clone(self);
        let found = blocking(move || {
            let records = jobs.records()?;
            let Some(record) = records.job(&owner, id)? else {
                return Err(StorageError::new(ErrorCode::NotFound, "there is no such change"));
            };
            let outcomes: Vec<Outcome> =
                records.steps(record.number)?.into_iter().filter_map(|step| step.outcome).collect();
            Ok(Job { outcomes, ..record.describe() })
        });
        answer.during(found).await
    }
}
