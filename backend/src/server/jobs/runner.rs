//! One job at work: item after item on a blocking thread, each journalled before and after. A process that ends in
//! between leaves at most one item begun, and its successor looks at what that one had come to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::{Change, ETag, Entry, ErrorCode, JobState, Outcome, Rights, TrashId, VPath};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::decide::is_alike;
use super::registry::LiveJob;
use crate::server::clock;
use crate::server::entries::relative;
use crate::server::records::database::Database;
use crate::server::records::jobs::{JobRecord, Step};
use crate::storage::{Storage, StorageError, TrashItem, Visit};

/// How often waiting clients hear of what goes on inside an item.
const NEWS_TIME: Duration = Duration::from_millis(100);
/// How long to wait where the journal cannot be written to.
const JOURNAL_PAUSE: Duration = Duration::from_secs(1);
/// Longest sentence in an outcome, in bytes.
const MESSAGE_BYTES_MAX: usize = 200;

/// A job at work.
pub(super) struct Run {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) records: Arc<Database>,
    live: Arc<LiveJob>,
    pub(super) record: JobRecord,
    /// The folder in the storage that the request's paths are relative to.
    root: VPath,
    /// What may be done below it.
    pub(super) rights: Rights,
    /// How many items have their outcome.
    done: usize,
    /// The item that had begun when the process before ended, with the path that it was about to give.
    pub(super) begun_before: Option<Begun>,
    /// What is in the trash when a job goes on after a restart; its own items among them are what it had done.
    trash_before: HashMap<TrashId, TrashItem>,
    /// What the caller may see in the trash, once the job has looked; each item is asked for once.
    trash_seen: Option<HashMap<TrashId, TrashItem>>,
    /// Outcomes that go into the journal with what comes next. To lose them in a crash is to find them out again.
    unwritten: Vec<Step>,
    stopping: CancellationToken,
    told: Instant,
    /// The item that is journalled as begun.
    begun_now: Option<usize>,
}

/// An item that had begun before a restart.
#[derive(Clone)]
pub(super) struct Begun {
    pub(super) item: usize,
    /// It was written down that the item begins.
    pub(super) journalled: bool,
    /// The path in the storage that it was about to give, if it had come so far.
    pub(super) target: Option<VPath>,
}

/// Why an item is not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It failed, at that path in the storage where it is not the item's own.
    Failed(StorageError, Option<VPath>),
    /// Its client does not want the rest.
    Canceled,
    /// The server stops: the item is begun, and goes on at the next start.
    Stopping,
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Failed(error, None)
    }
}

impl From<ErrorCode> for Trouble {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(StorageError::new(code, code.name()), None)
    }
}

