//! The trash of a directory: listing it, and deleting what is left of items. `trash_item` says how an item is stored.
//! Its information is durable before the entry is moved in, and deleted only after the entry's move out is durable. So
//! every entry in the trash has its information, also for a person who looks into the folder.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{ErrorCode, TrashId};
use tracing::warn;

use super::dir_stack::DirStack;
use super::keep::Keeping;
use super::notes::{NotedDisk, disk_id};
use super::private_dir::{OnDisk, PrivateDir, REPLACED, TRASH};
use super::root::Tree;
use super::trash_groups::{GroupFiles, GroupsInUse};
use super::trash_info::Info;
use super::trash_item::{Item, LastTexts, TrashFolder, remove_if_present};
use super::trash_names::{Form, id_name};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Metadata};
use crate::storage::trash::{PageSelection, check_visit};
use crate::storage::{Kept, STATE_FOLDER_NAME, StorageError, TrashGroup, TrashItem, TrashListing, TrashQuery, Visit};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::list_trash_until`]. Reads the information of every item, and keeps no more items than
    /// the page has.
    pub(super) fn select_trash(
        &self,
        query: &TrashQuery,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<TrashListing, StorageError> {
        let mut page = PageSelection::new(query);
        let (mut seen, mut connected) = (BTreeSet::new(), Vec::new());
        for top in self.tops()? {
            let at = top.path()?;
            match self.select_from(&top, &mut page, &mut seen, visit) {
                Ok(disk) => connected.extend(disk),
                Err(error) if at.is_root() || error.code == ErrorCode::Canceled => return Err(error),
                Err(error) => warn!(%error, disk = at.encoded(), "the trash of a disk cannot be read"),
            }
        }
        for disk in self.noted_disks().iter().filter(|disk| !connected.contains(&disk.id)) {
            disk.items()
                .filter(|(id, _)| !seen.contains(id))
                .for_each(|(id, info)| page.extend(absent(id, info, disk).map(|item| self.as_asked(item))));
        }
        Ok(page.finish())
    }

    /// Adds the items of one volume to a page. Returns the id of its disk.
    fn select_from(
        &self,
        top: &DirStack<D>,
        page: &mut PageSelection<'_>,
        seen: &mut BTreeSet<TrashId>,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let failed = |error| storage_error(error, "reading the trash");
        let mut texts = LastTexts::default();
        for folder in self.peek_trash_folders(top)? {
            let (items, mut void_groups) = folder.items_and_groups().map_err(failed)?;
            for (id, form) in items {
                check_visit(visit)?;
                void_groups.remove(&TrashGroup::of(id));
                let Ok(item) = Item::open(&folder, id, form) else { continue };
                if self.is_void(&item) {
                    self.delete_void(top, id, form);
                } else if seen.insert(id) {
                    // Two mounts may show one disk.
                    page.add(self.as_asked(item.describe_from(&mut texts)));
                }
            }
            self.delete_void_groups(top, void_groups);
        }
        self.correct_notes(top);
        let opened = top.dir().open_dir(STATE_FOLDER_NAME);
        Ok(opened.ok().and_then(|private_dir| disk_id(&private_dir)))
    }

    /// The folders with the items of a volume, for looking only.
    fn peek_trash_folders(&self, top: &DirStack<D>) -> Result<Vec<TrashFolder<D>>, StorageError> {
        let mut folders = Vec::new();
        for (part, replaced) in [(TRASH, false), (REPLACED, true)] {
            let Some(dir) = PrivateDir::peek(top.dir(), part)?.map(Arc::new) else { continue };
            let disk = dir.metadata().map_err(|error| storage_error(error, "stat of the trash"))?.identity.device;
            folders.push(TrashFolder { dir, replaced, at: top.path()?, disk });
        }
        Ok(folders)
    }

    /// Notes the items of a disk that are not noted, and forgets notes of items that are gone, unless an item is being
    /// moved at the moment.
    fn correct_notes(&self, top: &DirStack<D>) {
        let Some(private_dir) = self.opened_private_dir(top) else { return };
        let Some(notes) = &private_dir.notes else { return };
        let Some(_deleting) = private_dir.deleting() else { return };
        let mut noted = notes.ids();
        for folder in [private_dir.trash_folder(false), private_dir.trash_folder(true)] {
            // What cannot be read may be there.
            let Ok(items) = folder.items() else { return };
            for (id, _) in items.into_iter().filter(|(id, _)| !noted.remove(id)) {
                if let Some(info) = folder.item(id).ok().and_then(|item| item.read_info()) {
                    notes.add(id, &info);
                }
            }
        }
        noted.into_iter().for_each(|id| notes.remove(id));
    }

    /// See [`crate::storage::Storage::stat_trash`].
    pub(super) fn trash_item(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        self.recorded_item(id, &mut Item::describe).map(|item| self.as_asked(item))
    }

    /// See [`crate::storage::Storage::stat_trash_all`].
    pub(super) fn trash_items(&self, ids: &[TrashId]) -> Vec<Result<TrashItem, StorageError>> {
        let mut texts = LastTexts::default();
        let mut recorded = |id| match texts.describe(id) {
            Some(item) => Ok(item),
            None => self.recorded_item(id, &mut |item| item.describe_from(&mut texts)),
        };
        ids.iter().map(|id| recorded(*id).map(|item| self.as_asked(item))).collect()
    }

    /// An item under its path without links.
    fn recorded_item(
        &self,
        id: TrashId,
        describe: &mut dyn FnMut(&Item<D>) -> TrashItem,
    ) -> Result<TrashItem, StorageError> {
        let failed = |error| storage_error(error, "looking into the trash");
        // A disk that fails does not hide the items of those that are not open.
        let failure = match find_item(self.volumes.opened(), id) {
            Ok(Some((_, item))) if !self.is_void(&item) => return Ok(describe(&item)),
            Err(error) => Some(failed(error)),
            Ok(_) => None,
        };
        for top in self.tops()? {
            let folders = match self.peek_trash_folders(&top) {
                // It is not among the items of a disk whose trash cannot be read.
                Err(_) if top.depth() > 0 => continue,
                folders => folders?,
            };
            for folder in folders {
                match folder.item(id) {
                    Ok(item) if self.is_void(&item) => {}
                    Ok(item) => return Ok(describe(&item)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        self.absent_item(id).ok_or_else(|| failure.unwrap_or_else(gone))
    }

    /// An item on a disk that is not connected, as the notes have it.
    fn absent_item(&self, id: TrashId) -> Option<TrashItem> {
        self.noted_disks().iter().find_map(|disk| absent(id, disk.item(id)?, disk))
    }

    /// True for an item that is none: its data were never moved in, or the file that they are a second name of was
    /// never replaced.
    fn is_void(&self, item: &Item<D>) -> bool {
        let Ok(data) = item.metadata() else { return false };
        data.is_none_or(|data| item.is_replaced() && data.names > 1 && self.is_in_place(item, &data))
    }

    /// True if the path that the second name of a file names leads to it still.
    fn is_in_place(&self, item: &Item<D>, data: &Metadata) -> bool {
        // Both names are durable before the file is replaced.
        let Some(path) = item.original_path() else { return true };
        let Ok(Some(parent)) = self.parent(&path) else { return false };
        parent.dir().metadata_of(path.name()).is_ok_and(|now| now.identity == data.identity)
    }

    /// Deletes an item that is none, unless an item is being moved at the moment. On failure it stays for the next
    /// listing.
    fn delete_void(&self, top: &DirStack<D>, id: TrashId, form: Form) {
        let Ok(private_dir) = self.private_dir_of(top) else { return };
        let Some(_deleting) = private_dir.deleting() else { return };
        if let Ok(item) = Item::open(&private_dir.trash_folder(form == Form::Replaced), id, form)
            && self.is_void(&item)
            && !private_dir.unsettled().contains(&id)
        {
            if item.is_replaced() {
                let (bytes, disk) = (0, private_dir.disk());
                self.forget_kept(&private_dir, Keeping::Linked(Kept { id, bytes, disk }));
            } else {
                let in_use = private_dir.use_groups([id].into_iter());
                let _ = delete_items(&private_dir, &[&item], Absence::Unsynced, &in_use);
            }
        }
    }

    /// Deletes the information about groups without items, unless an item is being moved at the moment. On failure it
    /// stays for the next listing.
    fn delete_void_groups(&self, top: &DirStack<D>, groups: GroupFiles) {
        if groups.is_empty() {
            return;
        }
        let Ok(private_dir) = self.private_dir_of(top) else { return };
        let Some(_deleting) = private_dir.deleting() else { return };
        let in_use = private_dir.use_group_files(groups);
        // The absence of their items becomes durable first.
        if private_dir.trash.prepare_sync().and_then(|sync| sync()).is_ok() {
            forget_groups(&private_dir, &[], &in_use);
        }
    }

    /// The private directory and an item in it.
    pub(super) fn open_item(&self, id: TrashId) -> Result<OnDisk<D, Item<D>>, StorageError> {
        let failed = |error| storage_error(error, "looking into the trash");
        if let Ok(Some(found)) = find_item(self.volumes.opened(), id) {
            return Ok(found);
        }
        // An earlier process put it there. A disk that fails does not hide that it is on one that is absent.
        match find_item(self.private_dirs()?, id) {
            Ok(Some(found)) => Ok(found),
            _ if self.absent_item(id).is_some() => Err(disk_absent()),
            Ok(None) => Err(gone()),
            Err(error) => Err(failed(error)),
        }
    }
}

fn find_item<D: Dir>(private_dirs: Vec<Arc<PrivateDir<D>>>, id: TrashId) -> io::Result<Option<OnDisk<D, Item<D>>>> {
    // A disk that fails does not hide the items of the others.
    let mut failed = None;
    for private_dir in private_dirs {
        for replaced in [false, true] {
            match private_dir.trash_folder(replaced).item(id) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => failed = Some(error),
                Ok(item) => return Ok(Some((private_dir, item))),
            }
        }
    }
    failed.map_or(Ok(None), Err)
}

/// An item on a disk that is not connected.
fn absent<D: Dir>(id: TrashId, info: Info, disk: &NotedDisk<D>) -> Option<TrashItem> {
    Some(TrashItem { connected: false, ..info.into_item(id, false, &disk.at, 0)? })
}

/// Whether it is durable that the data of items have left the trash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    Durable,
    Unsynced,
}

/// Deletes items without data, and what is left of their groups. The next listing deletes what a crash leaves of them.
pub(super) fn delete_items<D: Dir>(
    private_dir: &PrivateDir<D>,
    items: &[&Item<D>],
    absence: Absence,
    in_use: &GroupsInUse<'_>,
) -> io::Result<()> {
    let mut synced = Vec::new();
    for item in items {
        // The absence of the data becomes durable first: a crash that brought back only their name would leave data
        // without information. Items of one folder share the sync.
        if absence == Absence::Unsynced && (item.form == Form::Folder || !synced.contains(&item.form)) {
            match item.dir.prepare_sync() {
                // Deleted by another program.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // A crash may bring them back, also after a later sync succeeds.
                sync => sync.and_then(|sync| sync()).inspect_err(|_| {
                    private_dir.unsettled().extend(items.iter().map(|item| item.id));
                })?,
            }
            synced.push(item.form);
        }
        private_dir.forget_note(item.id);
        if item.form != Form::Deleted {
            remove_if_present(&*item.dir, &item.info)?;
        }
        if item.form == Form::Folder {
            match private_dir.trash.remove_dir(&id_name(item.id)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    // The folder with the files of groups is synced if one of the items is in it.
    let is_synced = items.iter().any(|item| item.form == Form::Deleted);
    let described = if is_synced { forget_groups(private_dir, items, in_use) } else { BTreeSet::new() };
    let mut deleted = items.iter().filter(|item| item.form == Form::Deleted && !described.contains(&item.id));
    deleted.try_for_each(|item| remove_if_present(&*item.dir, &item.info))
}

/// Deletes the information about groups that have no items, now that these have left the trash. Returns the items that the
/// files of their groups are about. On failure the files stay for the next listing.
pub(super) fn forget_groups<D: Dir>(
    private_dir: &PrivateDir<D>,
    gone: &[&Item<D>],
    in_use: &GroupsInUse<'_>,
) -> BTreeSet<TrashId> {
    let unsettled = private_dir.unsettled().clone();
    let gone: BTreeSet<_> = gone.iter().filter(|item| item.form == Form::Deleted).map(|item| item.id).collect();
    let forgotten = in_use.forget_empty(&*private_dir.trash, |id| gone.contains(&id), |id| unsettled.contains(&id));
    forgotten.unwrap_or_else(|error| {
        warn!(%error, "information about deleted entries stays until the next listing of the trash");
        BTreeSet::new()
    })
}

/// The error of a volume that has no trash: the entry can only be deleted for good.
pub(super) fn no_trash() -> StorageError {
    StorageError::new(ErrorCode::CrossDevice, "the disk of the entry has no trash of this server")
}

fn disk_absent() -> StorageError {
    StorageError::new(ErrorCode::DiskAbsent, "the disk with an item of the trash is not connected")
}

pub(super) fn gone() -> StorageError {
    StorageError::new(ErrorCode::Gone, "looking for an item of the trash")
}
