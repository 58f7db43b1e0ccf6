//! Removal of old jobs and of expired items of the trash. Blocks.

use shared::limits::JOB_KEPT;
use shared::{ErrorCode, Timestamp, TrashId};
use tracing::{info, warn};

use super::registry::Jobs;
use crate::server::clock;
use crate::storage::{StorageError, TrashItem, TrashPosition, TrashQuery, Visit};

/// Items of the trash that are listed in one step.
const PAGE_ITEMS: usize = 4096;
/// Items that are listed in one step to count the replaced files: each step reads the whole trash.
const COUNTED_ITEMS: usize = 1 << 16;

impl Jobs {
    /// Forgets jobs that ended long before `now`, and the oldest ended jobs of owners that have very many. Without
    /// `now`, only the latter.
    ///
    /// # Errors
    /// Of the database.
    pub(in crate::server) fn sweep(&self, now: Option<Timestamp>) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        if let Some(now) = now {
            records.forget_jobs(clock::before(now, JOB_KEPT))?;
        }
        records.forget_surplus_jobs()
    }

    /// Removes items that were put into the trash at `moment` or before, and continues interrupted removals. `None`
    /// while the clock does not tell what has expired.
    ///
    /// # Errors
    /// Of the storage and of the database.
    pub(in crate::server) fn sweep_trash(&self, moment: Option<Timestamp>) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        let expired = moment.map(|moment| self.expired_items(moment)).transpose()?.unwrap_or_default();
        if !expired.is_empty() {
            info!(items = expired.len(), "items of the trash have expired");
        }
        expired.into_iter().try_for_each(|id| records.mark_purge(id))?;
        if self.is_idle() { self.purge_marked() } else { Ok(()) }
    }

    /// Removes replaced files where the trash keeps more of them than it may.
    ///
    /// # Errors
    /// Of the storage.
    pub(in crate::server) fn sweep_replaced(&self) -> Result<(), StorageError> {
        if self.records().is_err() {
            return Ok(());
        }
        let mut survey = self.kept.survey();
        let mut query = TrashQuery { limit: COUNTED_ITEMS, ..TrashQuery::default() };
        loop {
            let listing = self.storage.list_trash(&query)?;
            query.after = listing.items.last().map(TrashItem::position);
            listing.items.iter().for_each(|item| survey.add(item));
            if !listing.more {
                break;
            }
        }
        let (stay, go) = survey.divide();
        self.kept.surveyed(&stay);
        let (mut removed, mut failure) = (0, None);
        for file in &go {
            match self.storage.purge(file.id, &mut || Visit::Continue) {
                Ok(()) => removed += 1,
                Err(error) if error.code == ErrorCode::Gone => {}
                // A disk that fails does not keep the others full.
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
        if removed > 0 {
            info!(files = removed, "replaced files were removed from the trash, because they exceeded its bound");
        }
        failure.map_or(Ok(()), Err)
    }

    /// The items that were put into the trash at `moment` or before.
    fn expired_items(&self, moment: Timestamp) -> Result<Vec<TrashId>, StorageError> {
        // A listing has the newest items first, so the expired ones come after this position.
        let after = TrashPosition { trashed: Timestamp(moment.0.saturating_add(1)), id: TrashId([0xff; 16]) };
        let mut query = TrashQuery { after: Some(after), limit: PAGE_ITEMS, ..TrashQuery::default() };
        let mut expired = Vec::new();
        loop {
            let listing = self.storage.list_trash(&query)?;
            query.after = listing.items.last().map(TrashItem::position);
            expired.extend(listing.items.iter().filter(|item| item.connected).map(|item| item.id));
            if !listing.more {
                return Ok(expired);
            }
        }
    }

    /// Removes the items that are marked for it, while no job runs.
    fn purge_marked(&self) -> Result<(), StorageError> {
        let records = self.records()?;
        let marked = records.purges()?;
        // A job that has begun meanwhile may have marked one of them, and purges it itself.
        if !self.is_idle() {
            return Ok(());
        }
        for id in marked {
            let mut visit = || if self.is_idle() { Visit::Continue } else { Visit::Stop };
            match self.storage.purge(id, &mut visit) {
                Ok(()) if !self.is_idle() => return Ok(()),
                // It is removed once its disk is connected.
                Err(error) if error.code == ErrorCode::DiskAbsent => {}
                Err(error) if error.code != ErrorCode::Gone => {
                    warn!(%error, "an item that was purged is still in the trash");
                }
                _ => records.unmark_purge(id)?,
            }
        }
        Ok(())
    }
}
