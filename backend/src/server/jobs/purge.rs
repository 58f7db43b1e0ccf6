//! What is removed for ever. A folder disappears at once, by way of the trash, where it has a mark that it is there only
//! to be removed; what is in it is removed then, and after a restart too.

use shared::change::PathItem;
use shared::{ErrorCode, Outcome, TrashId, VPath};
use tracing::warn;

use super::decide::is_real_folder;
use super::runner::{Run, Trouble};
use super::simple::done;
use crate::server::clock;
use crate::server::records::database::Database;
use crate::storage::{Storage, StorageError, Visit};

impl Run {
    pub(super) fn delete(&mut self, index: usize, chosen: &PathItem) -> Result<Outcome, Trouble> {
        let path = self.inside(&chosen.path)?;
        let id = self.record.trash_id(index, &path);
        if !self.was_trashed(id) {
            let Some(entry) = self.standing(&path)? else {
                return if self.is_resumed(index) { Ok(done(None)) } else { Err(ErrorCode::NotFound.into()) };
            };
            self.begin(index, None);
            match self.storage.remove(&path, chosen.if_etag) {
                Ok(()) => return Ok(done(None)),
                Err(error) if error.code == ErrorCode::NotEmpty && is_real_folder(&entry) => {}
                Err(error) => return Err(error.into()),
            }
            self.records.mark_purge(id)?;
            match self.storage.trash(&path, chosen.if_etag, id, clock::now()) {
                Ok(()) => {}
                Err(error) => {
                    self.records.unmark_purge(id)?;
                    // No rename leads from there to the trash: entry by entry, then.
                    return if error.code == ErrorCode::CrossDevice {
                        self.remove_tree(path).map(|()| done(None))
                    } else {
                        Err(error.into())
                    };
                }
            }
        }
        match self.purge_item(id) {
            // It is gone from where it was; the rest of the work is nobody's to wait for.
            Err(Trouble::Canceled) | Ok(()) => Ok(done(None)),
            Err(Trouble::Failed(error, _)) => {
                // It stays in the trash, for people to see and to try again.
                self.records.unmark_purge(id)?;
                Err(error.into())
            }
            Err(stopping) => Err(stopping),
        }
    }

    /// Removes one item of the trash.
    pub(super) fn purge(&mut self, index: usize, id: TrashId) -> Result<Outcome, Trouble> {
        // What the process before had marked is hidden, and may be there still.
        if !self.is_resumed(index) {
            if self.trashed(id)?.is_none() {
                return Err(ErrorCode::Gone.into());
            }
            self.begin(index, None);
        }
        self.records.mark_purge(id)?;
        match self.purge_item(id) {
            Err(Trouble::Failed(error, path)) => {
                self.records.unmark_purge(id)?;
                Err(Trouble::Failed(error, path))
            }
            purged => purged.map(|()| done(None)),
        }
    }

    /// Removes all that the caller may see in the trash.
    pub(super) fn purge_all(&mut self, index: usize) -> Result<Outcome, Trouble> {
        let mut ids = Vec::new();
        let storage = std::sync::Arc::clone(&self.storage);
        storage.list_trash(&mut |item| {
            if self.outside(&item.entry.path).is_some() {
                ids.push(item.id);
            }
            Visit::Continue
        })?;
        self.begin(index, None);
        let mut failed = None;
        for id in ids {
            self.look_up()?;
            match self.purge_item(id) {
                Err(Trouble::Failed(error, _)) => drop(failed.get_or_insert(error)),
                purged => purged?,
            }
        }
        failed.map_or(Ok(done(None)), |error| Err(error.into()))
    }

    /// Removes an item of the trash, entry by entry; one that is gone is as good.
    fn purge_item(&mut self, id: TrashId) -> Result<(), Trouble> {
        let storage = std::sync::Arc::clone(&self.storage);
        let mut stopped = Ok(());
        let purged = storage.purge(id, &mut || {
            self.count(1, 0);
            stopped = self.look_up();
            if stopped.is_err() { Visit::Stop } else { Visit::Continue }
        });
        match purged {
            Err(error) if error.code != ErrorCode::Gone => return Err(error.into()),
            _ => stopped?,
        }
        Ok(self.records.unmark_purge(id)?)
    }

    /// Removes a folder with all that is in it where it is, the innermost first.
    pub(super) fn remove_tree(&mut self, top: VPath) -> Result<(), Trouble> {
        let mut stack = vec![(top.clone(), self.names_in(&top)?)];
        while let Some((folder, names)) = stack.last_mut() {
            self.look_up()?;
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
                    let names = self.names_in(&path)?;
                    stack.push((path, names));
                }
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => return Err(Trouble::Failed(error, Some(path))),
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

/// Goes on removing what has the mark that it is in the trash only for that, as far as no job is at it.
pub(in crate::server) fn purge_marked(
    storage: &dyn Storage,
    records: &Database,
    wanted: &dyn Fn() -> bool,
) -> Result<(), StorageError> {
    for id in records.purges()? {
        let visit = || if wanted() { Visit::Continue } else { Visit::Stop };
        match storage.purge(id, &mut { visit }) {
            Ok(()) if !wanted() => return Ok(()),
            Err(error) if error.code != ErrorCode::Gone => {
                warn!(%error, "something that was removed for ever is still in the trash");
            }
            _ => records.unmark_purge(id)?,
        }
    }
    Ok(())
}
