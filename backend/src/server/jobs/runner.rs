//! Runs one job, item by item or in groups of items, on a blocking thread. Each item is journalled before and after. A
//! process that ends in between leaves at most one item or one group begun, and the next one looks at how far each of
//! its items came.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Change, Conflict, Entry, ErrorCode, JobState, Outcome, Rights, Scope, VPath};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::item_error::ItemError;
use super::live_job::LiveJob;
use crate::server::entries::relative;
use crate::server::folders::expect_root;
use crate::server::kept_files::KeptFiles;
use crate::server::records::database::Database;
use crate::server::records::jobs::{ItemRecord, JobRecord};
use crate::storage::{Storage, StorageError};

/// Most items of a group: all of a job, so that its syncs cost less than its renames.
pub(super) const GROUP_MAX: usize = CHANGE_ITEMS_MAX;

/// Runs one job.
pub(super) struct JobRunner {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) records: Arc<Database>,
    pub(super) kept: Arc<KeptFiles>,
    pub(super) live: Arc<LiveJob>,
    pub(super) record: JobRecord,
    /// What the caller may do, within the rights of the key that the request came over.
    pub(super) scope: Scope,
    /// How many items have ended.
    pub(super) ended: usize,
    /// The items that the previous process had begun and not ended, each with the paths in the storage that it was about
    /// to give, in their order. `None` for a job that is not resumed.
    pub(super) resumed: Option<BTreeMap<usize, Vec<VPath>>>,
    /// Records of items that the next write to the journal includes. After a crash they are found out again.
    pub(super) unwritten: Vec<ItemRecord>,
    pub(super) stopping: CancellationToken,
    /// The last report of progress.
    pub(super) reported: Instant,
    /// The item that the journal has as begun.
    pub(super) begun: Option<usize>,
    /// A part of the present item is done.
    pub(super) changed: bool,
    /// Most items of the next group that is restored.
    pub(super) group_max: usize,
    /// It has its turn among the jobs that copy or remove trees.
    long: bool,
    /// The item that is moved to another file system, once that is known.
    pub(super) crossing: Option<usize>,
}

