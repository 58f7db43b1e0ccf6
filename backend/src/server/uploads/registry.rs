//! All uploads: found, locked, opened and forgotten.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::limits::UPLOAD_TAKEOVER_TIME;
use shared::wire::{Caller, Failure, Stage};
use shared::{ErrorCode, JobId, Rights, Timestamp, TrashId, UploadId, VPath};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::decide::TargetCondition;
use super::similar::SimilarNames;
use super::slot::{Slot, UploadLock};
use super::stored::StoredAnswers;
use super::unfinished::{Unfinished, UnfinishedLimits};
use crate::admission::Admission;
use crate::server::admissions::Admissions;
use crate::server::authority::Owner;
use crate::server::blocking::blocking;
use crate::server::clock;
use crate::server::config::ServerConfig;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::kept_files::KeptFiles;
use crate::server::peer::Peer;
use crate::server::records::database::Database;
use crate::server::records::digest_cache::DigestCache;
use crate::server::records::uploads::{Destination, UploadRecord};
use crate::server::turns::TurnLength;
use crate::storage::{Attributes, Durability, LinkScope, Staged, Storage, StorageError};

/// All uploads.
pub(in crate::server) struct Uploads {
    pub(super) storage: Arc<dyn Storage>,
    /// `None` for a read-only server, which has no uploads.
    records: Option<Arc<Database>>,
    /// The digests of committed files.
    pub(super) digests: Arc<DigestCache>,
    /// Of files that were stored in one exchange.
    pub(super) stored: StoredAnswers,
    /// For the answer of an upload that becomes a new file.
    pub(super) similar: SimilarNames,
    pub(super) kept: Arc<KeptFiles>,
    /// Places for COMMITs that read their upload again.
    pub(super) files_read: Admission,
    /// Places for each step of an upload that blocks.
    pub(super) steps: Admission,
    /// Memory for the bodies of STOREs, in bytes.
    pub(super) stored_bytes: Admission,
    /// How long a reading keeps its place while others wait.
    pub(super) reading_turn: TurnLength,
    /// Uploads that were used lately, and those without a record.
    slots: Mutex<Slots>,
    pub(super) unfinished: Unfinished,
    /// How long a recorded upload is kept after its last byte.
    pub(super) expiry: Duration,
    /// The last moment that may decide that an upload has expired, in nanoseconds.
    trusted: AtomicI64,
    durability: Durability,
    /// The work that makes whole uploads files, whether or not a request waits for it.
    pub(super) finishing: TaskTracker,
    /// Set when the server stops: such work ends before its effect, and begins again at the next start.
    pub(in crate::server) stopping: CancellationToken,
}

/// The uploads in memory.
#[derive(Default)]
pub(super) struct Slots {
    pub(super) by_id: HashMap<UploadId, Arc<Slot>>,
    /// The uploads without a record that began with a key.
    unrecorded_by_key: HashMap<(Owner, JobId), UploadId>,
    /// Grows with each upload that leaves. A record that was read before that may be out of date.
    removals: u64,
}

impl Slots {
    /// Adds an upload that begins.
    ///
    /// # Errors
    /// [`ErrorCode::KeyReused`] if one without a record began with its key.
    pub(super) fn insert(&mut self, record: &UploadRecord, slot: Arc<Slot>) -> Result<(), StorageError> {
        if let Some(key) = record.key {
            let key = (record.owner.clone(), key);
            if self.unrecorded_by_key.contains_key(&key) {
                return Err(StorageError::new(ErrorCode::KeyReused, "another upload began with the key"));
            }
            if !record.request.resumable {
                self.unrecorded_by_key.insert(key, record.id);
            }
        }
        self.by_id.insert(record.id, slot);
        Ok(())
    }

    /// The upload without a record that began with this key.
    pub(super) fn unrecorded(&self, owner: &Owner, key: JobId) -> Option<Arc<Slot>> {
        let id = self.unrecorded_by_key.get(&(owner.clone(), key))?;
        self.by_id.get(id).cloned()
    }

    /// Removes an upload.
    pub(super) fn remove(&mut self, id: UploadId) {
        self.removals = self.removals.wrapping_add(1);
        let Some(slot) = self.by_id.remove(&id) else { return };
        let state = slot.state();
        let record = &state.record;
        if let Some(key) = record.key.filter(|_| !record.request.resumable) {
            self.unrecorded_by_key.remove(&(record.owner.clone(), key));
        }
    }
}

