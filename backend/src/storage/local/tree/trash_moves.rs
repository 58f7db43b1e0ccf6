//! Moving entries into the trash and back: many entries of one folder in one call, which share the file with their
//! information and the syncs of the folders. A single entry is a group of one.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use shared::{Entry, ErrorCode, Timestamp, TrashId, VPath};

use super::dir_stack::DirStack;
use super::errors::{not_found, rename_error};
use super::mounted::MountPoints;
use super::name_locks::NameLock;
use super::private_dir::{OnDisk, PrivateDir};
use super::reserves;
use super::root::Tree;
use super::trash::{Absence, delete_items, forget_groups, gone, no_trash};
use super::trash_groups::{GroupsInUse, write_infos};
use super::trash_info::Info;
use super::trash_item::{Item, TrashFolder};
use super::trash_names::deleted_name;
use super::volumes::crosses_volumes;
use crate::storage::checks::check_new_path;
use crate::storage::local::error::{REPLACE_RETRIES, replaced_meanwhile, storage_error};
use crate::storage::local::platform::{Dir, FileType, Metadata, SyncDir};
use crate::storage::{StorageError, ToRestore, ToTrash};

/// How far an entry has come on its way into the trash.
enum Step {
    /// It was seen, and its information is item number `info` of those that are written.
    Seen {
        metadata: Metadata,
        info: usize,
    },
    /// It is in the trash.
    Moved,
    /// Another entry has taken its name since it was seen.
    Replaced,
    Failed(StorageError),
    /// It is in the trash, and the sync that was to make that durable has failed.
    Unsynced(StorageError),
}