impl JobRunner {
    /// The runner of a job; `before` has the items of a job from before a restart.
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        records: Arc<Database>,
        kept: Arc<KeptFiles>,
        live: Arc<LiveJob>,
        record: JobRecord,
        before: Option<Vec<ItemRecord>>,
        stopping: CancellationToken,
    ) -> Self {
        let scope = record.request.caller.scope.clone();
        let ended = live.status.borrow().outcomes.len();
        let resumed = before.map(|items| {
            let begun = items.into_iter().filter(|record| record.item >= ended);
            begun.map(|record| (record.item, record.targets)).collect()
        });
        let long = takes_many_steps(&record.request.change);
        let (unwritten, reported) = (Vec::new(), Instant::now());
        Self {
            storage,
            records,
            kept,
            live,
            record,
            scope,
            ended,
            resumed,
            unwritten,
            stopping,
            reported,
            begun: None,
            changed: false,
            group_max: GROUP_MAX,
            long,
            crossing: None,
        }
    }

    /// Whether the job needs a turn among those that copy or remove trees.
    pub(super) fn is_long(&self) -> bool {
        self.long
    }

    /// Runs the job to its end, or until the server stops. Returns the job if it has to wait for its next turn: as a
    /// long job, which then continues with the same item, or as a short job whose turn has lasted for `turn_time`. So
    /// many items, or slow ones, hold up no short job of an owner that has fewer jobs.
    pub(super) fn run(mut self, turn_time: Duration) -> Option<Self> {
        let live = Arc::clone(&self.live);
        let change = &live.change;
        let (started, first) = (Instant::now(), self.ended);
        let mut state = JobState::Done;
        while self.ended < change.len() {
            let index = self.ended;
            if !self.long && index > first && started.elapsed() >= turn_time {
                return Some(self);
            }
            self.changed = self.is_resumed(index);
            let outcome = match self.check_cancelled().and_then(|()| self.run_next(change)) {
                Ok(None) => continue,
                Ok(Some(outcome)) => outcome,
                Err(ItemError::Failed(error, path)) => self.failed(error, path),
                Err(ItemError::Overtaken(error)) => self.failed(error, None),
                Err(ItemError::Stopping) => return None,
                Err(ItemError::ManySteps) => {
                    (self.long, self.begun) = (true, None);
                    return Some(self);
                }
                Err(ItemError::Canceled) => {
                    state = JobState::Canceled;
                    if self.note_trashed_before(change).is_err() {
                        return None;
                    }
                    // Of a group that the previous process had begun, each item has an outcome.
                    while self.ended < change.len() && self.is_begun(self.ended) {
                        self.list_rest_of_purge(change);
                        let outcome = self.stopped_halfway();
                        self.end_item(outcome);
                        self.changed = true;
                    }
                    break;
                }
            };
            self.end_item(outcome);
        }
        self.record.state = state;
        self.write_journal(true);
        self.report();
        let milliseconds = started.elapsed().as_millis();
        info!(job = %self.record.id, items = self.ended, milliseconds, "a job has ended");
        None
    }

    /// Fails for an item that copies or removes a tree, unless the job has its turn for that. Called before the item
    /// changes anything.
    pub(super) fn require_long(&self) -> Result<(), ItemError> {
        if self.long { Ok(()) } else { Err(ItemError::ManySteps) }
    }

    /// Runs the present item, or the group that it begins: the outcomes of a group are noted already.
    fn run_next(&mut self, change: &Change) -> Result<Option<Outcome>, ItemError> {
        let index = self.ended;
        self.run_group(change)?;
        if self.ended > index { Ok(None) } else { self.run_item(change, index).map(Some) }
    }

    fn run_item(&mut self, change: &Change, index: usize) -> Result<Outcome, ItemError> {
        if matches!(change, Change::MakeFolder { .. } | Change::Restore { .. }) {
            // It may be gone since the request, which can be long ago.
            expect_root(&*self.storage, &self.scope.base)?;
        }
        match change {
            Change::MakeFolder { paths, existing_ok } => self.make_folder(index, &paths[index], *existing_ok),
            Change::Move { items, conflict } => self.transfer(index, &items[index], *conflict, true),
            Change::Copy { items, conflict } => self.transfer(index, &items[index], *conflict, false),
            Change::Trash { items } => self.trash(index, items),
            Change::Delete { items } => self.delete(index, &items[index]),
            Change::Restore { items, conflict } => self.restore(index, &items[index], *conflict),
            Change::Purge { ids: Some(ids) } => self.purge(index, ids[index]),
            Change::Purge { ids: None } => self.purge_all(index),
        }
    }

    /// Whether the job may continue. Called between any two steps.
    pub(super) fn check_cancelled(&self) -> Result<(), ItemError> {
        if self.live.cancelled.is_cancelled() {
            Err(ItemError::Canceled)
        } else if self.stopping.is_cancelled() {
            Err(ItemError::Stopping)
        } else {
            Ok(())
        }
    }

    /// True if the journal of the previous process has the item as begun: its work may be done already.
    pub(super) fn is_resumed(&self, index: usize) -> bool {
        self.resumed.as_ref().is_some_and(|begun| begun.contains_key(&index))
    }

    /// The paths that the previous process was about to give for this item, in their order.
    pub(super) fn targets_before(&self, index: usize) -> &[VPath] {
        self.resumed.as_ref().and_then(|begun| begun.get(&index)).map_or(&[], Vec::as_slice)
    }

    /// The last of [`JobRunner::targets_before`].
    pub(super) fn target_before(&self, index: usize) -> Option<VPath> {
        self.targets_before(index).last().cloned()
    }

    fn is_begun(&self, index: usize) -> bool {
        self.begun == Some(index) || self.is_resumed(index)
    }

    /// The outcome of an item whose job is cancelled before its end.
    pub(super) fn stopped_halfway(&self) -> Outcome {
        self.failed(StorageError::new(ErrorCode::Canceled, "it was stopped half-way"), None)
    }

    pub(super) fn failed(&self, error: StorageError, path: Option<VPath>) -> Outcome {
        if error.concerns_operator() {
            let StorageError { code, context, source, .. } = &error;
            let path = path.as_ref().map(VPath::encoded);
            warn!(job = %self.record.id, path, %code, context, cause = ?source, "an item failed");
        }
        let path = path.or(error.path.map(|path| *path)).and_then(|path| self.path_of_caller(&path));
        let message = error.code.sentence().into();
        Outcome::Failed { code: error.code, path, message, incomplete: self.changed }
    }

    /// The path in the storage of a path of the request, at which the caller has the `wanted` rights.
    pub(super) fn authorised(&self, wanted: Rights, asked: &VPath) -> Result<VPath, ItemError> {
        Ok(self.scope.check(wanted, asked)?)
    }

    /// [`JobRunner::authorised`] for an entry that the request moves away or puts somewhere.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] for the caller's root: it is an entry of a folder that the caller may not change.
    pub(super) fn entry_path(&self, wanted: Rights, asked: &VPath) -> Result<VPath, ItemError> {
        if asked.is_root() { Err(ErrorCode::BadRequest.into()) } else { self.authorised(wanted, asked) }
    }

    /// The caller's path of a path in the storage; `None` outside the caller's root.
    pub(super) fn path_of_caller(&self, path: &VPath) -> Option<VPath> {
        self.scope.base.strip_prefix_of(path)
    }

    /// The entry under the caller's path.
    pub(super) fn relative_to_root(&self, entry: Entry) -> Entry {
        relative(entry, &self.scope.base, &VPath::root())
    }

    /// The entry at a path in the storage, if there is one.
    pub(super) fn entry_at(&self, path: &VPath) -> Result<Option<Entry>, StorageError> {
        match self.storage.stat(path) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// True for changes that copy or remove trees from the start. A move finds out whether it copies, and a deletion whether
/// there is a tree.
fn takes_many_steps(change: &Change) -> bool {
    match change {
        Change::Copy { .. } | Change::Purge { .. } | Change::Restore { conflict: Conflict::Replace, .. } => true,
        Change::MakeFolder { .. }
        | Change::Move { .. }
        | Change::Trash { .. }
        | Change::Delete { .. }
        | Change::Restore { .. } => false,
    }
}

/// The outcome of an item that succeeded, with its entry.
pub(super) fn done(entry: Option<Entry>) -> Outcome {
    Outcome::done(entry)
}