impl Uploads {
    /// The recorded uploads.
    pub(in crate::server) fn new(
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        digests: Arc<DigestCache>,
        kept: Arc<KeptFiles>,
        admissions: &Admissions,
        config: &ServerConfig,
    ) -> Self {
        let unfinished = records.as_ref().map(|records| records.unfinished_uploads()).transpose();
        let unfinished = unfinished.unwrap_or_else(|error| {
            warn!(%error, "the unfinished uploads could not be read: the limits do not count them");
            None
        });
        let limits = UnfinishedLimits {
            uploads_max: config.unfinished_uploads_max as u64,
            bytes_max: match config.unfinished_bytes_max {
                0 => u64::MAX,
                bytes => bytes,
            },
        };
        Self {
            storage,
            records,
            digests,
            stored: StoredAnswers::default(),
            similar: SimilarNames::default(),
            kept,
            files_read: admissions.files_read.clone(),
            steps: admissions.upload_steps.clone(),
            stored_bytes: admissions.stored_bytes.clone(),
            reading_turn: config.reading_turn(),
            slots: Mutex::default(),
            unfinished: Unfinished::new(limits, unfinished.unwrap_or_default()),
            expiry: config.upload_expiry,
            trusted: AtomicI64::new(i64::MIN),
            durability: config.durability,
            finishing: TaskTracker::new(),
            stopping: CancellationToken::new(),
        }
    }

    /// The attributes of the file that an upload becomes. The file that it replaces has the upload's id in the trash, so
    /// that a COMMIT after a crash finds it.
    pub(super) fn attributes(&self, record: &UploadRecord) -> Attributes {
        let (modified, executable) = (record.request.modified, record.request.executable);
        let (id, client) = (TrashId(record.id.0), record.client.as_deref());
        let keep = Some(self.kept.keep(&record.owner, client, id, clock::now()));
        Attributes { modified, executable, copied: None, durability: self.durability, keep }
    }

    /// Syncs the bytes of an upload, unless the server's durability is relaxed.
    pub(super) fn sync(&self, staged: &dyn Staged) -> Result<(), StorageError> {
        match self.durability {
            Durability::Strict => staged.sync(),
            Durability::Relaxed => Ok(()),
        }
    }

    /// The storage as the caller of an upload sees it on the way to the file.
    pub(super) fn seen_by(
        &self,
        destination: &Destination,
        condition: &TargetCondition,
        stage: &Stage,
    ) -> Arc<dyn Storage> {
        Arc::clone(&self.storage).within(destination.links(condition, stage))
    }

    /// The storage below the base of an owner, for the place of an upload that was authorised before.
    pub(super) fn below_base_of(&self, owner: &Owner) -> Arc<dyn Storage> {
        Arc::clone(&self.storage).within(LinkScope::below(owner.base()))
    }

    /// The records, of a change that is about to begin.
    ///
    /// # Errors
    /// [`ErrorCode::ReadOnly`], and [`ErrorCode::Io`] if the records are gone.
    pub(super) fn records(&self) -> Result<&Arc<Database>, StorageError> {
        let read_only = || StorageError::new(ErrorCode::ReadOnly, "the server's own directory cannot be written to");
        let records = self.records.as_ref().ok_or_else(read_only)?;
        records.check_file()?;
        Ok(records)
    }

    /// Lets an upload begin or go on. What was given up of the reserve for the records may be on its disk.
    ///
    /// # Errors
    /// [`ErrorCode::NoSpace`].
    pub(super) fn check_reserve(&self) -> Result<(), StorageError> {
        self.records.as_ref().map_or(Ok(()), |records| records.check_reserve())
    }

    /// The last moment that may decide that an upload has expired: the wall clock itself may be wrong.
    pub(super) fn trusted_now(&self) -> Timestamp {
        Timestamp(self.trusted.load(Ordering::Relaxed))
    }

    /// Lets uploads expire until `now`.
    pub(super) fn trust(&self, now: Timestamp) {
        self.trusted.store(now.0, Ordering::Relaxed);
    }