impl Step {
    fn is_for_want_of_space(&self) -> bool {
        matches!(self, Self::Failed(error) if reserves::is_full(error))
    }
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::trash_all`].
    pub(super) fn trash_entries(&self, entries: &[ToTrash<'_>], now: Timestamp) -> Vec<Result<(), StorageError>> {
        let folders = entries.chunk_by(|left, right| left.path.parent() == right.path.parent());
        folders.flat_map(|entries| self.trash_of_folder(entries, now)).collect()
    }

    /// Moves entries of one folder. An entry whose name another one takes meanwhile is examined again.
    fn trash_of_folder(&self, entries: &[ToTrash<'_>], now: Timestamp) -> Vec<Result<(), StorageError>> {
        let mut results: Vec<_> = entries.iter().map(|_| Err(replaced_meanwhile())).collect();
        let mut left: Vec<usize> = (0..entries.len()).collect();
        for attempt in 0..REPLACE_RETRIES {
            let group: Vec<_> = left.iter().map(|index| entries[*index]).collect();
            // So that replacements by this server, which may follow each other without a pause, come before or after.
            let _locks = if attempt == 0 { Vec::new() } else { self.lock_names(&group) };
            let began = Instant::now();
            let steps = match self.try_trash(&group, now) {
                Ok(steps) => steps,
                Err(error) => group.iter().map(|_| Step::Failed(error.again())).collect(),
            };
            let tried = std::mem::take(&mut left);
            let is_full = steps.iter().any(Step::is_for_want_of_space);
            let has_more_space =
                is_full && self.old_parent(entries[0].path).is_ok_and(|at| self.give_up_reserve(&at, began));
            for (index, step) in tried.into_iter().zip(steps) {
                match step {
                    Step::Moved => results[index] = Ok(()),
                    Step::Unsynced(error) => results[index] = Err(error),
                    Step::Failed(error) => {
                        left.extend(Some(index).filter(|_| has_more_space && reserves::is_full(&error)));
                        results[index] = Err(error);
                    }
                    Step::Seen { .. } | Step::Replaced => left.push(index),
                }
            }
            if left.is_empty() {
                break;
            }
        }
        results
    }

    /// Locks the names of entries of one folder, in their order, so that two callers cannot block each other. Returns
    /// no lock if the folder cannot be opened, which the next attempt finds, too.
    fn lock_names(&self, entries: &[ToTrash<'_>]) -> Vec<NameLock<'_>> {
        let Some(first) = entries.first() else { return Vec::new() };
        let Ok(folder) = self.old_parent(first.path).and_then(|parent| parent.identity()) else { return Vec::new() };
        let mut names: Vec<_> = entries.iter().map(|entry| entry.path.name()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| self.name_locks.lock(folder, name)).collect()
    }

    /// Moves entries of one folder: their information is durable first, then come the renames, then the syncs of both
    /// folders.
    fn try_trash(&self, entries: &[ToTrash<'_>], now: Timestamp) -> Result<Vec<Step>, StorageError> {
        let Some(first) = entries.first() else { return Ok(Vec::new()) };
        let parent = self.old_parent(first.path)?;
        let private_dir = self.usable_private_dir(&parent)?.ok_or_else(no_trash)?;
        let mounts = MountPoints::below(&parent)?;
        let _moving = private_dir.moving();
        let in_use = private_dir.use_groups(entries.iter().map(|entry| entry.id));
        let sync_source = if private_dir.orders_names { None } else { Some(parent.prepare_sync()?) };
        let mut infos = Vec::with_capacity(entries.len());
        let mut steps: Vec<_> = entries
            .iter()
            .map(|entry| match self.look_at(entry, &parent, &private_dir, &mounts, now) {
                Ok((metadata, info)) => {
                    infos.push((entry.id, info));
                    Step::Seen { metadata, info: infos.len() - 1 }
                }
                Err(error) => Step::Failed(error),
            })
            .collect();
        let may_move = self.write_durably(&private_dir, &infos).inspect_err(|_| {
            // The absence of earlier items of the group may not be durable.
            if self.sync_trash(&private_dir).is_ok() {
                forget_groups(&private_dir, &[], &in_use);
            }
        })?;
        let _turn = private_dir.move_turn();
        {
            let _locks = self.locks.lock(&[parent.identity()?]);
            for (entry, step) in entries.iter().zip(&mut steps) {
                let Step::Seen { metadata, info } = *step else { continue };
                let info = may_move[info].then_some(&infos[info].1);
                *step = self.move_seen(entry, &metadata, info, &parent, &private_dir);
            }
        }
        if steps.iter().any(|step| matches!(step, Step::Moved)) {
            // The new names first: a crash between the two syncs may leave both names, but never none.
            let synced = self.sync_trash(&private_dir).and_then(|()| match sync_source {
                Some(sync) => self.sync_names(&parent, sync),
                // The first sync has made the whole renames durable.
                None => Ok(()),
            });
            if let Err(error) = synced {
                let moved = steps.iter_mut().filter(|step| matches!(step, Step::Moved));
                moved.for_each(|step| *step = Step::Unsynced(error.again()));
            }
        }
        if !infos.is_empty() && !steps.iter().any(|step| matches!(step, Step::Moved)) {
            forget_groups(&private_dir, &[], &in_use);
        }
        Ok(steps)
    }

    /// The state of an entry that may be moved, and the information that goes with it into the trash.
    fn look_at(
        &self,
        entry: &ToTrash<'_>,
        parent: &DirStack<D>,
        private_dir: &PrivateDir<D>,
        mounts: &MountPoints,
        now: Timestamp,
    ) -> Result<(Metadata, Info), StorageError> {
        let metadata = self.source(parent, entry.path, entry.etag)?;
        mounts.refuse(parent, entry.path.name())?;
        let recorded = parent.path_of(entry.path.name())?;
        let path = private_dir.path_on_volume(parent, &recorded)?;
        let seen = self.entry_from(parent, entry.path, &metadata);
        Ok((metadata, Info::new(&Entry { path, ..seen }, now)))
    }

    /// Moves an entry whose information is durable, unless another one has taken its name. Under the folder's lock. The
    /// information is `None` if the trash has such an item already.
    fn move_seen(
        &self,
        entry: &ToTrash<'_>,
        seen: &Metadata,
        info: Option<&Info>,
        parent: &DirStack<D>,
        private_dir: &PrivateDir<D>,
    ) -> Step {
        let now = match self.source(parent, entry.path, entry.etag) {
            Ok(now) => now,
            Err(error) => return Step::Failed(error),
        };
        let Some(info) = info else { return Step::Failed(taken("the trash has such an item already")) };
        if now.identity != seen.identity {
            return Step::Replaced;
        }
        match parent.dir().rename(entry.path.name(), &private_dir.trash, &deleted_name(entry.id), false) {
            Ok(()) => {
                private_dir.note(entry.id, info);
                Step::Moved
            }
            Err(error) => Step::Failed(rename_error(error, now.file_type)),
        }
    }

    /// Writes the information about entries, durably with its names.
    fn write_durably(&self, private_dir: &PrivateDir<D>, infos: &[(TrashId, Info)]) -> Result<Vec<bool>, StorageError> {
        if infos.is_empty() {
            return Ok(Vec::new());
        }
        let written = write_infos(&*private_dir.trash, infos);
        let may_move = written.map_err(|error| storage_error(error, "creating an item of the trash"))?;
        if !private_dir.orders_names {
            self.sync_trash(private_dir)?;
        }
        Ok(may_move)
    }

    /// Makes the names in a folder durable, shared among concurrent callers.
    fn sync_names(&self, folder: &DirStack<D>, sync: SyncDir) -> Result<(), StorageError> {
        let synced = self.group_fsync.sync(folder.identity()?, sync);
        synced.map_err(|error| storage_error(error, "syncing a folder"))
    }

    /// Makes the names in the folder of the deleted entries durable, shared among concurrent callers.
    fn sync_trash(&self, private_dir: &PrivateDir<D>) -> Result<(), StorageError> {
        let trash = &private_dir.trash;
        let identity = trash.metadata().map(|metadata| metadata.identity);
        let synced = identity.and_then(|identity| self.group_fsync.sync(identity, trash.prepare_sync()?));
        synced.map_err(|error| storage_error(error, "syncing the trash"))
    }

    /// See [`crate::storage::Storage::restore_all`].
    pub(super) fn restore_items(&self, items: &[ToRestore<'_>]) -> Vec<Result<Entry, StorageError>> {
        let folders = items.chunk_by(|left, right| left.to.parent() == right.to.parent());
        let restored = folders.flat_map(|items| match self.restore_into_folder(items) {
            Ok(restored) => restored,
            Err(error) => items.iter().map(|_| Err(error.again())).collect(),
        });
        restored.collect()
    }

    /// See [`crate::storage::Storage::restore`].
    pub(super) fn restore_one(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        // One result for each item.
        self.restore_items(&[ToRestore { id, to }]).pop().unwrap_or_else(|| Err(gone()))
    }

    /// Restores items into one folder: first come the renames, then the syncs of both folders, and last their
    /// information is deleted.
    fn restore_into_folder(&self, items: &[ToRestore<'_>]) -> Result<Vec<Result<Entry, StorageError>>, StorageError> {
        let Some(first) = items.first() else { return Ok(Vec::new()) };
        let (private_dir, parent) = match self.place_to_restore(first.to) {
            Ok(place) => place,
            // An item that is gone is so wherever it is to go.
            Err(error) => {
                return Ok(items.iter().map(|item| self.open_whole(item.id).and(Err(error.again()))).collect());
            }
        };
        let _moving = private_dir.moving();
        let in_use = private_dir.use_groups(items.iter().map(|item| item.id));
        let sync_target = parent.prepare_sync()?;
        let (mut moved, mut entries) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        let _turn = private_dir.move_turn();
        {
            let _locks = self.locks.lock(&[parent.identity()?]);
            let (folder, purging) = (private_dir.trash_folder(false), private_dir.purging());
            moved.extend(items.iter().map(|wanted| {
                check_new_path(wanted.to)?;
                if purging.contains(&wanted.id) {
                    Err(gone())
                } else {
                    self.move_out(wanted, &parent, &private_dir, &folder)
                }
            }));
            // Before the lock is released: another request may move the entries on.
            entries.extend(items.iter().zip(&moved).map(|(wanted, moved)| {
                let present = if moved.is_ok() { self.present(&parent, wanted.to)? } else { None };
                present.map(|(_, entry)| entry).ok_or_else(not_found)
            }));
        }
        let left: Vec<_> = moved.iter().flatten().collect();
        if !left.is_empty() {
            let ended = self.sync_names(&parent, sync_target).inspect_err(|_| {
                private_dir.unsettled().extend(left.iter().map(|item| item.id));
            });
            // Where one log orders all changes, the sync has made the absence in the trash durable, too.
            let absent = if private_dir.orders_names { Absence::Durable } else { Absence::Unsynced };
            if let Err(error) = ended.and_then(|()| forget_items(&private_dir, &left, absent, &in_use)) {
                return Ok(moved.into_iter().map(|moved| moved.and(Err(error.again()))).collect());
            }
        }
        Ok(moved.into_iter().zip(entries).map(|(moved, entry)| moved.and(entry)).collect())
    }

    /// The folder that an entry comes back to, and the private directory of its volume.
    fn place_to_restore(&self, to: &VPath) -> Result<OnDisk<D, DirStack<D>>, StorageError> {
        let parent = self.new_parent(to)?.ok_or_else(|| taken("an entry stands at the destination"))?;
        let private_dir = self.usable_private_dir(&parent)?.ok_or_else(crosses_volumes)?;
        Ok((private_dir, parent))
    }

    /// Moves the entry of an item to its free name in `parent`, which is on the volume of the private directory; `folder`
    /// has the deleted entries there. Under the lock of `parent`.
    fn move_out(
        &self,
        wanted: &ToRestore<'_>,
        parent: &DirStack<D>,
        private_dir: &Arc<PrivateDir<D>>,
        folder: &TrashFolder<D>,
    ) -> Result<Item<D>, StorageError> {
        let rename = |item: &Item<D>| item.dir.rename(&item.data, parent.dir(), wanted.to.name(), false);
        // Most items are deleted entries of this volume, so the rename is tried first.
        let mut item = Item::unseen(folder, wanted.id);
        let mut renamed = rename(&item);
        if matches!(&renamed, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            item = self.open_present(wanted.id, private_dir)?;
            renamed = rename(&item);
        }
        match renamed {
            Ok(()) => Ok(item),
            // The name may be reserved for the server.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.present(parent, wanted.to).and_then(|_| Err(taken("an entry stands at the destination")))
            }
            Err(error) => Err(restore_error(error, if item.is_folder() { FileType::Folder } else { FileType::File })),
        }
    }

    /// An item that has its entry.
    fn open_whole(&self, id: TrashId) -> Result<OnDisk<D, Item<D>>, StorageError> {
        let (private_dir, item) = self.open_item(id)?;
        let data = item.metadata().map_err(|error| storage_error(error, "looking into the trash"))?;
        data.map(|_| (private_dir, item)).ok_or_else(gone)
    }

    /// An item that has its entry, on the volume of that private directory. One that is the same through another mount is
    /// opened anew.
    fn open_present(&self, id: TrashId, private_dir: &Arc<PrivateDir<D>>) -> Result<Item<D>, StorageError> {
        let (own, mut item) = self.open_whole(id)?;
        if !Arc::ptr_eq(private_dir, &own) {
            let again = private_dir.is_same(&own).then(|| private_dir.trash_folder(item.is_replaced()).item(id));
            item = again.and_then(Result::ok).ok_or_else(crosses_volumes)?;
        }
        Ok(item)
    }
}

/// Removes what is left of items after their entries have left the trash.
pub(super) fn forget_items<D: Dir>(
    private_dir: &PrivateDir<D>,
    items: &[&Item<D>],
    absent: Absence,
    in_use: &GroupsInUse<'_>,
) -> Result<(), StorageError> {
    delete_items(private_dir, items, absent, in_use).map_err(|error| storage_error(error, "deleting from the trash"))
}

/// A failed rename out of the trash. The item was there a moment ago, so what is missing is the folder.
fn restore_error(error: io::Error, file_type: FileType) -> StorageError {
    match rename_error(error, file_type) {
        error if error.code == ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
        error => error,
    }
}

fn taken(context: &'static str) -> StorageError {
    StorageError::new(ErrorCode::AlreadyExists, context)
}
