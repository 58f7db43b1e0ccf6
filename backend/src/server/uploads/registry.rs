//! Uploads: bytes that are not a file yet. Who works on one holds it; a newer request takes it over from an older one,
//! so that a dead connection locks nobody out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::limits::UPLOAD_TAKEOVER_TIME;
use shared::wire::{Caller, Failure, Upload};
use shared::{Digests, ErrorCode, Rights, UploadId};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::server::authority::{Owner, granted};
use crate::server::blocking::blocking;
use crate::server::clock;
use crate::server::config::ServerConfig;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::digests::hasher::Sums;
use crate::server::operations::digest::DigestCache;
use crate::server::operations::send::Sink;
use crate::server::records::database::Database;
use crate::server::records::uploads::UploadRecord;
use crate::storage::{Attributes, Durability, Staged, Storage, StorageError};

/// Every upload that is known.
pub(in crate::server) struct Uploads {
    pub(super) storage: Arc<dyn Storage>,
    /// None where none can be kept: then there are no uploads.
    pub(super) records: Option<Arc<Database>>,
    pub(super) digests: Arc<DigestCache>,
    /// Those that somebody worked on of late, and those that are not written down.
    pub(super) slots: Mutex<HashMap<UploadId, Arc<Slot>>>,
    /// Those that are not files yet.
    pub(super) unfinished: AtomicUsize,
    pub(super) expiry: Duration,
    /// When they must be on the disk.
    pub(super) durability: Durability,
}

/// One upload.
pub(super) struct Slot {
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// Cancelled when somebody newer wants the upload.
    pub(super) holder: Mutex<CancellationToken>,
    pub(super) live: Mutex<Live>,
}

/// An upload's state in memory.
pub(super) struct Live {
    pub(super) record: UploadRecord,
    /// Digests of the first bytes, where they went by in this process.
    pub(super) sums: Option<Sums>,
    pub(super) used: Instant,
    /// Given up while somebody waited for it.
    pub(super) gone: bool,
}

/// The turn to work on an upload. Work on other threads keeps a share of it until it is done, whether or not anybody
/// still waits for that work.
pub(super) struct Hold {
    pub(super) slot: Arc<Slot>,
    /// Somebody newer wants the upload.
    pub(super) wanted: CancellationToken,
    _turn: OwnedMutexGuard<()>,
}

impl Uploads {
    /// Those that are written down.
    pub(in crate::server) fn new(
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        digests: Arc<DigestCache>,
        config: &ServerConfig,
    ) -> Self {
        let unfinished = records.as_ref().and_then(|records| records.unfinished_uploads().ok()).unwrap_or(0);
        Self {
            storage,
            records,
            digests,
            slots: Mutex::default(),
            unfinished: AtomicUsize::new(unfinished),
            expiry: config.upload_expiry,
            durability: config.durability,
        }
    }

    /// What the file is to have that such an upload becomes.
    pub(super) fn attributes(&self, record: &UploadRecord) -> Attributes {
        let (modified, executable) = (record.request.modified, record.request.executable);
        Attributes { modified, executable, durability: self.durability }
    }

    /// Makes durable what is written of an upload, where that is wanted.
    pub(super) fn sync(&self, staged: &dyn Staged) -> Result<(), StorageError> {
        match self.durability {
            Durability::Strict => staged.sync(),
            Durability::Relaxed => Ok(()),
        }
    }

    pub(super) fn records(&self) -> Result<&Arc<Database>, StorageError> {
        let refusal = || StorageError::new(ErrorCode::ReadOnly, "the server's own directory cannot be written to");
        self.records.as_ref().ok_or_else(refusal)
    }

