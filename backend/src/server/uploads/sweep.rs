//! Recovery of uploads at the start, and removal of expired ones. Blocks.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use shared::limits::UPLOAD_UNRECORDED_TIME;
use shared::{ErrorCode, Timestamp, UploadId};
use tracing::{info, warn};

use super::registry::Uploads;
use super::slot::Slot;
use crate::storage::StorageError;

/// How long an unused upload with a record stays in memory.
const UNUSED_TIME: Duration = Duration::from_secs(60);

impl Uploads {
    /// Reconciles staged files and records after a restart: removes files without the record of an unfinished
    /// upload, and records whose file is gone without having been published.
    pub(in crate::server) fn recover(&self) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        let staged: HashSet<UploadId> = self.storage.list_staged()?.into_iter().collect();
        let unfinished: HashSet<UploadId> = records.unfinished_uploads()?.into_iter().map(|(id, ..)| id).collect();
        // Of a file that is published, a loss of power may have brought the staged name back.
        for id in staged.difference(&unfinished) {
            self.storage.unstage(*id)?;
        }
        let mut lost = 0;
        for id in unfinished.difference(&staged) {
            let Some(record) = records.upload(*id)? else { continue };
            let empty = record.durable == 0 && (record.target.is_none() || record.is_joined());
            if !empty && self.maybe_published(&record)?.is_none() {
                records.delete_upload(*id)?;
                self.unfinished.leave(*id);
                lost += 1;
            }
        }
        if lost > 0 {
            warn!(uploads = lost, "uploads were forgotten: their bytes are gone");
        }
        self.sweep(None)
    }

    /// Forgets uploads that have expired at `now`, and drops unused ones from memory that have a record. Without `now`,
    /// uploads with a record stay.
    pub(in crate::server) fn sweep(&self, now: Option<Timestamp>) -> Result<(), StorageError> {
        self.similar.sweep();
        let Ok(records) = self.records() else { return Ok(()) };
        let mut expired = 0;
        for id in now.map(|now| records.expired_uploads(now)).transpose()?.unwrap_or_default() {
            let Some(record) = records.upload(id)? else { continue };
            let slot = self.slot(id, &record.owner)?;
            expired += usize::from(self.forget_unlocked(&slot)?);
        }
        let unused: Vec<_> = self.slots().by_id.values().filter(|slot| slot.is_unused()).cloned().collect();
        for slot in unused {
            if slot.state().record.request.resumable {
                self.drop_from_memory(&slot);
            } else {
                expired += usize::from(self.forget_unlocked(&slot)?);
            }
        }
        if expired > 0 {
            info!(uploads = expired, "uploads have expired");
        }
        Ok(())
    }

    /// Forgets an upload that no request works on; false if one does, or if the disk fails.
    pub(super) fn forget_unlocked(&self, slot: &Arc<Slot>) -> Result<bool, StorageError> {
        let Ok(_turn) = slot.turn.try_lock() else { return Ok(false) };
        if slot.state().gone {
            return Ok(true);
        }
        match self.forget(slot) {
            Ok(()) => Ok(true),
            // The next sweep tries again; the other uploads do not wait for it.
            Err(error) if error.code == ErrorCode::Io => {
                warn!(%error, "an expired upload could not be removed");
                Ok(false)
            }
            Err(error) => Err(error),
        }
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
        let state = self.state();
        let kept = if state.record.request.resumable { UNUSED_TIME } else { UPLOAD_UNRECORDED_TIME };
        state.used.elapsed() >= kept && self.turn.try_lock().is_ok()
    }
}
