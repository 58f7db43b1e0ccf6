//! The trash of a directory: `trash/<id>/info.json` says what an entry was and where, `trash/<id>/data` is the entry.
//! The information is durable before the entry is moved in, and deleted only after its move out is durable. So every
//! entry in the trash has its information, also for a person who looks into the folder.

use std::io;
use std::sync::{Arc, PoisonError};

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, VPath};

use super::errors::rename_error;
use super::private_dir::PrivateDir;
use super::root::Tree;
use super::trash_info::{INFO_BYTES_MAX, Info};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, DiskFile, read_full, unreadable_entry, write_full};
use crate::storage::trash::PageSelection;
use crate::storage::{StorageError, TrashItem, TrashListing, TrashQuery, Visit};

const INFO: &[u8] = b"info.json";
pub(super) const DATA: &[u8] = b"data";

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
        let _moving = private_dir.trash_lock.read().unwrap_or_else(PoisonError::into_inner);
        let sync_source = parent.prepare_sync()?;
        let _locks = self.locks.lock(&[parent.identity()?]);
        let seen = self.source(&parent, path, etag)?;
        let entry = self.entry_from(&parent, path, &seen);
        let item = create_item(&private_dir, id, &Info::new(&entry, now))?;
        let sync_item = item.prepare_sync().map_err(|error| storage_error(error, "syncing the trash"));
        let moved = sync_item.and_then(|sync| {
            let renamed = parent.dir().rename(path.name(), &item, DATA, false);
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
                let _ = delete_item(&private_dir, id, &item);
                Err(error)
            }
        }
    }

    /// See [`crate::storage::Storage::list_trash`]. Reads the information of every item, and keeps no more items than
    /// the page has.
    pub(super) fn select_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        let mut page = PageSelection::new(query);
        let Some(trash) = self.peek_trash()? else { return Ok(page.finish()) };
        let mut ids = Vec::new();
        let read = trash.names(&mut |name| {
            ids.extend(str::from_utf8(name).ok().and_then(TrashId::parse));
            Visit::Continue
        });
        read.map_err(|error| storage_error(error, "reading the trash"))?;
        for id in ids {
            let Ok(item) = trash.open_dir(&item_name(id)) else { continue };
            if has_no_data(&item) {
                self.delete_without_data(id);
            } else {
                page.add(describe(&item, id));
            }
        }
        Ok(page.finish())
    }

    /// See [`crate::storage::Storage::stat_trash`].
    pub(super) fn trash_item(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        let trash = self.peek_trash()?.ok_or_else(gone)?;
        match trash.open_dir(&item_name(id)) {
            Ok(item) if has_no_data(&item) => Err(gone()),
            Ok(item) => Ok(describe(&item, id)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone()),
            Err(error) => Err(storage_error(error, "looking into the trash")),
        }
    }

    /// Deletes an item whose data were never moved in, unless an item is being moved at the moment. On failure the item
    /// stays for the next listing.
    fn delete_without_data(&self, id: TrashId) {
        let Ok(private_dir) = self.private_dir() else { return };
        // Without waiting, because a waiting writer would block later readers.
        let Ok(_deleting) = private_dir.trash_lock.try_write() else { return };
        if let Ok(item) = private_dir.trash.open_dir(&item_name(id))
            && has_no_data(&item)
        {
            let _ = delete_item(&private_dir, id, &item);
        }
    }

    /// See [`crate::storage::Storage::restore`].
    pub(super) fn restore_item(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        let (private_dir, item) = self.open_item(id)?;
        let _moving = private_dir.trash_lock.read().unwrap_or_else(PoisonError::into_inner);
        let file_type = match item.metadata_of(DATA) {
            Ok(metadata) => metadata.file_type,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone()),
            Err(error) => return Err(storage_error(error, "looking into the trash")),
        };
        let taken = || StorageError::new(ErrorCode::AlreadyExists, "an entry stands at the destination");
        let parent = self.new_parent(to)?.ok_or_else(taken)?;
        let sync_target = parent.prepare_sync()?;
        {
            let _locks = self.locks.lock(&[parent.identity()?]);
            if self.present(&parent, to)?.is_some() {
                return Err(taken());
            }
            let renamed = item.rename(DATA, parent.dir(), to.name(), false);
            renamed.map_err(|error| match rename_error(error, file_type) {
                error if error.code == ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
                error => error,
            })?;
        }
        sync_target().map_err(|error| storage_error(error, "syncing a folder"))?;
        delete_item(&private_dir, id, &item).map_err(|error| storage_error(error, "deleting from the trash"))?;
        self.entry_of(&parent, to)
    }

    /// The private directory and the folder of an item.
    pub(super) fn open_item(&self, id: TrashId) -> Result<(Arc<PrivateDir<D>>, D), StorageError> {
        if self.peek_trash()?.is_none() {
            return Err(gone());
        }
        let private_dir = self.private_dir()?;
        match private_dir.trash.open_dir(&item_name(id)) {
            Ok(item) => Ok((private_dir, item)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone()),
            Err(error) => Err(storage_error(error, "looking into the trash")),
        }
    }
}