    /// The upload of that name, if it is this owner's.
    pub(super) fn slot(&self, id: UploadId, owner: &Owner) -> Result<Arc<Slot>, StorageError> {
        let missing = || StorageError::new(ErrorCode::NotFound, "there is no such upload");
        if let Some(slot) = self.slots().get(&id) {
            return if slot.live().record.owner == *owner { Ok(Arc::clone(slot)) } else { Err(missing()) };
        }
        let record = self.records()?.upload(id)?.filter(|record| record.owner == *owner).ok_or_else(missing)?;
        // Somebody else may have been faster: there is one slot for each upload.
        Ok(Arc::clone(self.slots().entry(id).or_insert_with(|| Slot::new(record))))
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, HashMap<UploadId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn to work on an upload; who has it is told to let go.
    pub(super) async fn hold<W: Sink>(
        self: &Arc<Self>,
        answer: &mut Answer<'_, W>,
        id: UploadId,
        owner: Owner,
    ) -> Result<Arc<Hold>, Stop> {
        let uploads = Arc::clone(self);
        let slot = answer.during(blocking(move || uploads.slot(id, &owner))).await?;
        let wanted = CancellationToken::new();
        let older = std::mem::replace(&mut *slot.holder(), wanted.clone());
        older.cancel();
        let turn = timeout(UPLOAD_TAKEOVER_TIME, Arc::clone(&slot.turn).lock_owned());
        let turn = answer.during(async { Ok::<_, Stop>(turn.await) }).await?;
        let turn = turn.map_err(|_| Failure::new(ErrorCode::Locked, "another request is at work on the upload"))?;
        if wanted.is_cancelled() {
            return Err(taken_over());
        }
        let hold = Hold { slot, wanted, _turn: turn };
        {
            let mut live = hold.live();
            live.used = Instant::now();
            if live.gone || (live.record.answer.is_none() && live.record.expires <= clock::now()) {
                return Err(Failure::new(ErrorCode::Gone, "the upload has expired or was given up").into());
            }
        }
        Ok(Arc::new(hold))
    }

    /// The bytes of an upload, cut back to those that are durable. One that has none yet may have lost its room in a
    /// crash, since nothing was promised of it.
    pub(super) fn open(&self, record: &UploadRecord) -> Result<Box<dyn Staged>, StorageError> {
        let staged = match self.storage.staged(record.id) {
            Err(error) if error.code == ErrorCode::NotFound && record.durable == 0 => self.storage.stage(record.id)?,
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

    /// After a sync that failed: what was written since the last success may be lost, and to sync again would prove
    /// nothing. Of an upload that is not written down nothing is known to be durable.
    pub(super) fn cut_back(&self, hold: &Hold) -> Result<(), StorageError> {
        let record = hold.record();
        let durable = if record.request.resumable && !record.is_joined() { record.durable } else { 0 };
        let staged = match self.storage.staged(record.id) {
            // It is a file already, and only the answer was lost.
            Err(error) if error.code == ErrorCode::NotFound => return Ok(()),
            staged => staged?,
        };
        staged.truncate(durable)?;
        let mut live = hold.live();
        live.record.durable = durable;
        live.sums = live.sums.take().filter(|sums| sums.bytes() == durable);
        Ok(())
    }

    /// Gives an upload up, with its bytes.
    pub(super) fn forget(&self, slot: &Slot) -> Result<(), StorageError> {
        let record = slot.live().record.clone();
        self.storage.unstage(record.id)?;
        if record.request.resumable {
            self.records()?.delete_upload(record.id)?;
        }
        slot.live().gone = true;
        self.slots().remove(&record.id);
        if record.answer.is_none() {
            self.unfinished.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Slot {
    pub(super) fn new(record: UploadRecord) -> Arc<Self> {
        // Nobody asks for the digests of a part.
        let hashed = record.durable == 0 && record.request.target.is_some();
        let sums = hashed.then(|| Sums::new(&Sums::OF_UPLOADS));
        let live = Live { record, sums, used: Instant::now(), gone: false };
        Arc::new(Self { turn: Arc::default(), holder: Mutex::default(), live: Mutex::new(live) })
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn holder(&self) -> MutexGuard<'_, CancellationToken> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hold {
    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.slot.live()
    }

    pub(super) fn record(&self) -> UploadRecord {
        self.live().record.clone()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.live().used = Instant::now();
    }
}

impl Live {
    /// As its client is told.
    pub(super) fn describe(&self) -> Upload {
        let whole = self.sums.as_ref().filter(|sums| Some(sums.bytes()) == self.record.length);
        self.record.describe(whole.map(|sums| sums.clone().finish()).filter(|_: &Digests| !self.record.is_joined()))
    }
}

/// Whose uploads a caller may begin and go on with.
pub(super) fn uploader(caller: &Caller, peer: Peer) -> Result<Owner, Stop> {
    let owner = Owner::of(caller)?;
    let rights = granted(caller, peer);
    if rights.contains(Rights::CREATE) || rights.contains(Rights::REPLACE) {
        Ok(owner)
    } else {
        Err(ErrorCode::Forbidden.into())
    }
}

pub(super) fn taken_over() -> Stop {
    Failure::new(ErrorCode::Canceled, "a newer request took the upload over").into()
}
