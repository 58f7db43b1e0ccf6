//! Moving entries into the trash, and finding them there.

use shared::change::PathItem;
use shared::job::LeftOut;
use shared::{Change, ETag, Entry, ErrorCode, Outcome, Rights, TrashId, VPath};
use tracing::error;

use super::decide::is_alike;
use super::item_error::ItemError;
use super::runner::JobRunner;
use crate::server::clock;
use crate::storage::{Keep, Replacement, StorageError, TrashItem};

impl JobRunner {
    /// Moves an entry into the trash.
    pub(super) fn trash(&mut self, index: usize, items: &[PathItem]) -> Result<Outcome, ItemError> {
        let chosen = &items[index];
        let path = self.entry_path(Rights::DELETE, &chosen.path)?;
        let [mut id, earlier] = self.trash_ids(items, index, &path);
        if self.trashed_before(earlier)?.is_some() {
            id = earlier;
        }
        self.trash_once(&path, chosen.if_etag, id)?;
        Ok(into_trash(id))
    }

    /// The id of an item, and the one that an earlier version gave it: each item of a job had an id of its own.
    fn trash_ids(&self, items: &[PathItem], index: usize, path: &VPath) -> [TrashId; 2] {
        let in_group = self.record.trash_id_in_group(first_of_group(items, index), index, path);
        [in_group, self.record.trash_id(index, path)]
    }

    /// Notes the outcomes of a cancelled job up to the last item that the previous process put into the trash: its client
    /// restores an entry by the id in the outcome.
    ///
    /// # Errors
    /// [`ItemError::Stopping`] if the trash cannot be read.
    pub(super) fn note_trashed_before(&mut self, change: &Change) -> Result<(), ItemError> {
        let (Change::Trash { items }, Some(_)) = (change, &self.resumed) else { return Ok(()) };
        let found = (self.ended..items.len()).map(|index| self.id_trashed_before(items, index));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let count = found.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.changed = false;
        let outcome = |id: &Option<TrashId>| id.map_or_else(|| self.stopped_halfway(), into_trash);
        let outcomes = found[..count].iter().map(outcome).collect();
        self.end_items(outcomes);
        Ok(())
    }

    /// The id under which the previous process put an item into the trash.
    fn id_trashed_before(&self, items: &[PathItem], index: usize) -> Result<Option<TrashId>, ItemError> {
        let Ok(path) = self.entry_path(Rights::DELETE, &items[index].path) else { return Ok(None) };
        for id in self.trash_ids(items, index, &path) {
            if self.was_trashed(id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Moves the entry at `path` into the trash, unless the previous process did.
    pub(super) fn trash_once(&mut self, path: &VPath, etag: Option<ETag>, id: TrashId) -> Result<(), StorageError> {
        let Some(item) = self.trashed_before(id)? else {
            return self.storage.trash(path, etag, id, clock::now());
        };
        match self.entry_at(path)? {
            // A crash during a rename may leave a file under both names.
            Some(entry) if is_alike(&item.entry, &entry) => self.storage.remove(path, entry.etag),
            Some(_) => Err(StorageError::new(ErrorCode::AlreadyExists, "another entry has taken the place since")),
            None => Ok(()),
        }
    }

    /// Puts `new` in the place of the file or link at `path`, which goes into the trash. Returns the id of its item;
    /// `None` if it could not be kept.
    pub(super) fn replace_at(
        &mut self,
        index: usize,
        path: &VPath,
        new: &Replacement<'_>,
    ) -> Result<(Entry, Option<TrashId>), StorageError> {
        let keep = self.keep(index, path);
        let replaced = self.storage.replace(new, path, &keep)?;
        Ok((replaced.entry, self.kept.count(replaced.kept)))
    }

    /// Where the trash keeps what is replaced at `path`.
    pub(super) fn keep(&self, index: usize, path: &VPath) -> Keep {
        let id = self.record.trash_id(index, path);
        self.kept.keep(&self.record.owner, self.record.client(), id, clock::now())
    }

    /// Whether the previous process put an entry into the trash under this id. If the trash cannot be read, the job
    /// stops until the next start: without the answer, its work could be done twice.
    pub(super) fn was_trashed(&self, id: TrashId) -> Result<bool, ItemError> {
        self.trashed_before(id).map(|item| item.is_some()).map_err(|error| self.cannot_continue(&error))
    }

    /// Those of many ids for which [`JobRunner::was_trashed`] is true.
    pub(super) fn trashed_among(&self, ids: &[TrashId]) -> Result<Vec<TrashId>, ItemError> {
        let found = self.storage.stat_trash_all(ids).into_iter().zip(ids);
        let trashed = found.filter_map(|(item, id)| match item {
            Ok(_) => Some(Ok(*id)),
            Err(error) if error.code == ErrorCode::Gone => None,
            Err(error) => Some(Err(self.cannot_continue(&error))),
        });
        trashed.collect()
    }

    fn cannot_continue(&self, error: &StorageError) -> ItemError {
        error!(job = %self.record.id, %error, "a job cannot continue before the next start");
        ItemError::Stopping
    }

    pub(super) fn trashed_before(&self, id: TrashId) -> Result<Option<TrashItem>, StorageError> {
        if self.resumed.is_some() { self.trash_item(id) } else { Ok(None) }
    }

    /// Whether the caller may see what the trash has of the entry that was at a path in the storage.
    fn sees_trash_of(&self, path: &VPath) -> bool {
        self.path_of_caller(path).is_some() && self.scope.rights_at(path).contains(Rights::TRASH)
    }

    /// An item of the trash that the caller may see.
    pub(super) fn visible_item(&self, id: TrashId) -> Result<Option<TrashItem>, StorageError> {
        if self.records.is_purge(id)? {
            return Ok(None);
        }
        Ok(self.trash_item(id)?.filter(|item| self.sees_trash_of(&item.entry.path)))
    }

    /// [`JobRunner::visible_item`] for each of many; `None` also for one that cannot be looked at.
    pub(super) fn visible_items(&self, ids: &[TrashId]) -> Result<Vec<Option<TrashItem>>, StorageError> {
        let purges = self.records.purges_among(ids)?;
        let is_visible = |item: &TrashItem| !purges.contains(&item.id) && self.sees_trash_of(&item.entry.path);
        let items = self.storage.stat_trash_all(ids).into_iter();
        Ok(items.map(|item| item.ok().filter(is_visible)).collect())
    }

    /// [`JobRunner::visible_item`] on a disk that is connected.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`], [`ErrorCode::DiskAbsent`].
    pub(super) fn connected_item(&self, id: TrashId) -> Result<TrashItem, ItemError> {
        match self.visible_item(id)? {
            Some(item) if item.connected => Ok(item),
            Some(_) => Err(ErrorCode::DiskAbsent.into()),
            None => Err(ErrorCode::Gone.into()),
        }
    }

    fn trash_item(&self, id: TrashId) -> Result<Option<TrashItem>, StorageError> {
        match self.storage.stat_trash(id) {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.code == ErrorCode::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The first of the items of one folder that follow each other up to this one. It follows from the request, so a process
/// after a restart finds the ids of the group again.
pub(super) fn first_of_group(items: &[PathItem], index: usize) -> usize {
    let folder = items[index].path.parent();
    let before = items[..index].iter().rposition(|item| item.path.parent() != folder);
    before.map_or(0, |other| other + 1)
}

/// The outcome for an entry that is in the trash now.
pub(super) fn into_trash(id: TrashId) -> Outcome {
    Outcome::Done { entry: None, trash: Some(id), replaced: Vec::new(), left_out: LeftOut::default() }
}