impl Run {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        records: Arc<Database>,
        live: Arc<LiveJob>,
        record: JobRecord,
        before: Option<Vec<Step>>,
        stopping: CancellationToken,
    ) -> Self {
        let caller = &record.request.caller;
        let root = caller.scope.roots.get(usize::from(caller.root));
        let (root, rights) = root.map_or((VPath::root(), Rights::NONE), |root| (root.folder.clone(), root.rights));
        let done = live.status.borrow().outcomes.len();
        let begun_before = before.map(|steps| {
            let step = steps.into_iter().find(|step| step.item == done);
            let journalled = step.is_some();
            let target = step.and_then(|step| step.target);
            Begun { item: done, journalled, target: target.and_then(|bytes| VPath::from_bytes(bytes).ok()) }
        });
        let (unwritten, told) = (Vec::new(), Instant::now());
        Self {
            storage,
            records,
            live,
            record,
            root,
            rights,
            done,
            begun_before,
            trash_before: HashMap::new(),
            trash_seen: None,
            unwritten,
            stopping,
            told,
            begun_now: None,
        }
    }

    /// To the end, or until the server stops.
    pub(super) fn run(mut self) {
        let change = self.live.change.clone();
        let started = Instant::now();
        let mut state = JobState::Done;
        if self.begun_before.is_some()
            && let Err(error) = self.look_into_trash()
        {
            error!(job = %self.record.id, %error, "a change cannot go on before the next start");
            return;
        }
        while self.done < change.len() {
            let index = self.done;
            let outcome = match self.look_up().and_then(|()| self.item(&change, index)) {
                Ok(outcome) => outcome,
                Err(Trouble::Failed(error, path)) => self.failure(error, path),
                Err(Trouble::Stopping) => return,
                Err(Trouble::Canceled) => {
                    state = JobState::Canceled;
                    if self.is_begun(index) {
                        let canceled = StorageError::new(ErrorCode::Canceled, "it was stopped half-way");
                        let outcome = self.failure(canceled, None);
                        self.finish_item(outcome);
                    }
                    break;
                }
            };
            self.finish_item(outcome);
        }
        self.record.state = state;
        self.journal(true);
        self.tell_now();
        info!(job = %self.record.id, items = self.done, milliseconds = started.elapsed().as_millis(), "a change has ended");
    }

    fn item(&mut self, change: &Change, index: usize) -> Result<Outcome, Trouble> {
        match change {
            Change::MakeFolder { paths, existing_ok } => self.make_folder(index, &paths[index], *existing_ok),
            Change::Move { items, conflict } => self.transfer(index, &items[index], *conflict, true),
            Change::Copy { items, conflict } => self.transfer(index, &items[index], *conflict, false),
            Change::Trash { items } => self.trash(index, &items[index]),
            Change::Delete { items } => self.delete(index, &items[index]),
            Change::Restore { items, conflict } => self.restore(index, &items[index], *conflict),
            Change::Purge { ids: Some(ids) } => self.purge(index, ids[index]),
            Change::Purge { ids: None } => self.purge_all(index),
        }
    }

    /// Whether to go on. Called between any two steps.
    pub(super) fn look_up(&self) -> Result<(), Trouble> {
        if self.live.cancelled.is_cancelled() {
            Err(Trouble::Canceled)
        } else if self.stopping.is_cancelled() {
            Err(Trouble::Stopping)
        } else {
            Ok(())
        }
    }

    /// Journals that an item begins, with the path that it is about to give. What it does comes after that.
    pub(super) fn begin(&mut self, index: usize, target: Option<&VPath>) {
        let step = Step { item: index, target: target.map(|path| path.as_bytes().to_vec()), outcome: None };
        self.unwritten.push(step);
        self.journal(false);
        self.begun_now = Some(index);
    }

    fn look_into_trash(&mut self) -> Result<(), StorageError> {
        let mut found = HashMap::new();
        self.storage.list_trash(&mut |item| {
            found.insert(item.id, item);
            Visit::Continue
        })?;
        self.trash_before = found;
        Ok(())
    }

    /// Whether the process before put that into the trash.
    pub(super) fn was_trashed(&self, id: TrashId) -> bool {
        self.trash_before.contains_key(&id)
    }

    /// Puts what stands at `path` into the trash, unless the process before did.
    pub(super) fn trash_once(&mut self, path: &VPath, etag: Option<ETag>, id: TrashId) -> Result<(), StorageError> {
        let Some(item) = self.trash_before.get(&id) else {
            return self.storage.trash(path, etag, id, clock::now());
        };
        match self.standing(path)? {
            // A rename that a crash has caught may leave a file under both names.
            Some(there) if is_alike(&item.entry, &there) => self.storage.remove(path, there.etag),
            Some(_) => Err(StorageError::new(ErrorCode::AlreadyExists, "something else has taken the place since")),
            None => Ok(()),
        }
    }

    /// True if the process before had journalled that the item begins: what it was to do may be done.
    pub(super) fn is_resumed(&self, index: usize) -> bool {
        self.begun_before.as_ref().is_some_and(|begun| begun.item == index && begun.journalled)
    }

    /// The path that the process before was about to give.
    pub(super) fn target_before(&self, index: usize) -> Option<VPath> {
        self.begun_before.as_ref().filter(|begun| begun.item == index).and_then(|begun| begun.target.clone())
    }

    fn is_begun(&self, index: usize) -> bool {
        self.begun_now == Some(index) || self.is_resumed(index)
    }

    fn finish_item(&mut self, outcome: Outcome) {
        self.unwritten.push(Step { item: self.done, target: None, outcome: Some(outcome.clone()) });
        self.done += 1;
        let progress = &mut self.record.progress;
        progress.entries = progress.entries.max(self.done as u64);
        progress.entries_total = progress.entries_total.max(progress.entries);
        self.record.version += 1;
        if self.told.elapsed() >= NEWS_TIME {
            self.told = Instant::now();
            self.journal(false);
        }
        let version = self.record.version;
        let progress = self.record.progress;
        self.live.status.send_modify(|job| {
            job.outcomes.push(outcome);
            (job.version, job.progress) = (version, progress);
        });
    }

    /// Writes into the journal. Where that cannot be, it is tried again: what is done without it could be done twice.
    fn journal(&mut self, ended: bool) {
        let steps = std::mem::take(&mut self.unwritten);
        self.record.version += 1;
        let ended = ended.then(clock::now);
        while let Err(error) = self.records.advance(&self.record, &steps, ended) {
            warn!(job = %self.record.id, %error, "a change waits: its journal cannot be written to");
            if self.stopping.is_cancelled() || self.live.cancelled.is_cancelled() {
                return;
            }
            // This is a thread that may wait; a server that stops wakes it.
            let pause = timeout(JOURNAL_PAUSE, self.stopping.cancelled());
            let _ = Handle::current().block_on(pause);
        }
    }

    /// So many entries and bytes more are dealt with.
    pub(super) fn count(&mut self, entries: u64, bytes: u64) {
        let progress = &mut self.record.progress;
        progress.entries += entries;
        progress.bytes += bytes;
        progress.entries_total = progress.entries_total.max(progress.entries);
        progress.bytes_total = progress.bytes_total.max(progress.bytes);
        if self.told.elapsed() >= NEWS_TIME {
            self.record.version += 1;
            self.tell_now();
        }
    }

    /// So many entries and bytes more are ahead.
    pub(super) fn expect(&mut self, entries: u64, bytes: u64) {
        self.record.progress.entries_total += entries;
        self.record.progress.bytes_total += bytes;
    }

    fn tell_now(&mut self) {
        self.told = Instant::now();
        let (version, state, progress) = (self.record.version, self.record.state, self.record.progress);
        self.live.status.send_modify(|job| (job.version, job.state, job.progress) = (version, state, progress));
    }

    fn failure(&self, error: StorageError, path: Option<VPath>) -> Outcome {
        if error.code == ErrorCode::Io || error.code == ErrorCode::Internal {
            warn!(job = %self.record.id, code = %error.code, context = error.context, cause = ?error.source, "a change failed");
        }
        let mut message = error.context.to_owned();
        message.truncate(MESSAGE_BYTES_MAX);
        let path = path.and_then(|path| self.root.strip_prefix_of(&path));
        Outcome::Failed { code: error.code, path, message }
    }

    /// A path of the request as one in the storage.
    pub(super) fn inside(&self, asked: &VPath) -> Result<VPath, Trouble> {
        Ok(self.root.join_path(asked).map_err(|_| ErrorCode::BadPath)?)
    }

    /// A path in the storage as the caller names it; none outside the caller's root.
    pub(super) fn outside(&self, path: &VPath) -> Option<VPath> {
        self.root.strip_prefix_of(path)
    }

    /// An entry as the caller names it.
    pub(super) fn told(&self, entry: Entry) -> Entry {
        relative(entry, &self.root, &VPath::root())
    }

    /// What stands there; none for nothing.
    pub(super) fn standing(&self, path: &VPath) -> Result<Option<Entry>, StorageError> {
        match self.storage.stat(path) {
            Ok(entry) => Ok(Some(entry)),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// An item of the trash that the caller may see, as the trash was when the job first asked.
    pub(super) fn trashed(&mut self, id: TrashId) -> Result<Option<TrashItem>, StorageError> {
        if self.trash_seen.is_none() {
            let hidden: HashSet<TrashId> = self.records.purges()?.into_iter().collect();
            let mut seen = HashMap::new();
            self.storage.list_trash(&mut |item| {
                if !hidden.contains(&item.id) && self.outside(&item.entry.path).is_some() {
                    seen.insert(item.id, item);
                }
                Visit::Continue
            })?;
            self.trash_seen = Some(seen);
        }
        Ok(self.trash_seen.as_mut().and_then(|seen| seen.remove(&id)))
    }
}
