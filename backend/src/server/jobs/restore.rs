//! Restoring items of the trash.

use shared::change::RestoreItem;
use shared::job::LeftOut;
use shared::{Conflict, Entry, ErrorCode, Outcome, Rights, TrashId, VPath};

use super::access::rights_to_take;
use super::decide::{Plan, is_alike, is_real_folder, plan};
use super::item_error::ItemError;
use super::runner::{JobRunner, done};
use super::transfer::DECISIONS_MAX;
use crate::storage::{Replacement, TrashItem, Visit, free_beside, is_beside};

impl JobRunner {
    /// Restores an item of the trash.
    pub(super) fn restore(
        &mut self,
        index: usize,
        wanted: &RestoreItem,
        conflict: Conflict,
    ) -> Result<Outcome, ItemError> {
        let Some(item) = self.visible_item(wanted.id)? else {
            return self.continue_restore(index, conflict);
        };
        if !item.connected {
            return Err(ErrorCode::DiskAbsent.into());
        }
        let to = self.destination_of(wanted, &item)?;
        if let Some(path) = self.target_before(index)
            && let Some(present) = self.entry_at(&path)?
            && is_alike(&item.entry, &present)
        {
            // A crash during a rename may leave a file under both names.
            self.storage.purge(wanted.id, &mut || Visit::Continue)?;
            let old = self.replaced_before(index, &path)?;
            return Ok(replacing(self.relative_to_root(present), old));
        }
        for _ in 1..DECISIONS_MAX {
            match self.restore_to(index, &item, &to, conflict) {
                Err(ItemError::Overtaken(_)) => self.check_cancelled()?,
                ended => return ended,
            }
        }
        self.restore_to(index, &item, &to, conflict)
    }

    /// Where an item goes, in the storage.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] for a root; as [`JobRunner::entry_path`], also if the item may become readable.
    pub(super) fn destination_of(&self, wanted: &RestoreItem, item: &TrashItem) -> Result<VPath, ItemError> {
        let was = &item.entry.path;
        let to = match &wanted.to {
            Some(asked) => self.entry_path(Rights::ADD, asked)?,
            None if was.is_root() => return Err(ErrorCode::BadRequest.into()),
            None => was.clone(),
        };
        let (held, at_target) = (self.scope.rights_at(was), self.scope.rights_at(&to));
        let allowed = at_target.contains(Rights::ADD) && held.contains(rights_to_take(Rights::TRASH, &self.scope));
        if allowed { Ok(to) } else { Err(ErrorCode::Forbidden.into()) }
    }

    /// Restores an item to `to`; the entry that is there, if any, decides how.
    fn restore_to(
        &mut self,
        index: usize,
        item: &TrashItem,
        to: &VPath,
        conflict: Conflict,
    ) -> Result<Outcome, ItemError> {
        let present = self.entry_at(to)?;
        // In the trash it has none of the paths of the tree: a link at its old path is another one.
        let source = Entry { path: VPath::root(), ..item.entry.clone() };
        match plan(conflict, self.scope.rights_at(to), &source, present.as_ref())? {
            Plan::Skip => Ok(Outcome::Skipped),
            Plan::Take => {
                self.begin(index, Some(to));
                let restored = self.below_parents(to, |storage| storage.restore(item.id, to));
                let entry = restored.map_err(|error| ItemError::from(error).at_target(conflict))?;
                Ok(done(Some(self.relative_to_root(entry))))
            }
            Plan::Beside => {
                let (_, entry) = self.restore_beside(index, item.id, to, None)?;
                Ok(done(Some(self.relative_to_root(entry))))
            }
            Plan::Replace => {
                self.begin(index, Some(to));
                let replaced = self.replace_at(index, to, &Replacement::Trashed(item.id));
                let (entry, old) = replaced.map_err(|error| ItemError::from(error).at_target(conflict))?;
                // The previous process may have kept it, and come no further.
                let id = self.record.trash_id(index, to);
                let old = if old.is_none() && self.was_trashed(id)? { Some(id) } else { old };
                Ok(replacing(self.relative_to_root(entry), old))
            }
            Plan::Merge => {
                // It is restored under a free name first, and its entries move into the existing folder from there.
                let (beside, entry) = self.restore_beside(index, item.id, to, Some(to))?;
                let merged = self.merge(index, &beside, entry, to, false);
                // It has left the trash, also if all of its entries stay beside the folder.
                self.changed = true;
                merged
            }
        }
    }

    /// Continues with an item that is gone: the previous process may have restored it, and have begun to merge it.
    fn continue_restore(&mut self, index: usize, conflict: Conflict) -> Result<Outcome, ItemError> {
        if conflict == Conflict::Replace
            && let Some((beside, to)) = self.merge_before(index)
            && let Some(entry) = self.entry_at(&beside)?.filter(is_real_folder)
        {
            return self.merge(index, &beside, entry, &to, true);
        }
        self.restored_before(index)
    }

    /// The place beside a folder at which the previous process restored an item to merge it, and that folder.
    fn merge_before(&self, index: usize) -> Option<(VPath, VPath)> {
        let (to, later) = self.targets_before(index).split_first()?;
        let beside = later.iter().rfind(|path| *path != to)?;
        is_beside(beside, to).then(|| (beside.clone(), to.clone()))
    }

    /// The outcome for an item that is gone: the previous process may have restored it.
    fn restored_before(&mut self, index: usize) -> Result<Outcome, ItemError> {
        match self.target_before(index).map(|path| self.entry_at(&path)).transpose()?.flatten() {
            Some(entry) => {
                let old = self.replaced_before(index, &entry.path)?;
                Ok(replacing(self.relative_to_root(entry), old))
            }
            None => Err(ErrorCode::Gone.into()),
        }
    }

    /// Restores an item at a free name beside `to`. If its entries are to move on into the folder `into`, the journal
    /// names this folder, too, because the trash no longer has the item's own path then.
    fn restore_beside(
        &mut self,
        index: usize,
        id: TrashId,
        to: &VPath,
        into: Option<&VPath>,
    ) -> Result<(VPath, Entry), ItemError> {
        for _ in 0..DECISIONS_MAX {
            let path = self.free_name(to)?;
            self.begin(index, into.into_iter().chain([&path]));
            match self.storage.restore(id, &path) {
                Err(error) if error.code == ErrorCode::AlreadyExists => {}
                restored => return Ok((path, restored?)),
            }
        }
        Err(ErrorCode::AlreadyExists.into())
    }

    /// A free name beside `path`.
    pub(super) fn free_name(&self, path: &VPath) -> Result<VPath, ItemError> {
        free_beside(path, |beside| {
            if !self.scope.rights_at(beside).contains(Rights::ADD) {
                return Err(ErrorCode::Forbidden.into());
            }
            Ok(self.entry_at(beside)?.is_none())
        })
    }
}

/// The outcome for an item that is restored, with what the trash keeps of the entry that it has replaced.
fn replacing(entry: Entry, old: impl IntoIterator<Item = TrashId>) -> Outcome {
    Outcome::Done { entry: Some(entry), trash: None, replaced: old.into_iter().collect(), left_out: LeftOut::default() }
}
