//! Recovery of uploads at the start, and removal of expired ones. Blocks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use shared::limits::UPLOAD_UNRECORDED_TIME;
use shared::{ErrorCode, Timestamp, UploadId};
use tracing::{info, warn};

use super::registry::Uploads;
use super::slot::{Slot, SlotState};
use crate::server::clock;
use crate::server::records::database::Database;
use crate::server::records::uploads::UploadRecord;
use crate::storage::StorageError;

/// How long an unused upload with a record stays in memory.
const UNUSED_TIME: Duration = Duration::from_secs(60);

impl Uploads {
    /// Reconciles staged files and records after a restart: removes files without the record of an unfinished
    /// upload, and records whose file is gone without having been published.
    pub(in crate::server) fn recover(&self) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        let staged: HashSet<UploadId> = self.storage.list_staged()?.into_iter().collect();
        let unfinished: HashSet<UploadId> = records.unfinished_uploads()?.into_iter().map(|upload| upload.id).collect();
        // Of a file that is published, a loss of power may have brought the staged name back.
        for id in staged.difference(&unfinished) {
            if let Err(error) = self.storage.unstage(*id) {
                warn!(%error, upload = %id, "the bytes of an upload without a record could not be removed");
            }
        }
        let mut lost = 0;
        for id in unfinished.difference(&staged) {
            match self.forget_if_lost(records, *id) {
                Ok(is_lost) => lost += usize::from(is_lost),
                Err(error) => warn!(%error, upload = %id, "an upload of the previous process stays until it expires"),
            }
        }
        if lost > 0 {
            warn!(uploads = lost, "uploads were forgotten: their bytes are gone");
        }
        self.sweep(None)
    }

    /// Forgets an upload that is not among the staged ones if its bytes are gone for sure; true if it did.
    ///
    /// # Errors
    /// [`shared::ErrorCode::DiskAbsent`] if the bytes may be on a disk that is not connected.
    fn forget_if_lost(&self, records: &Database, id: UploadId) -> Result<bool, StorageError> {
        let Some(record) = records.upload(id)? else { return Ok(false) };
        let empty = record.durable == 0 && (record.target.is_none() || record.is_joined());
        if empty || !self.is_unstaged(&record)? || self.maybe_published(&record)?.is_some() {
            return Ok(false);
        }
        records.delete_upload(id)?;
        self.unfinished.leave(id);
        Ok(true)
    }

    /// Forgets uploads that have expired at `now`, and the oldest committed ones of owners that have very many; drops
    /// unused ones from memory that have a record. Without `now`, none has expired.
    pub(in crate::server) fn sweep(&self, now: Option<Timestamp>) -> Result<(), StorageError> {
        self.similar.sweep();
        let Ok(records) = self.records() else { return Ok(()) };
        let mut expired = 0;
        if let Some(now) = now {
            self.trust(now);
            let is_expired = |state: &SlotState| state.record.expires <= now;
            expired += self.forget_each(records, records.expired_uploads(now)?, is_expired)?;
        }
        self.forget_surplus(records)?;
        let unused: Vec<_> = self.slots().by_id.values().filter(|slot| slot.is_unused()).cloned().collect();
        for slot in unused {
            if slot.state().record.request.resumable {
                self.drop_from_memory(&slot);
            } else {
                expired += usize::from(self.forget_unlocked(&slot, SlotState::is_unused));
            }
        }
        if expired > 0 {
            info!(uploads = expired, "uploads have expired");
        }
        Ok(())
    }

    /// Forgets the oldest committed uploads of owners that have very many.
    fn forget_surplus(&self, records: &Database) -> Result<(), StorageError> {
        let surplus = records.surplus_uploads()?;
        let count = surplus.len();
        let forgotten = self.forget_each(records, surplus, |state| state.record.answer.is_some());
        if !forgotten.as_ref().is_ok_and(|forgotten| *forgotten == count) {
            records.look_again_for_surplus_uploads();
        }
        forgotten.map(drop)
    }

    /// Forgets those of the uploads for which `is_due` still holds. Returns how many.
    fn forget_each(
        &self,
        records: &Database,
        ids: Vec<UploadId>,
        is_due: impl Fn(&SlotState) -> bool,
    ) -> Result<usize, StorageError> {
        let mut forgotten = 0;
        for id in ids {
            let Some(record) = records.upload(id)? else { continue };
            let slot = match self.slot(id, &record.owner) {
                // A request has ended it since.
                Err(error) if error.code == ErrorCode::NotFound => continue,
                slot => slot?,
            };
            forgotten += usize::from(self.forget_unlocked(&slot, &is_due));
        }
        Ok(forgotten)
    }

    /// Forgets an upload that no request works on and that `is_expired` still holds for: a request may have continued
    /// it since the caller looked. False if it stays, also because the disk fails.
    pub(super) fn forget_unlocked(&self, slot: &Arc<Slot>, is_expired: impl Fn(&SlotState) -> bool) -> bool {
        let Ok(_turn) = slot.turn.try_lock() else { return false };
        {
            let state = slot.state();
            if state.gone || !is_expired(&state) {
                return state.gone;
            }
        }
        if self.waits_for_its_disk(slot) {
            return false;
        }
        // The next sweep tries again; the other uploads do not wait for it.
        self.forget(slot).inspect_err(|error| warn!(%error, "an expired upload could not be removed")).is_ok()
    }

    /// True for an upload on a disk that is not connected, which expires only once the disk has been back for a while. The
    /// caller has the turn.
    fn waits_for_its_disk(&self, slot: &Slot) -> bool {
        let record = slot.state().record.clone();
        let is_away = |error: StorageError| error.code == ErrorCode::DiskAbsent;
        if record.answer.is_some() || !self.is_unstaged(&record).is_err_and(is_away) {
            return false;
        }
        let record = UploadRecord { expires: clock::after(self.trusted_now(), self.expiry), ..record };
        slot.state().record.expires = record.expires;
        let kept = self.records().and_then(|records| records.set_progress(&record));
        // The next sweep tries again.
        kept.unwrap_or_else(|error| warn!(%error, "the expiry of an upload on an absent disk could not be recorded"));
        true
    }

    /// Drops an upload that has a record from memory.
    fn drop_from_memory(&self, slot: &Arc<Slot>) {
        let mut slots = self.slots();
        // Two references: the map's and the caller's. A request gets its own only while the map is locked.
        if Arc::strong_count(slot) == 2 {
            let id = slot.state().record.id;
            slots.remove(id);
        }
    }
}

impl Slot {
    fn is_unused(&self) -> bool {
        self.state().is_unused() && self.turn.try_lock().is_ok()
    }
}

impl SlotState {
    fn is_unused(&self) -> bool {
        let kept = if self.record.request.resumable { UNUSED_TIME } else { UPLOAD_UNRECORDED_TIME };
        self.used.elapsed() >= kept
    }
}
