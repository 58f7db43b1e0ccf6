//! The trash of a directory: `trash/<id>/info.json` says what an entry was and where, `trash/<id>/data` is the entry.
//! Replaced files are items of the trash, too, in a form of their own (`trash_item`).
//! The information is durable before the entry is moved in, and deleted only after its move out is durable. So every
//! entry in the trash has its information, also for a person who looks into the folder.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, VPath};

use super::errors::rename_error;
use super::keep::Keeping;
use super::private_dir::PrivateDir;
use super::root::Tree;
use super::trash_info::Info;
use super::trash_item::{DATA, INFO, Item, data_name, id_in_name, info_name, write_info_file};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Metadata, unreadable_entry};
use crate::storage::trash::PageSelection;
use crate::storage::{Kept, StorageError, TrashItem, TrashListing, TrashQuery, Visit};

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
        self.source(&parent, path, etag)?;
        let private_dir = self.private_dir()?;
        let _moving = private_dir.moving();
        let sync_source = parent.prepare_sync()?;
        let _locks = self.locks.lock(&[parent.identity()?]);
        let seen = self.source(&parent, path, etag)?;
        let entry = self.entry_from(&parent, path, &seen);
        let item = create_item(&private_dir, id, &Info::new(&entry, now))?;
        let sync_item = item.dir.prepare_sync().map_err(|error| storage_error(error, "syncing the trash"));
        let moved = sync_item.and_then(|sync| {
            let renamed = parent.dir().rename(path.name(), &item.dir, DATA, false);
            renamed.map_err(|error| rename_error(error, seen.file_type)).map(|()| sync)
        });
        match moved {
            Ok(sync_item) => {
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
        let failed = |error| storage_error(error, "reading the trash");
        for (folder, replaced) in [(self.peek_trash()?, false), (self.peek_replaced()?, true)] {
            let Some(folder) = folder.map(Arc::new) else { continue };
            let mut ids = BTreeSet::new();
            let read = folder.names(&mut |name| {
                ids.extend(id_in_name(name));
                Visit::Continue
            });
            read.map_err(failed)?;
            for id in ids {
                let Ok(item) = open_in(&folder, id, replaced) else { continue };
                if self.is_void(&item) {
                    self.delete_void(id, replaced);
                } else {
                    page.add(describe(&item));
                }
            }
        }
        Ok(page.finish())
    }

    /// See [`crate::storage::Storage::stat_trash`].
    pub(super) fn trash_item(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        for (folder, replaced) in [(self.peek_trash()?, false), (self.peek_replaced()?, true)] {
            let Some(folder) = folder.map(Arc::new) else { continue };
            match open_in(&folder, id, replaced) {
                Ok(item) if self.is_void(&item) => {}
                Ok(item) => return Ok(describe(&item)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(storage_error(error, "looking into the trash")),
            }
        }
        Err(gone())
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
        let Some(path) = item.read_info().map(|info| info.into_item(item.id, true).entry.path) else { return true };
        let Ok(Some(parent)) = self.parent(&path) else { return false };
        parent.dir().metadata_of(path.name()).is_ok_and(|now| now.identity == data.identity)
    }

    /// Deletes an item that is none, unless an item is being moved at the moment. On failure it stays for the next
    /// listing.
    fn delete_void(&self, id: TrashId, replaced: bool) {
        let Ok(private_dir) = self.private_dir() else { return };
        // Without waiting, because a waiting writer would block later readers.
        let Ok(_deleting) = private_dir.trash_lock.try_write() else { return };
        if let Ok(item) = open_in(if replaced { &private_dir.replaced } else { &private_dir.trash }, id, replaced)
            && self.is_void(&item)
        {
            if replaced {
                self.forget_kept(&private_dir, Keeping::Linked(Kept { id, bytes: 0 }));
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
        let Some(private_dir) = self.existing_private_dir()? else { return Err(gone()) };
        let opened = match open_in(&private_dir.trash, id, false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => open_in(&private_dir.replaced, id, true),
            opened => opened,
        };
        match opened {
            Ok(item) => Ok((private_dir, item)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone()),
            Err(error) => Err(storage_error(error, "looking into the trash")),
        }
    }
}

/// Opens an item in the folder of the deleted or of the replaced ones.
fn open_in<D: Dir>(folder: &Arc<D>, id: TrashId, replaced: bool) -> io::Result<Item<D>> {
    if !replaced {
        return folder.open_dir(&item_name(id)).map(|dir| Item::deleted(id, Arc::new(dir)));
    }
    folder.metadata_of(&info_name(id)).or_else(|_| folder.metadata_of(&data_name(id)))?;
    Ok(Item::replaced(id, Arc::clone(folder)))
}

/// Creates the folder of an item with its information, durably. Replaces an item without data.
fn create_item<D: Dir>(private_dir: &PrivateDir<D>, id: TrashId, info: &Info) -> Result<Item<D>, StorageError> {
    let failed = |error| storage_error(error, "creating an item of the trash");
    let made = match private_dir.trash.make_dir(&item_name(id), true) {
        // A job that a crash interrupted trashes its entry again, by the same id.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let item = open_in(&private_dir.trash, id, false).map_err(failed)?;
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
    let item = open_in(&private_dir.trash, id, false).map_err(failed)?;
    let written = (|| {
        write_info_file(&*item.dir, INFO, &serde_json::to_vec(info)?)?;
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

fn describe<D: Dir>(item: &Item<D>) -> TrashItem {
    let id = item.id;
    if let Some(info) = item.read_info() {
        return info.into_item(id, item.replaced);
    }
    // The information was damaged from outside. The item is listed by its id, so that it can still be restored.
    let path = VPath::parse(&id.to_string()).unwrap_or_default();
    let data = item.metadata().ok().flatten();
    let entry = data.map_or_else(|| unreadable_entry(path.clone()), |data| data.entry(path.clone(), None));
    let trashed = if item.replaced { data } else { item.dir.metadata().ok() };
    let trashed = trashed.map_or(Timestamp::default(), |metadata| metadata.changed);
    TrashItem { id, entry, trashed, replaced: item.replaced }
}

fn item_name(id: TrashId) -> Vec<u8> {
    id.to_string().into_bytes()
}

pub(super) fn gone() -> StorageError {
    StorageError::new(ErrorCode::Gone, "looking for an item of the trash")
}
