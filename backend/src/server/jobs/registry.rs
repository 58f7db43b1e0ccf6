//! All jobs: begun, run a few at a time, resumed after a restart, and forgotten.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::job::Progress;
use shared::limits::SHORT_JOB_TURN_TIME;
use shared::wire::{ChangeRequest, Failure};
use shared::{ErrorCode, JobId, JobState};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, warn};

use super::access::used_rights;
use super::live_job::LiveJob;
use super::runner::JobRunner;
use crate::admission::Permit;
use crate::random::random_bytes;
use crate::server::admissions::Admissions;
use crate::server::authority::{Owner, seen_by};
use crate::server::blocking::blocking;
use crate::server::clock;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::kept_files::KeptFiles;
use crate::server::records::database::Database;
use crate::server::records::jobs::{ItemRecord, JobRecord};
use crate::storage::{Storage, StorageError};

/// How much the version of a job grows when it is resumed. Clients have seen steps that are not in the journal, and no
/// process takes as many.
const VERSIONS_PER_START: u64 = 1 << 32;

/// A job that a request names.
pub(super) enum Named {
    Live(Arc<LiveJob>),
    Ended(Box<JobRecord>),
}

/// All jobs.
pub(in crate::server) struct Jobs {
    pub(super) storage: Arc<dyn Storage>,
    /// `None` for a read-only server, which has no jobs.
    records: Option<Arc<Database>>,
    pub(in crate::server) kept: Arc<KeptFiles>,
    /// The jobs that have not ended, by [`Owner::key_of`] their keys.
    live: Mutex<HashMap<(Owner, JobId), Arc<LiveJob>>>,
    /// Held from before a job is recorded until it is live, so that of two requests with the same key the second one finds
    /// its job.
    beginning: Mutex<()>,
    pub(super) admissions: Admissions,
    /// How long a job of short items keeps its turn while others wait.
    pub(super) turn_time: Duration,
    tasks: TaskTracker,
    /// Set when the server stops: jobs stop at their next step, and continue at the next start.
    pub(super) stopping: CancellationToken,
}

