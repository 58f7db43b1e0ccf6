//! The trash of a directory: `trash/<id>/info.json` says what an entry was and where, `trash/<id>/data` is the entry.
//! Replaced files are items of the trash, too, in a form of their own (`trash_item`).
//! The information is durable before the entry is moved in, and deleted only after its move out is durable. So every
//! entry in the trash has its information, also for a person who looks into the folder.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, VPath};
use tracing::warn;

use super::dir_stack::DirStack;
use super::errors::rename_error;
use super::keep::Keeping;
use super::mounted::refuse_mounted;
use super::notes::{NotedDisk, disk_id};
use super::private_dir::{PrivateDir, REPLACED, TRASH};
use super::root::Tree;
use super::small_text::write_text_file;
use super::trash_info::Info;
use super::trash_item::{DATA, INFO, Item, TrashFolder, item_name};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, FileType, Metadata};
use crate::storage::trash::PageSelection;
use crate::storage::{Kept, STATE_FOLDER_NAME, StorageError, TrashItem, TrashListing, TrashQuery};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::trash`].
    pub(super) fn trash_entry(
        &self,
        path: &VPath,
        etag: Option<ETag>,
        id: TrashId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let parent = self.old_parent(path)?;
        if self.source(&parent, path, etag)?.file_type == FileType::Folder {
            refuse_mounted(&parent, path.name())?;
        }
        let private_dir = self.usable_private_dir(&parent)?.ok_or_else(no_trash)?;
        let _moving = private_dir.moving();
        let sync_source = parent.prepare_sync()?;
        let _locks = self.locks.lock(&[parent.identity()?]);
        let seen = self.source(&parent, path, etag)?;
        let entry = self.entry_from(&parent, path, &seen);
        let info = Info::new(&Entry { path: private_dir.path_on_volume(&parent, path)?, ..entry }, now);
        let item = create_item(&private_dir, id, &info)?;
        let sync_item = item.dir.prepare_sync().map_err(|error| storage_error(error, "syncing the trash"));
        let moved = sync_item.and_then(|sync| {
            let renamed = parent.dir().rename(path.name(), &item.dir, DATA, false);
            renamed.map_err(|error| rename_error(error, seen.file_type)).map(|()| sync)
        });
        match moved {
            Ok(sync_item) => {
                private_dir.note(id, &info);
                // The new name first: a crash between the two syncs may leave both names, but never none.
                sync_item().map_err(|error| storage_error(error, "syncing the trash"))?;
                sync_source().map_err(|error| storage_error(error, "syncing a folder"))
            }
            Err(error) => {
                // The next listing deletes what this call cannot.
                let _ = delete_item(&private_dir, &item);
                Err(error)
            }
        }
    }

    /// See [`crate::storage::Storage::list_trash`]. Reads the information of every item, and keeps no more items than
    /// the page has.
    pub(super) fn select_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        let mut page = PageSelection::new(query);
        let (mut seen, mut connected) = (BTreeSet::new(), Vec::new());
        for top in self.tops()? {
            let at = top.path()?;
            match self.select_from(&top, &mut page, &mut seen) {
                Ok(disk) => connected.extend(disk),
                Err(error) if at.is_root() => return Err(error),
                Err(error) => warn!(%error, disk = at.encoded(), "the trash of a disk cannot be read"),
            }
        }
        for disk in self.noted_disks().iter().filter(|disk| !connected.contains(&disk.id)) {
            disk.items().filter(|(id, _)| !seen.contains(id)).for_each(|(id, info)| page.extend(absent(id, info, disk)));
        }
        Ok(page.finish())
    }

    /// Adds the items of one volume to a page. Returns the id of its disk.
    fn select_from(
        &self,
        top: &DirStack<D>,
        page: &mut PageSelection<'_>,
        seen: &mut BTreeSet<TrashId>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let failed = |error| storage_error(error, "reading the trash");
        for folder in self.peek_trash_folders(top)? {
            for id in folder.ids().map_err(failed)? {
                let Ok(item) = folder.item(id) else { continue };
                if self.is_void(&item) {
                    self.delete_void(top, id, folder.replaced);
                } else if seen.insert(id) {
                    // Two mounts may show one disk.
                    page.add(item.describe());
                }
            }
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
            let Ok(ids) = folder.ids() else { return };
            for id in ids.into_iter().filter(|id| !noted.remove(id)) {
                if let Some(info) = folder.item(id).ok().and_then(|item| item.read_info()) {
                    notes.add(id, &info);
                }
            }
        }
        noted.into_iter().for_each(|id| notes.remove(id));
    }

    /// See [`crate::storage::Storage::stat_trash`].
    pub(super) fn trash_item(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        for top in self.tops()? {
            let folders = match self.peek_trash_folders(&top) {
                // It is not among the items of a disk whose trash cannot be read.
                Err(_) if top.depth() > 0 => continue,
                folders => folders?,
            };
            for folder in folders {
                match folder.item(id) {
                    Ok(item) if self.is_void(&item) => {}
                    Ok(item) => return Ok(item.describe()),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(storage_error(error, "looking into the trash")),
                }
            }
        }
        self.absent_item(id).ok_or_else(gone)
    }

    /// An item on a disk that is not connected, as the notes have it.
    fn absent_item(&self, id: TrashId) -> Option<TrashItem> {
        self.noted_disks().iter().find_map(|disk| absent(id, disk.item(id)?, disk))
    }

    /// True for an item that is none: its data were never moved in, or the file that they are a second name of was
    /// never replaced.
    fn is_void(&self, item: &Item<D>) -> bool {
        let Ok(data) = item.metadata() else { return false };
        data.is_none_or(|data| item.replaced && data.names > 1 && self.is_in_place(item, &data))
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
    fn delete_void(&self, top: &DirStack<D>, id: TrashId, replaced: bool) {
        let Ok(private_dir) = self.private_dir_of(top) else { return };
        let Some(_deleting) = private_dir.deleting() else { return };
        if let Ok(item) = private_dir.trash_folder(replaced).item(id)
            && self.is_void(&item)
        {
            if replaced {
                let (bytes, disk) = (0, private_dir.disk());
                self.forget_kept(&private_dir, Keeping::Linked(Kept { id, bytes, disk }));
            } else {
                let _ = delete_item(&private_dir, &item);
            }
        }
    }

    /// See [`crate::storage::Storage::restore`].
    pub(super) fn restore_item(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        let (private_dir, item) = self.open_item(id)?;
        let _moving = private_dir.moving();
        let data = item.metadata().map_err(|error| storage_error(error, "looking into the trash"))?;
        let file_type = data.ok_or_else(gone)?.file_type;
        let taken = || StorageError::new(ErrorCode::AlreadyExists, "an entry stands at the destination");
        let parent = self.new_parent(to)?.ok_or_else(taken)?;
        let sync_target = parent.prepare_sync()?;
        {
            let _locks = self.locks.lock(&[parent.identity()?]);
            if self.present(&parent, to)?.is_some() {
                return Err(taken());
            }
            let renamed = item.dir.rename(&item.data, parent.dir(), to.name(), false);
            renamed.map_err(|error| match rename_error(error, file_type) {
                error if error.code == ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
                error => error,
            })?;
        }
        sync_target().map_err(|error| storage_error(error, "syncing a folder"))?;
        delete_item(&private_dir, &item).map_err(|error| storage_error(error, "deleting from the trash"))?;
        self.entry_of(&parent, to)
    }

    /// The private directory and an item in it.
    pub(super) fn open_item(&self, id: TrashId) -> Result<(Arc<PrivateDir<D>>, Item<D>), StorageError> {
        let failed = |error| storage_error(error, "looking into the trash");
        if let Some(found) = find_item(self.volumes.opened(), id).map_err(failed)? {
            return Ok(found);
        }
        // An earlier process put it there.
        if let Some(found) = find_item(self.private_dirs()?, id).map_err(failed)? {
            return Ok(found);
        }
        Err(if self.absent_item(id).is_some() { disk_absent() } else { gone() })
    }
}

fn find_item<D: Dir>(
    private_dirs: Vec<Arc<PrivateDir<D>>>,
    id: TrashId,
) -> io::Result<Option<(Arc<PrivateDir<D>>, Item<D>)>> {
    for private_dir in private_dirs {
        for replaced in [false, true] {
            match private_dir.trash_folder(replaced).item(id) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                item => return Ok(Some((private_dir, item?))),
            }
        }
    }
    Ok(None)
}

/// An item on a disk that is not connected.
fn absent<D: Dir>(id: TrashId, info: Info, disk: &NotedDisk<D>) -> Option<TrashItem> {
    let (entry, trashed) = info.entry_below(&disk.at)?;
    Some(TrashItem { id, entry, trashed, replaced: false, disk: 0, connected: false })
}

/// Creates the folder of an item with its information, durably. Replaces an item without data.
fn create_item<D: Dir>(private_dir: &PrivateDir<D>, id: TrashId, info: &Info) -> Result<Item<D>, StorageError> {
    let failed = |error| storage_error(error, "creating an item of the trash");
    let made = match private_dir.trash.make_dir(&item_name(id), true) {
        // A job that a crash interrupted trashes its entry again, by the same id.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let item = private_dir.trash_folder(false).item(id).map_err(failed)?;
            if !item.has_no_data() {
                return Err(failed(error));
            }
            delete_item(private_dir, &item).map_err(failed)?;
            drop(item);
            private_dir.trash.make_dir(&item_name(id), true)
        }
        made => made,
    };
    made.map_err(failed)?;
    let item = private_dir.trash_folder(false).item(id).map_err(failed)?;
    let written = (|| {
        write_text_file(&*item.dir, INFO, &serde_json::to_vec(info)?)?;
        item.dir.prepare_sync()?()?;
        private_dir.trash.prepare_sync()?()
    })();
    if let Err(error) = written {
        let _ = delete_item(private_dir, &item);
        return Err(failed(error));
    }
    Ok(item)
}

/// Deletes an item without data. The next listing deletes what a crash leaves of it.
pub(super) fn delete_item<D: Dir>(private_dir: &PrivateDir<D>, item: &Item<D>) -> io::Result<()> {
    private_dir.forget_note(item.id);
    // The absence of the data becomes durable first: a crash that brought back only their name would leave data without
    // information.
    match item.dir.prepare_sync() {
        // Deleted by another program.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        sync => sync?()?,
    }
    match item.dir.remove_file(&item.info) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ if item.replaced => return Ok(()),
        _ => {}
    }
    match private_dir.trash.remove_dir(&item_name(item.id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The error of a volume that has no trash: the entry can only be deleted for good.
fn no_trash() -> StorageError {
    StorageError::new(ErrorCode::CrossDevice, "the disk of the entry has no trash of this server")
}

fn disk_absent() -> StorageError {
    StorageError::new(ErrorCode::DiskAbsent, "the disk with an item of the trash is not connected")
}

pub(super) fn gone() -> StorageError {
    StorageError::new(ErrorCode::Gone, "looking for an item of the trash")
}