    /// The uploads in memory.
    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The upload with this id. Blocks.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], also for the upload of another owner.
    pub(super) fn slot(&self, id: UploadId, owner: &Owner) -> Result<Arc<Slot>, StorageError> {
        let missing = || StorageError::new(ErrorCode::NotFound, "there is no such upload");
        loop {
            let removals = {
                let slots = self.slots();
                if let Some(slot) = slots.by_id.get(&id) {
                    return if owner.may_name(&slot.state().record.owner) {
                        Ok(Arc::clone(slot))
                    } else {
                        Err(missing())
                    };
                }
                slots.removals
            };
            let record =
                self.records()?.upload(id)?.filter(|record| owner.may_name(&record.owner)).ok_or_else(missing)?;
            let mut slots = self.slots();
            // An upload that left meanwhile may be this one: it must not come back with the record that was read.
            if slots.removals == removals {
                // Another request may have been faster: an upload has one slot only.
                return Ok(Arc::clone(slots.by_id.entry(id).or_insert_with(|| Slot::new(record))));
            }
        }
    }

    /// Locks an upload; the request that holds the lock is asked to leave. With [`Patience::Finishing`], work that makes
    /// the upload a file is waited for.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Locked`] if the other request does not leave within
    /// [`UPLOAD_TAKEOVER_TIME`]; [`ErrorCode::Canceled`] for a still newer request, unless this one is
    /// [`Patience::Finishing`]; [`ErrorCode::Gone`].
    pub(super) async fn lock<W: Sink>(
        self: &Arc<Self>,
        response: &mut ResponseWriter<'_, W>,
        id: UploadId,
        owner: Owner,
        patience: Patience,
    ) -> Result<Arc<UploadLock>, RequestError> {
        let uploads = Arc::clone(self);
        let slot = response.until_cancelled(blocking(move || Ok(uploads.slot(id, &owner)?))).await?;
        let asks_for_file = patience == Patience::Finishing;
        let taken_over = slot.take_over(!asks_for_file);
        let turn = response.until_cancelled(async { Ok(slot.wait(patience).await) }).await?;
        let turn = turn.ok_or_else(works_on_it)?;
        if !asks_for_file && taken_over.by_any.is_cancelled() {
            return Err(taken_over_by_newer());
        }
        let lock = UploadLock::new(slot, taken_over, turn);
        {
            let mut state = lock.state();
            state.used = Instant::now();
            if state.gone || state.is_expired(self.trusted_now()) {
                return Err(Failure::new(ErrorCode::Gone, "the upload has expired or was aborted").into());
            }
        }
        Ok(Arc::new(lock))
    }

    /// Makes the staged file of an upload, on the disk of its target if that is known.
    pub(super) fn stage(&self, record: &UploadRecord, target: Option<&VPath>) -> Result<Box<dyn Staged>, StorageError> {
        self.check_reserve()?;
        match target {
            Some(target) => self.below_base_of(&record.owner).stage_for(record.id, target),
            None => self.storage.stage(record.id),
        }
    }

    /// Opens the bytes of an upload.
    ///
    /// # Errors
    /// As [`Storage::staged`].
    pub(super) fn staged(&self, record: &UploadRecord) -> Result<Box<dyn Staged>, StorageError> {
        self.storage.staged(record.id, record.staged_for().as_ref())
    }

    /// Opens the bytes of an upload, cut back to the durable ones. A crash may have lost the staged file of an upload
    /// without durable bytes; it is then made again.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`] if durable bytes are missing; as [`Storage::staged`].
    pub(super) fn open(&self, record: &UploadRecord) -> Result<Box<dyn Staged>, StorageError> {
        let staged = match self.staged(record) {
            Err(error) if error.code == ErrorCode::NotFound && record.durable == 0 => {
                self.stage(record, record.staged_for().filter(|target| !target.is_root()).as_ref())?
            }
            Err(error) if error.code == ErrorCode::NotFound => {
                return Err(StorageError::new(ErrorCode::Gone, "the upload has lost its bytes"));
            }
            opened => opened?,
        };
        let length = staged.length()?;
        if length < record.durable {
            return Err(StorageError::new(ErrorCode::Gone, "the upload has lost bytes"));
        }
        if length > record.durable {
            staged.truncate(record.durable)?;
        }
        Ok(staged)
    }

    /// Cuts an upload back after a failed sync: what was written since the last successful sync may be lost, and a
    /// second sync would prove nothing. Of an upload without a record, no byte is known to be durable.
    pub(super) fn cut_back(&self, lock: &UploadLock) -> Result<(), StorageError> {
        let record = lock.record();
        let durable = if record.request.resumable && !record.is_joined() { record.durable } else { 0 };
        let staged = match self.staged(&record) {
            // It is a file already, and only the answer was lost.
            Err(error) if error.code == ErrorCode::NotFound => return Ok(()),
            // The next request that opens it cuts the file.
            Err(error) if error.code == ErrorCode::DiskAbsent => {
                lock.state().record.cut_to(durable);
                return Ok(());
            }
            staged => staged?,
        };
        staged.truncate(durable)?;
        lock.state().record.cut_to(durable);
        Ok(())
    }

    /// Forgets an upload with its bytes and its record. The caller holds its lock.
    pub(super) fn forget(&self, slot: &Slot) -> Result<(), StorageError> {
        let (id, resumable) = {
            let state = slot.state();
            if state.gone {
                return Ok(());
            }
            (state.record.id, state.record.request.resumable)
        };
        self.storage.unstage(id)?;
        if resumable {
            self.records()?.delete_upload(id)?;
        }
        slot.state().gone = true;
        self.slots().remove(id);
        self.unfinished.leave(id);
        Ok(())
    }

    /// Locks the parts of an upload that are still there, all in one order, so that two uploads with the same parts
    /// cannot wait for each other.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another request does not leave a part within [`UPLOAD_TAKEOVER_TIME`].
    pub(super) async fn lock_parts(self: &Arc<Self>, record: &UploadRecord) -> Result<Vec<UploadLock>, RequestError> {
        let mut ids = record.request.parts.clone();
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        let mut locks = Vec::with_capacity(ids.len());
        for id in ids {
            let (uploads, owner) = (Arc::clone(self), record.owner.clone());
            let found = blocking(move || match uploads.slot(id, &owner) {
                Err(error) if error.code == ErrorCode::NotFound => Ok(None),
                found => Ok::<_, RequestError>(Some(found?)),
            });
            let Some(slot) = found.await? else { continue };
            let taken_over = slot.take_over(true);
            let turn = slot.wait(Patience::Takeover).await.ok_or_else(works_on_it)?;
            let lock = UploadLock::new(slot, taken_over, turn);
            let is_left = {
                let state = lock.state();
                !state.gone && state.record.answer.is_none()
            };
            if is_left {
                locks.push(lock);
            }
        }
        Ok(locks)
    }

    /// Takes the reserves of space for the records and on the disks again, as far as there is room.
    pub(in crate::server) fn maintain_reserves(&self) {
        self.storage.maintain_reserves();
        if let Some(records) = &self.records {
            records.maintain_reserve();
        }
    }

    /// Ends the work that makes uploads files, and waits for that.
    pub(in crate::server) async fn stop(&self) {
        self.stopping.cancel();
        self.finishing.close();
        self.finishing.wait().await;
    }
}

