//! Removal for good. A folder disappears in one step into the trash, where it is marked for removal; its entries are
//! removed from there, also after a restart.

use std::sync::Arc;

use shared::change::PathItem;
use shared::{ErrorCode, Outcome, TrashId, VPath};

use super::decide::is_real_folder;
use super::item_error::ItemError;
use super::runner::{JobRunner, done};
use crate::server::clock;
use crate::storage::{StorageError, TrashItem, TrashQuery, Visit};

/// Items of the trash that are purged in one step.
const PAGE_ITEMS: usize = 4096;

impl JobRunner {
    /// Removes an entry for good, with its contents.
    pub(super) fn delete(&mut self, index: usize, chosen: &PathItem) -> Result<Outcome, ItemError> {
        let path = self.entry_path(&chosen.path)?;
        let id = self.record.trash_id(index, &path);
        if !self.was_trashed(id)? {
            let Some(entry) = self.entry_at(&path)? else {
                return if self.is_resumed(index) { Ok(done(None)) } else { Err(ErrorCode::NotFound.into()) };
            };
            if is_real_folder(&entry) {
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
                    self.remove_tree(path).map(|()| done(None))
                } else {
                    Err(error.into())
                };
            }
        }
        match self.purge_item(id) {
            // The entry has disappeared for clients; what is left of it is marked for removal.
            Err(ItemError::Canceled) | Ok(()) => Ok(done(None)),
            Err(ItemError::Failed(error, path)) => {
                // It stays visible in the trash, so that users can try again.
                self.records.unmark_purge(id)?;
                Err(ItemError::Failed(error, path))
            }
            Err(ItemError::Stopping) => Err(ItemError::Stopping),
        }
    }

    /// Removes one item of the trash for good.
    pub(super) fn purge(&mut self, index: usize, id: TrashId) -> Result<Outcome, ItemError> {
        // An item that the previous process had marked is hidden, but may still be there.
        if !self.is_resumed(index) {
            self.connected_item(id)?;
            self.begin(index, None);
        }
        self.records.mark_purge(id)?;
        match self.purge_item(id) {
            Err(ItemError::Failed(error, path)) => {
                self.records.unmark_purge(id)?;
                Err(ItemError::Failed(error, path))
            }
            purged => purged.map(|()| done(None)),
        }
    }

    /// Removes all items of the trash for good that the caller may see.
    pub(super) fn purge_all(&mut self, index: usize) -> Result<Outcome, ItemError> {
        self.begin(index, None);
        let mut query = TrashQuery { below: self.root().clone(), limit: PAGE_ITEMS, ..TrashQuery::default() };
        let mut failed = None;
        loop {
            let listing = self.storage.list_trash(&query)?;
            // Items that failed stay, so the next page begins behind this one.
            query.after = listing.items.last().map(TrashItem::position);
            for item in listing.items {
                self.check_cancelled()?;
                let purged = if item.connected { self.purge_item(item.id) } else { Err(ErrorCode::DiskAbsent.into()) };
                match purged {
                    Err(ItemError::Failed(error, path)) => drop(failed.get_or_insert((error, path))),
                    purged => purged?,
                }
            }
            if !listing.more {
                return failed.map_or(Ok(done(None)), |(error, path)| Err(ItemError::Failed(error, path)));
            }
        }
    }

    /// Removes an item of the trash, entry by entry. An item that is gone already is no error.
    fn purge_item(&mut self, id: TrashId) -> Result<(), ItemError> {
        let storage = Arc::clone(&self.storage);
        let mut stopped = Ok(());
        let purged = storage.purge(id, &mut || {
            self.count(1, 0);
            stopped = self.check_cancelled();
            if stopped.is_err() { Visit::Stop } else { Visit::Continue }
        });
        match purged {
            Err(error) if error.code != ErrorCode::Gone => return Err(error.into()),
            _ => stopped?,
        }
        Ok(self.records.unmark_purge(id)?)
    }

    /// Removes a tree where it is, the innermost folders first.
    fn remove_tree(&mut self, top: VPath) -> Result<(), ItemError> {
        let mut stack = vec![(top.clone(), self.names_in(&top)?)];
        while let Some((folder, names)) = stack.last_mut() {
            self.check_cancelled()?;
            let Some(name) = names.pop() else {
                let (folder, _) = (folder.clone(), stack.pop());
                self.storage.remove(&folder, None)?;
                self.count(1, 0);
                continue;
            };
            let path = folder.join(&name).map_err(|_| ErrorCode::BadPath)?;
            match self.storage.remove(&path, None) {
                Ok(()) => self.count(1, 0),
                Err(error) if error.code == ErrorCode::NotEmpty => {
                    // A file system that was mounted since the removal began is left alone.
                    self.storage.check_mounts(&path)?;
                    let names = self.names_in(&path)?;
                    stack.push((path, names));
                }
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => return Err(ItemError::Failed(error, Some(path))),
            }
        }
        Ok(())
    }

    fn names_in(&self, folder: &VPath) -> Result<Vec<Box<[u8]>>, StorageError> {
        let mut names = Vec::new();
        self.storage.list(folder, &mut |entry| {
            names.push(entry.path.name().into());
            Visit::Continue
        })?;
        Ok(names)
    }
}

/// True for a failure to move a folder into the trash that does not keep it from being removed: a removal frees space.
fn is_removed_in_place(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::CrossDevice | ErrorCode::NoSpace | ErrorCode::QuotaExceeded)
}
