//! Items of one folder that follow each other and go to the trash, or come back from it, in one call of the storage.
//! Between two groups a job reports its progress, and its client may cancel it.

use std::collections::{BTreeSet, HashMap};

use shared::change::{PathItem, RestoreItem};
use shared::name_key::equivalence_key;
use shared::{Change, Conflict, ErrorCode, Outcome, Rights, TrashId, VPath};

use super::item_error::ItemError;
use super::runner::{GROUP_MAX, JobRunner, done};
use super::trash::{first_of_group, into_trash};
use crate::server::clock;
use crate::server::records::jobs::ItemRecord;
use crate::storage::{ToRestore, ToTrash, TrashItem, Visit};

/// Items that are looked at for a group after one that ended early.
const GROUP_MIN: usize = 16;
/// Names that are read of a folder for each item that comes back to it: to read so many takes less time than to look one
/// up.
const LISTED_PER_ITEM: usize = 4;

impl JobRunner {
    /// Runs the items from the present one on that form a group, and notes the outcome of each. Does nothing if they form
    /// none: the present item is run by itself then.
    pub(super) fn run_group(&mut self, change: &Change) -> Result<(), ItemError> {
        match change {
            Change::Trash { items } => {
                self.trash_group(items);
                Ok(())
            }
            Change::Restore { items, conflict } => self.restore_group(items, *conflict),
            _ => Ok(()),
        }
    }

    /// Moves entries of one folder into the trash. Nothing is journalled before, because the ids of their items tell
    /// after a crash which of them are there.
    fn trash_group(&mut self, items: &[PathItem]) {
        let first = self.ended;
        let (folder, first_of_group) = (items[first].path.parent(), first_of_group(items, first));
        let mut group = Vec::new();
        for (index, chosen) in items.iter().enumerate().skip(first).take(GROUP_MAX) {
            let Ok(path) = self.entry_path(Rights::DELETE, &chosen.path) else { break };
            let id = self.record.trash_id_in_group(first_of_group, index, &path);
            // An entry that the previous process has put into the trash is examined by itself.
            let was_trashed = |id| !matches!(self.trashed_before(id), Ok(None));
            let was_begun = || was_trashed(id) || was_trashed(self.record.trash_id(index, &path));
            if chosen.path.parent() != folder || self.resumed.is_some() && was_begun() {
                break;
            }
            group.push((path, chosen.if_etag, id));
        }
        if group.len() < 2 {
            return;
        }
        let entries: Vec<_> = group.iter().map(|(path, etag, id)| ToTrash { path, etag: *etag, id: *id }).collect();
        let results = self.storage.trash_all(&entries, clock::now()).into_iter().zip(&group);
        let outcome = |(result, (_, _, id)): (Result<_, _>, &(_, _, TrashId))| match result {
            Ok(()) => into_trash(*id),
            Err(error) => self.failed(error, None),
        };
        let outcomes = results.map(outcome).collect();
        self.end_items(outcomes);
    }

    /// Restores items into one folder where their names are free. All of them are journalled as begun before, with the
    /// paths that they are about to get.
    fn restore_group(&mut self, items: &[RestoreItem], conflict: Conflict) -> Result<(), ItemError> {
        let group = self.group_to_restore(items);
        if group.len() < 2 {
            return Ok(());
        }
        let first = self.ended;
        self.unwritten.extend(group.iter().enumerate().map(|(offset, (_, to))| ItemRecord {
            item: first + offset,
            targets: vec![to.clone()],
            outcome: None,
        }));
        self.write_journal(false);
        let wanted: Vec<_> = group.iter().map(|(id, to)| ToRestore { id: *id, to }).collect();
        let mut outcomes = Vec::with_capacity(group.len());
        self.changed = false;
        for result in self.storage.restore_all(&wanted) {
            match result {
                Ok(entry) => outcomes.push(done(Some(self.relative_to_root(entry)))),
                // Another program has taken the name, or two names are one on this file system.
                Err(error) if error.code == ErrorCode::AlreadyExists && conflict != Conflict::Fail => {
                    self.end_items(std::mem::take(&mut outcomes));
                    let outcome = self.restore_anyway(&items[self.ended], conflict)?;
                    self.end_item(outcome);
                    self.changed = false;
                }
                Err(error) => outcomes.push(self.failed(error, None)),
            }
        }
        self.end_items(outcomes);
        Ok(())
    }