impl Jobs {
    /// No running jobs yet.
    pub(in crate::server) fn new(
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        kept: Arc<KeptFiles>,
        admissions: &Admissions,
    ) -> Self {
        Self {
            storage,
            records,
            kept,
            live: Mutex::default(),
            beginning: Mutex::default(),
            admissions: admissions.clone(),
            turn_time: SHORT_JOB_TURN_TIME,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// The records.
    ///
    /// # Errors
    /// [`ErrorCode::ReadOnly`].
    pub(super) fn records(&self) -> Result<&Arc<Database>, StorageError> {
        let read_only = || StorageError::new(ErrorCode::ReadOnly, "the server's own directory cannot be written to");
        self.records.as_ref().ok_or_else(read_only)
    }

    /// The job that this client of the owner, or version 0.1.0, began with this key, unless it has ended.
    pub(super) fn live_job(&self, owner: &Owner, client: Option<&str>, key: JobId) -> Option<Arc<LiveJob>> {
        let live = self.live();
        let own = |owner: Owner| live.get(&(owner.clone(), owner.key_of(client, key)));
        own(owner.clone()).or_else(|| own(owner.without_principal())).cloned()
    }

    /// The jobs that have not ended, by their numbers.
    pub(super) fn live_by_number(&self) -> HashMap<i64, Arc<LiveJob>> {
        self.live().values().map(|job| (job.number, Arc::clone(job))).collect()
    }

    /// The job with this id that the owner may name: that of its client, whether or not it has ended, or else the newest
    /// one of another client. Blocks.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and of the database.
    pub(super) fn named(&self, owner: &Owner, client: Option<&str>, id: JobId) -> Result<Named, StorageError> {
        let records = self.records()?;
        let recorded = || {
            let record = records.job_named_by(owner, client, id)?;
            record.ok_or_else(|| StorageError::new(ErrorCode::NotFound, "there is no such change"))
        };
        let record = recorded()?;
        let live = || self.live().values().find(|job| job.number == record.number).cloned();
        if let Some(live) = live() {
            return Ok(Named::Live(live));
        }
        if record.state != JobState::Running {
            return Ok(Named::Ended(Box::new(record)));
        }
        // It has just been recorded, and is live once that lock is free; or it has ended since the look at its record.
        drop(self.beginning.lock().unwrap_or_else(PoisonError::into_inner));
        match live() {
            Some(live) => Ok(Named::Live(live)),
            None => recorded().map(Box::new).map(Named::Ended),
        }
    }

    /// True while no job runs or waits and the server does not stop.
    pub(super) fn is_idle(&self) -> bool {
        self.live().is_empty() && !self.stopping.is_cancelled()
    }

    /// Records a job and starts it after passing `gate`, unless there is one with the same key already. Blocks.
    ///
    /// # Errors
    /// [`ErrorCode::Canceled`] of the gate, [`ErrorCode::KeyReused`], [`ErrorCode::TooManyRequests`], [`ErrorCode::Io`] if the
    /// records are gone, and of the database.
    pub(super) fn begin(
        self: &Arc<Self>,
        owner: Owner,
        request: ChangeRequest,
        gate: &EffectGate,
    ) -> Result<(), RequestError> {
        let records = self.records()?;
        records.check_file()?;
        let _beginning = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        let client = request.caller.client.as_deref();
        if let Some(known) = records.job_begun_by(&owner, client, request.key)? {
            if known.request.change == request.change {
                return Ok(());
            }
            return Err(Failure::new(ErrorCode::KeyReused, "the key was used for another change").into());
        }
        let place = self.admissions.jobs.try_take(owner.who(client), 1);
        let place = place.map_err(|refusal| RequestError::refused(refusal, "changes that run or wait to be run"))?;
        let entries_total = request.change.len() as u64;
        let mut record = JobRecord {
            number: 0,
            owner,
            id: request.key,
            state: JobState::Running,
            version: 1,
            progress: Progress { entries_total, ..Progress::default() },
            seed: random_bytes()?,
            canceled: false,
            request,
        };
        gate.begin()?;
        record.number = records.insert_job(&record, clock::now())?;
        self.start(record, None, place);
        Ok(())
    }

    /// Resumes the jobs that the previous process did not end. Blocks.
    pub(in crate::server) fn resume(self: &Arc<Self>) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        for mut record in records.running_jobs()? {
            debug!(job = %record.id, "a job is resumed");
            record.version += VERSIONS_PER_START;
            if let Err(error) = records.advance_job(&record, &[], None) {
                warn!(job = %record.id, %error, "the version of a job could not be recorded");
            }
            let items = records.items(record.number)?;
            let place = self.admissions.jobs.hold(record.owner.who(record.request.caller.client.as_deref()), 1);
            self.start(record, Some(items), place);
        }
        Ok(())
    }

    /// Runs a job as soon as it is its owner's turn. `before` has the items of a job from before a restart, `place` its
    /// place among all jobs.
    fn start(self: &Arc<Self>, record: JobRecord, before: Option<Vec<ItemRecord>>, place: Permit) {
        let outcomes = before.iter().flatten().map_while(|item| item.outcome.clone()).collect();
        let live = Arc::new(LiveJob::new(&record, outcomes));
        let key = (record.owner.clone(), record.owner.key_of(record.client(), record.id));
        self.live().insert(key.clone(), Arc::clone(&live));
        let jobs = Arc::clone(self);
        self.tasks.spawn(async move {
            let _place = place;
            jobs.run(live, record, before).await;
            jobs.live().remove(&key);
        });
    }

    /// Runs a job, first among those that take one step for each item, unless it is long from the start.
    async fn run(&self, live: Arc<LiveJob>, record: JobRecord, before: Option<Vec<ItemRecord>>) {
        let who = record.owner.who(record.request.caller.client.as_deref());
        let Ok(records) = self.records().cloned() else { return };
        let (scope, change) = (&record.request.caller.scope, &record.request.change);
        let storage = seen_by(scope, used_rights(change, scope), &self.storage);
        let (kept, stopping) = (Arc::clone(&self.kept), self.stopping.clone());
        let mut runner = JobRunner::new(storage, records, kept, Arc::clone(&live), record, before, stopping);
        loop {
            let Admissions { long_jobs, short_jobs, .. } = &self.admissions;
            let running = if runner.is_long() { long_jobs } else { short_jobs };
            let turn = tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                // It ends at once, and needs no turn for that.
                () = live.cancelled.cancelled() => None,
                turn = running.take_accepted(who, 1) => Some(turn),
            };
            let turn_time = self.turn_time;
            let run = blocking(move || {
                let _turn = turn;
                Ok::<_, StorageError>(runner.run(turn_time))
            });
            match run.await {
                Ok(Some(unfinished)) => runner = unfinished,
                Ok(None) => return,
                Err(error) => return error!(%error, "a job was interrupted; it is resumed at the next start"),
            }
        }
    }

    /// Stops all jobs at their next step, and waits for that.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn live(&self) -> MutexGuard<'_, HashMap<(Owner, JobId), Arc<LiveJob>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
