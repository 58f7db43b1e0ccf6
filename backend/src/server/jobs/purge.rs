//! Removal for good. A folder disappears in one step into the trash, where it is marked for removal; its entries are
//! removed from there, also after a restart.

use std::sync::Arc;

use shared::change::PathItem;
use shared::job::LeftOut;
use shared::{Change, ErrorCode, Outcome, Rights, TrashId, VPath};
use tracing::warn;

use super::decide::is_real_folder;
use super::item_error::ItemError;
use super::runner::{JobRunner, done};
use crate::server::clock;
use crate::storage::{LinkScope, StorageError, TrashItem, TrashQuery, Visit};

/// Items of the trash that are purged in one step.
const PAGE_ITEMS: usize = 4096;

/// What has become of an item of the trash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purged {
    Removed,
    /// It is not in the trash.
    Missing,
}

impl JobRunner {
    /// Removes an entry for good, with its contents.
    pub(super) fn delete(&mut self, index: usize, chosen: &PathItem) -> Result<Outcome, ItemError> {
        let path = self.entry_path(Rights::DELETE, &chosen.path)?;
        let id = self.record.trash_id(index, &path);
        let was_trashed = self.was_trashed(id)?;
        if was_trashed {
            self.require_long()?;
        } else {
            let Some(entry) = self.entry_at(&path)? else {
                return if self.is_resumed(index) { Ok(done(None)) } else { Err(ErrorCode::NotFound.into()) };
            };
            if is_real_folder(&entry) {
                self.require_long()?;
                self.storage.check_mounts(&path)?;
            }
            self.begin(index, None);
            match self.storage.remove(&path, chosen.if_etag) {
                Ok(()) => return Ok(done(None)),
                Err(error) if error.code == ErrorCode::NotEmpty && is_real_folder(&entry) => {}
                Err(error) => return Err(error.into()),
            }
            self.records.mark_purge(id)?;
            if let Err(error) = self.storage.trash(&path, chosen.if_etag, id, clock::now()) {
                self.records.unmark_purge(id)?;
                // There is no trash on its disk, or no space for its information: the tree is removed where it is.
                return if is_removed_in_place(error.code) {
                    self.remove_tree(&path).map(|()| done(None))
                } else {
                    Err(error.into())
                };
            }
        }
        match self.purge_item(id) {
            // The entry has disappeared for clients; what is left of it is marked for removal.
            Err(ItemError::Canceled) | Ok(_) => Ok(done(None)),
            Err(ItemError::Failed(error, path)) => {
                // It stays visible in the trash, so that users can try again.
                self.records.unmark_purge(id)?;
                Err(ItemError::Failed(error, path))
            }
            Err(stop @ (ItemError::Stopping | ItemError::ManySteps | ItemError::Overtaken(_))) => Err(stop),
        }
    }

    /// Removes one item of the trash for good.
    pub(super) fn purge(&mut self, index: usize, id: TrashId) -> Result<Outcome, ItemError> {
        // An item that the previous process had marked is hidden, but may still be there.
        let is_resumed = self.is_resumed(index);
        if !is_resumed {
            self.connected_item(id)?;
            self.begin(index, None);
        }
        self.records.mark_purge(id)?;
        let purged = self.purge_item(id);
        // What is left stays in the trash, so that users can restore it or try again.
        if matches!(purged, Err(ItemError::Failed(..) | ItemError::Canceled)) {
            self.records.unmark_purge(id)?;
        }
        match purged? {
            // Another request has taken it since: a restore keeps what this one was asked to remove.
            Purged::Missing if !is_resumed => Err(ErrorCode::Gone.into()),
            Purged::Missing | Purged::Removed => Ok(done(None)),
        }
    }

    /// Lists again what the previous process has left of the present item, now that its job is cancelled.
    pub(super) fn list_rest_of_purge(&self, change: &Change) {
        let Change::Purge { ids: Some(ids) } = change else { return };
        if let Err(error) = self.records.unmark_purge(ids[self.ended]) {
            warn!(%error, "the rest of an item of the trash stays hidden, and is deleted later");
        }
    }

    /// Removes all items of the trash for good that the caller may see.
    pub(super) fn purge_all(&mut self, index: usize) -> Result<Outcome, ItemError> {
        self.begin(index, None);
        let below = LinkScope::where_granted(&self.scope, Rights::TRASH);
        let mut query = TrashQuery { below, limit: PAGE_ITEMS, ..TrashQuery::default() };
        let (mut failed, mut stays) = (None, LeftOut::default());
        loop {
            let listing = self.storage.list_trash(&query)?;
            // Items that failed stay, so the next page begins behind this one.
            query.after = listing.items.last().map(TrashItem::position);
            for item in listing.items {
                self.check_cancelled()?;
                let purged = if item.connected { self.purge_item(item.id) } else { Err(ErrorCode::DiskAbsent.into()) };
                match purged {
                    Err(ItemError::Failed(error, path)) => {
                        self.note_staying(&mut stays, &item, &error);
                        failed.get_or_insert((error, path.unwrap_or(item.entry.path)));
                    }
                    purged => drop(purged?),
                }
            }
            if !listing.more {
                break;
            }
        }
        match failed {
            // Nothing was removed: the item as a whole failed.
            Some((error, path)) if !self.changed => Err(ItemError::Failed(error, Some(path))),
            _ => Ok(Outcome::Done { entry: None, trash: None, replaced: Vec::new(), left_out: stays }),
        }
    }

    /// Notes that an item of the trash stays. The log has as many of them as the outcome.
    fn note_staying(&self, stays: &mut LeftOut, item: &TrashItem, error: &StorageError) {
        let Some(path) = self.path_of_caller(&item.entry.path) else { return };
        let listed = stays.listed.len();
        stays.add(path, error.code);
        if stays.listed.len() > listed {
            let (job, path, code) = (self.record.id, item.entry.path.encoded(), error.code);
            warn!(%job, path, %code, cause = ?error.source, "an item of the trash stays");
        }
    }

    /// Removes an item of the trash, entry by entry.
    fn purge_item(&mut self, id: TrashId) -> Result<Purged, ItemError> {
        let storage = Arc::clone(&self.storage);
        let mut stopped = Ok(());
        let purged = storage.purge(id, &mut || {
            self.count(1, 0);
            stopped = self.check_cancelled();
            if stopped.is_err() { Visit::Stop } else { Visit::Continue }
        });
        let purged = match purged {
            Err(error) if error.code == ErrorCode::Gone => Purged::Missing,
            purged => purged.map(|()| Purged::Removed)?,
        };
        stopped?;
        self.records.unmark_purge(id)?;
        Ok(purged)
    }

    /// Removes a tree where it is.
    fn remove_tree(&mut self, top: &VPath) -> Result<(), ItemError> {
        let storage = Arc::clone(&self.storage);
        self.check_cancelled()?;
        let mut stopped = Ok(());
        let removed = storage.remove_tree(top, &mut || {
            self.count(1, 0);
            stopped = self.check_cancelled();
            if stopped.is_err() { Visit::Stop } else { Visit::Continue }
        })?;
        if removed == Visit::Stop { stopped } else { Ok(()) }
    }
}

/// True for a failure to move a folder into the trash that does not keep it from being removed: a removal frees space.
fn is_removed_in_place(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::CrossDevice | ErrorCode::NoSpace | ErrorCode::QuotaExceeded)
}