/// Creates the folder of an item with its information, durably. Replaces an item without data.
fn create_item<D: Dir>(private_dir: &PrivateDir<D>, id: TrashId, info: &Info) -> Result<D, StorageError> {
    let failed = |error| storage_error(error, "creating an item of the trash");
    let made = match private_dir.trash.make_dir(&item_name(id), true) {
        // A job that a crash interrupted trashes its entry again, by the same id.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let item = private_dir.trash.open_dir(&item_name(id)).map_err(failed)?;
            if !has_no_data(&item) {
                return Err(failed(error));
            }
            delete_item(private_dir, id, &item).map_err(failed)?;
            drop(item);
            private_dir.trash.make_dir(&item_name(id), true)
        }
        made => made,
    };
    made.map_err(failed)?;
    let item = private_dir.trash.open_dir(&item_name(id)).map_err(failed)?;
    let written = (|| {
        let file = item.create_file(INFO)?;
        write_full(&file, &serde_json::to_vec(info)?, 0)?;
        file.sync()?;
        item.prepare_sync()?()?;
        private_dir.trash.prepare_sync()?()
    })();
    if let Err(error) = written {
        let _ = delete_item(private_dir, id, &item);
        return Err(failed(error));
    }
    Ok(item)
}

/// Deletes an item without data. The next listing deletes what a crash leaves of it.
pub(super) fn delete_item<D: Dir>(private_dir: &PrivateDir<D>, id: TrashId, item: &D) -> io::Result<()> {
    // The absence of the data becomes durable first: a crash that brought back only their name would leave data without
    // information.
    match item.prepare_sync() {
        // Deleted by another program.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        sync => sync?()?,
    }
    match item.remove_file(INFO) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match private_dir.trash.remove_dir(&item_name(id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn has_no_data<D: Dir>(item: &D) -> bool {
    item.metadata_of(DATA).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

fn describe<D: Dir>(item: &D, id: TrashId) -> TrashItem {
    if let Some(info) = read_info(item) {
        return info.into_item(id);
    }
    // The information was damaged from outside. The item is listed by its id, so that it can still be restored.
    let path = VPath::parse(&id.to_string()).unwrap_or_default();
    let entry = match item.metadata_of(DATA) {
        Ok(metadata) => metadata.entry(path, None),
        Err(_) => unreadable_entry(path),
    };
    let trashed = item.metadata().map_or(Timestamp::default(), |metadata| metadata.modified);
    TrashItem { id, entry, trashed }
}

fn read_info<D: Dir>(item: &D) -> Option<Info> {
    let file = item.open_own_file(INFO).ok()?;
    let mut bytes = vec![0; INFO_BYTES_MAX];
    let count = read_full(&file, &mut bytes, 0).ok()?;
    serde_json::from_slice(&bytes[..count]).ok()
}

fn item_name(id: TrashId) -> Vec<u8> {
    id.to_string().into_bytes()
}

fn gone() -> StorageError {
    StorageError::new(ErrorCode::Gone, "looking for an item of the trash")
}