    /// Restores the present item by itself, where an entry stands at its destination.
    fn restore_anyway(&mut self, wanted: &RestoreItem, conflict: Conflict) -> Result<Outcome, ItemError> {
        match self.restore(self.ended, wanted, conflict) {
            Err(ItemError::Failed(error, path)) => Ok(self.failed(error, path)),
            Err(ItemError::Canceled) => Ok(self.stopped_halfway()),
            restored => restored,
        }
    }

    /// The items from the present one on that can be restored together: into one folder, each under a free name. After a
    /// group that ended early the next one is short, so that few items are looked at in vain.
    fn group_to_restore(&mut self, items: &[RestoreItem]) -> Vec<(TrashId, VPath)> {
        let (mut group, mut names) = (Vec::<(TrashId, VPath)>::new(), HashMap::new());
        let looked_at = self.unbegun(items);
        let ids: Vec<_> = looked_at.iter().map(|wanted| wanted.id).collect();
        let Ok(found) = self.visible_items(&ids) else { return group };
        for (wanted, item) in looked_at.iter().zip(found) {
            let Some(to) = item.and_then(|item| self.target_of(wanted, &item)) else { break };
            let key = spelling_key(to.name());
            let goes_elsewhere = group.first().is_some_and(|(_, first)| first.parent() != to.parent());
            if goes_elsewhere || names.contains_key(&key) {
                break;
            }
            names.insert(key, group.len());
            group.push((wanted.id, to));
        }
        group.truncate(self.free_names(&group, &names));
        let next_max = if group.len() < ids.len() { group.len().max(GROUP_MIN) } else { self.group_max * 2 };
        self.group_max = next_max.min(GROUP_MAX);
        group
    }

    /// The items from the present one on that the next group may have. An item that the previous process had begun is
    /// examined by itself.
    fn unbegun<'a>(&self, items: &'a [RestoreItem]) -> &'a [RestoreItem] {
        let first = self.ended;
        let end = items.len().min(first + self.group_max);
        let end = (first..end).find(|index| self.is_resumed(*index)).unwrap_or(end);
        &items[first..end]
    }

    /// Where an item of the trash goes; `None` if it is on a disk that is not connected, or the request is to be refused.
    fn target_of(&self, wanted: &RestoreItem, item: &TrashItem) -> Option<VPath> {
        if !item.connected {
            return None;
        }
        self.destination_of(wanted, item).ok()
    }

    /// How many of the first names of a group are free in its folder; none if there is no such folder. `names` has the
    /// index of each by its [`spelling_key`].
    fn free_names(&self, group: &[(TrashId, VPath)], names: &HashMap<Vec<u8>, usize>) -> usize {
        let Some(folder) = group.first().and_then(|(_, to)| to.parent()) else { return 0 };
        let (mut listed, mut free) = (0, group.len());
        let read = self.storage.list_names(&folder, &mut |name, _| {
            listed += 1;
            free = names.get(&spelling_key(name)).map_or(free, |taken| free.min(*taken));
            if listed > group.len() * LISTED_PER_ITEM { Visit::Stop } else { Visit::Continue }
        });
        let is_whole = read.is_ok() && listed <= group.len() * LISTED_PER_ITEM;
        if is_whole { free } else { self.free_names_by_look_up(&folder, group) }
    }

    /// [`JobRunner::free_names`] in a folder that has many, or cannot be read.
    fn free_names_by_look_up(&self, folder: &VPath, group: &[(TrashId, VPath)]) -> usize {
        let mut taken = BTreeSet::new();
        let looked = self.storage.stat_names(folder, &mut group.iter().map(|(_, to)| to.name()), &mut |index, _| {
            taken.insert(index);
            // The names come in the order of the group.
            Visit::Stop
        });
        if looked.is_err() { 0 } else { taken.first().copied().unwrap_or(group.len()) }
    }
}

/// Equal for names that some file system takes for one.
fn spelling_key(name: &[u8]) -> Vec<u8> {
    equivalence_key(name).map_or_else(|| name.to_vec(), String::into_bytes)
}
