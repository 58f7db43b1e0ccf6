//! Items of one folder that follow each other and go to the trash, or come back from it, in one call of the storage.
//! Between two groups a job reports its progress, and its client may cancel it.

use std::collections::{BTreeSet, HashSet};

use shared::change::{PathItem, RestoreItem};
use shared::{Change, Conflict, ErrorCode, TrashId, VPath};

use super::item_error::ItemError;
use super::runner::{GROUP_MAX, JobRunner, done};
use super::trash::into_trash;
use crate::server::clock;
use crate::server::records::jobs::ItemRecord;
use crate::storage::{ToRestore, ToTrash, Visit};

/// Items that are looked at for a group after names were taken.
const GROUP_MIN: usize = 16;

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
        let folder = items[first].path.parent();
        let mut group = Vec::new();
        for (index, chosen) in items.iter().enumerate().skip(first).take(GROUP_MAX) {
            let Ok(path) = self.entry_path(&chosen.path) else { break };
            let id = self.record.trash_id(index, &path);
            // An entry that the previous process has put into the trash is examined by itself.
            if chosen.path.parent() != folder || !matches!(self.trashed_before(id), Ok(None)) {
                break;
            }
            group.push((path, chosen.if_etag, id));
        }
        if group.len() < 2 {
            return;
        }
        let entries: Vec<_> = group.iter().map(|(path, etag, id)| ToTrash { path, etag: *etag, id: *id }).collect();
        let results = self.storage.trash_all(&entries, clock::now());
        for (result, (_, _, id)) in results.into_iter().zip(&group) {
            let outcome = result.map_or_else(|error| self.failed(error, None), |()| into_trash(*id));
            self.end_item(outcome);
        }
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
            target: Some(to.as_bytes().to_vec()),
            outcome: None,
        }));
        self.write_journal(false);
        let wanted: Vec<_> = group.iter().map(|(id, to)| ToRestore { id: *id, to }).collect();
        for result in self.storage.restore_all(&wanted) {
            let index = self.ended;
            self.changed = false;
            let outcome = match result {
                Ok(entry) => done(Some(self.relative_to_root(entry))),
                // Another program has taken the name, or two names are one on this file system.
                Err(error) if error.code == ErrorCode::AlreadyExists && conflict != Conflict::Fail => {
                    match self.restore(index, &items[index], conflict) {
                        Ok(outcome) => outcome,
                        Err(ItemError::Failed(error, path)) => self.failed(error, path),
                        Err(ItemError::Canceled) => self.stopped_halfway(),
                        Err(ItemError::Stopping) => return Err(ItemError::Stopping),
                    }
                }
                Err(error) => self.failed(error, None),
            };
            self.end_item(outcome);
        }
        Ok(())
    }

    /// The items from the present one on that can be restored together: into one folder, each under a free name. Where
    /// many names are taken, the next groups are short, so that few items are looked at in vain.
    fn group_to_restore(&mut self, items: &[RestoreItem]) -> Vec<(TrashId, VPath)> {
        let (mut group, mut names) = (Vec::<(TrashId, VPath)>::new(), HashSet::new());
        for (index, wanted) in items.iter().enumerate().skip(self.ended).take(self.group_max) {
            // An item that the previous process had begun is examined by itself.
            let target = if self.is_resumed(index) { None } else { self.target_of(wanted) };
            let Some(to) = target else { break };
            let goes_elsewhere = group.first().is_some_and(|(_, first)| first.parent() != to.parent());
            if goes_elsewhere || !names.insert(to.name().to_vec()) {
                break;
            }
            group.push((wanted.id, to));
        }
        let (wanted, free) = (group.len(), self.free_names(&group));
        group.truncate(free);
        let next_max = if free < wanted { free.max(GROUP_MIN) } else { self.group_max * 2 };
        self.group_max = next_max.min(GROUP_MAX);
        group
    }

    /// Where an item of the trash goes; `None` if it is gone or on a disk that is not connected, or the request
    /// is to be refused.
    fn target_of(&self, wanted: &RestoreItem) -> Option<VPath> {
        let item = self.visible_item(wanted.id).ok()?.filter(|item| item.connected)?;
        let to = match &wanted.to {
            Some(asked) => self.entry_path(asked).ok()?,
            None => item.entry.path,
        };
        (!to.is_root()).then_some(to)
    }

    /// How many of the first names of a group are free in its folder; none if there is no such folder.
    fn free_names(&self, group: &[(TrashId, VPath)]) -> usize {
        let Some(folder) = group.first().and_then(|(_, to)| to.parent()) else { return 0 };
        let mut taken = BTreeSet::new();
        let looked = self.storage.stat_names(&folder, &mut group.iter().map(|(_, to)| to.name()), &mut |index, _| {
            taken.insert(index);
            // The names come in the order of the group.
            Visit::Stop
        });
        if looked.is_err() { 0 } else { taken.first().copied().unwrap_or(group.len()) }
    }
}
