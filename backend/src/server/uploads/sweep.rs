//! What a start finds, and what nobody wants any more.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use shared::limits::UPLOAD_UNRECORDED_TIME;
use shared::{ErrorCode, UploadId};
use tracing::{info, warn};

use super::registry::{Slot, Uploads};
use crate::server::clock;
use crate::storage::StorageError;

/// How long an upload that nobody works on is kept in memory although it is written down.
const IDLE_TIME: Duration = Duration::from_secs(60);

impl Uploads {
    /// Brings room and records together after a restart: bytes that no record claims go, and records whose bytes are
    /// gone, unless they became a file.
    pub(in crate::server) fn recover(&self) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        let staged: HashSet<UploadId> = self.storage.list_staged()?.into_iter().collect();
        let recorded: HashSet<UploadId> = records.upload_ids()?.into_iter().collect();
        for id in staged.difference(&recorded) {
            self.storage.unstage(*id)?;
        }
        let mut lost = 0;
        for id in recorded.difference(&staged) {
            let Some(record) = records.upload(*id)? else { continue };
            let nothing_promised = record.durable == 0 && record.target.is_none();
            if record.answer.is_none() && !nothing_promised && self.published_before(&record)?.is_none() {
                records.delete_upload(*id)?;
                lost += 1;
            }
        }
        if lost > 0 {
            warn!(uploads = lost, "uploads were forgotten: their bytes are gone");
        }
        self.sweep()
    }

    /// Gives up what has expired, and forgets what is as well read from its record.
    pub(in crate::server) fn sweep(&self) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        let mut expired = 0;
        for id in records.expired_uploads(clock::now())? {
            let Some(record) = records.upload(id)? else { continue };
            let slot = self.slot(id, &record.owner)?;
            expired += usize::from(self.give_up(&slot)?);
        }
        let idle: Vec<_> = self.slots().values().filter(|slot| slot.is_abandoned()).cloned().collect();
        for slot in idle {
            if slot.live().record.request.resumable {
                self.let_go(&slot);
            } else {
                expired += usize::from(self.give_up(&slot)?);
            }
        }
        if expired > 0 {
            info!(uploads = expired, "uploads have expired");
        }
        Ok(())
    }

    /// Forgets an upload, unless somebody is at work on it.
    fn give_up(&self, slot: &Arc<Slot>) -> Result<bool, StorageError> {
        let Ok(_turn) = slot.turn.try_lock() else { return Ok(false) };
        match self.forget(slot) {
            Ok(()) => Ok(true),
            // The next sweep tries again; the others are not to wait for it.
            Err(error) if error.code == ErrorCode::Io => {
                warn!(%error, "an upload that has expired could not be cleared away");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Forgets what memory has of an upload that is written down.
    fn let_go(&self, slot: &Arc<Slot>) {
        let mut slots = self.slots();
        // The map's share and the caller's: nobody can have taken another one meanwhile, for that takes the map.
        if Arc::strong_count(slot) == 2 {
            let id = slot.live().record.id;
            slots.remove(&id);
        }
    }
}

impl Slot {
    fn is_abandoned(&self) -> bool {
        let live = self.live();
        let kept = if live.record.request.resumable { IDLE_TIME } else { UPLOAD_UNRECORDED_TIME };
        live.used.elapsed() >= kept && self.turn.try_lock().is_ok()
    }
}
