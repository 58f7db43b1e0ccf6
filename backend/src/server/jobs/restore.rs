//! What comes back from the trash.

use shared::change::RestoreItem;
use shared::{Conflict, Entry, ErrorCode, Outcome, TrashId, VPath};

use super::decide::{Plan, is_alike, plan};
use super::runner::{Run, Trouble};
use super::simple::done;
use crate::server::folders::make_folders;
use crate::storage::{StorageError, Visit, numbered_name};

/// How many names are tried beside one that is taken.
const NAMES_MAX: u32 = 10_000;

impl Run {
    pub(super) fn restore(&mut self, index: usize, way: &RestoreItem, conflict: Conflict) -> Result<Outcome, Trouble> {
        let Some(item) = self.trashed(way.id)? else {
            return self.restored_before(index);
        };
        let to = match &way.to {
            Some(asked) => self.inside(asked)?,
            None => item.entry.path.clone(),
        };
        if to.is_root() {
            return Err(ErrorCode::BadRequest.into());
        }
        let Some(parent) = to.parent() else { return Err(ErrorCode::BadRequest.into()) };
        if let Some(path) = self.target_before(index)
            && let Some(there) = self.standing(&path)?
            && is_alike(&item.entry, &there)
        {
            // A rename that a crash has caught may leave a file under both names.
            self.storage.purge(way.id, &mut || Visit::Continue)?;
            return Ok(done(Some(self.told(there))));
        }
        let there = self.standing(&to)?;
        match plan(conflict, self.rights, &item.entry, there.as_ref())? {
            Plan::Skip => Ok(Outcome::Skipped),
            Plan::Take => {
                self.begin(index, Some(&to));
                make_folders(&*self.storage, &parent, true)?;
                let entry = self.storage.restore(way.id, &to)?;
                Ok(done(Some(self.told(entry))))
            }
            Plan::Beside => {
                let (_, entry) = self.restore_beside(index, way.id, &to)?;
                Ok(done(Some(self.told(entry))))
            }
            Plan::Replace => {
                self.begin(index, Some(&to));
                let old = self.make_way(index, &to, there.as_ref())?;
                match self.storage.restore(way.id, &to) {
                    Ok(entry) => Ok(Outcome::Done { entry: Some(self.told(entry)), trash: None, replaced: vec![old] }),
                    Err(error) => Err(self.put_back(old, &to, error).into()),
                }
            }
            Plan::Merge => {
                // It comes back under a free name first, from where it joins the folder that is there.
                let (beside, entry) = self.restore_beside(index, way.id, &to)?;
                self.merge(index, &beside, entry, &to, conflict)
            }
        }
    }

    /// The item is gone: the process before may have brought it back.
    fn restored_before(&mut self, index: usize) -> Result<Outcome, Trouble> {
        match self.target_before(index).map(|path| self.standing(&path)).transpose()?.flatten() {
            Some(entry) => Ok(done(Some(self.told(entry)))),
            None => Err(ErrorCode::Gone.into()),
        }
    }

    fn restore_beside(&mut self, index: usize, id: TrashId, to: &VPath) -> Result<(VPath, Entry), Trouble> {
        for _ in 0..NAMES_MAX {
            let path = self.free_name(to)?;
            self.begin(index, Some(&path));
            match self.storage.restore(id, &path) {
                Err(error) if error.code == ErrorCode::AlreadyExists => {}
                restored => return Ok((path, restored?)),
            }
        }
        Err(ErrorCode::AlreadyExists.into())
    }

    /// The first name beside `path` that nothing has.
    pub(super) fn free_name(&self, path: &VPath) -> Result<VPath, Trouble> {
        for attempt in 2..NAMES_MAX {
            let beside = numbered_name(path, attempt).ok_or(ErrorCode::NameRefused)?;
            if self.standing(&beside)?.is_none() {
                return Ok(beside);
            }
        }
        Err(ErrorCode::AlreadyExists.into())
    }

    /// Puts what stands at `path` into the trash, for something else to take its place.
    pub(super) fn make_way(
        &mut self,
        index: usize,
        path: &VPath,
        there: Option<&Entry>,
    ) -> Result<TrashId, StorageError> {
        let id = self.record.trash_id(index, path);
        let etag = there.and_then(|entry| entry.etag);
        self.trash_once(path, etag, id)?;
        Ok(id)
    }

    /// Nothing took the place after all: what was there comes back.
    pub(super) fn put_back(&self, id: TrashId, path: &VPath, error: StorageError) -> StorageError {
        if let Err(second) = self.storage.restore(id, path) {
            tracing::warn!(error = %second, "what was to be replaced is in the trash, and could not be put back");
        }
        error
    }
}
