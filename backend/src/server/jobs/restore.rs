//! Restoring items of the trash.

use shared::change::RestoreItem;
use shared::job::LeftOut;
use shared::{Conflict, Entry, ErrorCode, Outcome, TrashId, VPath};

use super::decide::{Plan, is_alike, plan};
use super::item_error::ItemError;
use super::runner::{JobRunner, done};
use super::transfer::DECISIONS_MAX;
use crate::server::folders::make_folders;
use crate::storage::{Replacement, TrashItem, Visit, numbered_name};

/// How many names are tried for an item whose name is taken.
const NAMES_MAX: u32 = 10_000;

impl JobRunner {
    /// Restores an item of the trash.
    pub(super) fn restore(
        &mut self,
        index: usize,
        wanted: &RestoreItem,
        conflict: Conflict,
    ) -> Result<Outcome, ItemError> {
        let Some(item) = self.visible_item(wanted.id)? else {
            return self.restored_before(index);
        };
        if !item.connected {
            return Err(ErrorCode::DiskAbsent.into());
        }
        let to = match &wanted.to {
            Some(asked) => self.entry_path(asked)?,
            None => item.entry.path.clone(),
        };
        if to.is_root() {
            return Err(ErrorCode::BadRequest.into());
        }
        if let Some(path) = self.target_before(index)
            && let Some(present) = self.entry_at(&path)?
            && is_alike(&item.entry, &present)
        {
            // A crash during a rename may leave a file under both names.
            self.storage.purge(wanted.id, &mut || Visit::Continue)?;
            return Ok(done(Some(self.relative_to_root(present))));
        }
        for _ in 1..DECISIONS_MAX {
            match self.restore_to(index, &item, &to, conflict) {
                Err(ItemError::Overtaken(_)) => self.check_cancelled()?,
                ended => return ended,
            }
        }
        self.restore_to(index, &item, &to, conflict)
    }

    /// Restores an item as what stands at `to` decides.
    fn restore_to(
        &mut self,
        index: usize,
        item: &TrashItem,
        to: &VPath,
        conflict: Conflict,
    ) -> Result<Outcome, ItemError> {
        let present = self.entry_at(to)?;
        match plan(conflict, self.rights, &item.entry, present.as_ref())? {
            Plan::Skip => Ok(Outcome::Skipped),
            Plan::Take => {
                self.begin(index, Some(to));
                make_folders(&*self.storage, &to.parent().unwrap_or_default(), true)?;
                let restored = self.storage.restore(item.id, to);
                let entry = restored.map_err(|error| ItemError::from(error).at_target(conflict))?;
                Ok(done(Some(self.relative_to_root(entry))))
            }
            Plan::Beside => {
                let (_, entry) = self.restore_beside(index, item.id, to)?;
                Ok(done(Some(self.relative_to_root(entry))))
            }
            Plan::Replace => {
                self.begin(index, Some(to));
                let replaced = self.replace_at(index, to, &Replacement::Trashed(item.id));
                let (entry, old) = replaced.map_err(|error| ItemError::from(error).at_target(conflict))?;
                Ok(replacing(self.relative_to_root(entry), old))
            }
            Plan::Merge => {
                // It is restored under a free name first, and its entries move into the existing folder from there.
                let (beside, entry) = self.restore_beside(index, item.id, to)?;
                let merged = self.merge(index, &beside, entry, to, conflict);
                // It has left the trash, also if all of its entries stay beside the folder.
                self.changed = true;
                merged
            }
        }
    }

    /// The outcome for an item that is gone: the previous process may have restored it.
    fn restored_before(&mut self, index: usize) -> Result<Outcome, ItemError> {
        match self.target_before(index).map(|path| self.entry_at(&path)).transpose()?.flatten() {
            Some(entry) => {
                let id = self.record.trash_id(index, &entry.path);
                let old = self.was_trashed(id)?.then_some(id);
                Ok(replacing(self.relative_to_root(entry), old))
            }
            None => Err(ErrorCode::Gone.into()),
        }
    }

    /// Restores an item at a free name beside `to`.
    fn restore_beside(&mut self, index: usize, id: TrashId, to: &VPath) -> Result<(VPath, Entry), ItemError> {
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

    /// The first free name beside `path`.
    pub(super) fn free_name(&self, path: &VPath) -> Result<VPath, ItemError> {
        for attempt in 2..NAMES_MAX {
            let beside = numbered_name(path, attempt).ok_or(ErrorCode::NameRefused)?;
            if self.entry_at(&beside)?.is_none() {
                return Ok(beside);
            }
        }
        Err(ErrorCode::AlreadyExists.into())
    }
}

/// The outcome for an item that is restored, with what the trash keeps of the entry that it has replaced.
fn replacing(entry: Entry, old: Option<TrashId>) -> Outcome {
    Outcome::Done { entry: Some(entry), trash: None, replaced: old.into_iter().collect(), left_out: LeftOut::default() }
}