/// How long a request waits for the lock of an upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Patience {
    /// [`UPLOAD_TAKEOVER_TIME`].
    Takeover,
    /// As long as the upload is being made a file, and [`UPLOAD_TAKEOVER_TIME`] for other work.
    Finishing,
}

impl Slot {
    /// The turn to work on the upload; `None` if another request does not leave.
    pub(super) async fn wait(&self, patience: Patience) -> Option<OwnedMutexGuard<()>> {
        loop {
            match timeout(UPLOAD_TAKEOVER_TIME, Arc::clone(&self.turn).lock_owned()).await {
                Ok(turn) => return Some(turn),
                Err(_) if patience == Patience::Finishing && self.is_finishing() => {}
                Err(_) => return None,
            }
        }
    }
}

fn works_on_it() -> RequestError {
    Failure::new(ErrorCode::Locked, "another request works on the upload").into()
}

/// The owner of the uploads that a caller begins and continues.
///
/// # Errors
/// [`ErrorCode::Forbidden`] for a caller that has neither CREATE nor REPLACE at any path; as [`Owner::of`].
pub(super) fn uploader(caller: &Caller, peer: &Peer) -> Result<Owner, RequestError> {
    let owner = Owner::of(caller, peer)?;
    if caller.scope.rights_anywhere().intersects(Rights::CREATE.union(Rights::REPLACE)) {
        Ok(owner)
    } else {
        Err(ErrorCode::Forbidden.into())
    }
}

/// A newer request has taken the upload over.
pub(super) fn taken_over_by_newer() -> RequestError {
    Failure::new(ErrorCode::Canceled, "a newer request took the upload over").into()
}
