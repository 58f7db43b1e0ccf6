//! The trash of a directory: listing it, and deleting what is left of items. `trash_item` says how an item is stored.
//! Its information is durable before the entry is moved in, and deleted only after the entry's move out is durable. So
//! every entry in the trash has its information, also for a person who looks into the folder.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use shared::{ErrorCode, Timestamp, TrashId, VPath};

use super::keep::Keeping;
use super::private_dir::PrivateDir;
use super::root::Tree;
use super::trash_item::{Form, Item, id_name, item_of_name, remove_if_present};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Metadata, unreadable_entry};
use crate::storage::trash::PageSelection;
use crate::storage::{Kept, StorageError, TrashItem, TrashListing, TrashQuery, Visit};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::list_trash`]. Reads the information of every item, and keeps no more items than
    /// the page has.
    pub(super) fn select_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        let mut page = PageSelection::new(query);
        let failed = |error| storage_error(error, "reading the trash");
        for (folder, replaced) in self.trash_folders()? {
            let mut ids = BTreeSet::new();
            let read = folder.names(&mut |name| {
                ids.extend(item_of_name(name, replaced));
                Visit::Continue
            });
            read.map_err(failed)?;
            for (id, form) in ids {
                let Ok(item) = Item::open(&folder, id, form) else { continue };
                if self.is_void(&item) {
                    self.delete_void(id, form);
                } else {
                    page.add(describe(&item));
                }
            }
        }
        Ok(page.finish())
    }

    /// See [`crate::storage::Storage::stat_trash`].
    pub(super) fn trash_item(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        for (folder, replaced) in self.trash_folders()? {
            match open_in(&folder, id, replaced) {
                Ok(item) if self.is_void(&item) => {}
                Ok(item) => return Ok(describe(&item)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(storage_error(error, "looking into the trash")),
            }
        }
        Err(gone())
    }

    /// The folders of the trash that exist, for looking only; true for the one of replaced files.
    fn trash_folders(&self) -> Result<Vec<(Arc<D>, bool)>, StorageError> {
        if let Some(private_dir) = self.opened_private_dir() {
            return Ok(vec![(Arc::clone(&private_dir.trash), false), (Arc::clone(&private_dir.replaced), true)]);
        }
        let folders = [(self.peek_trash()?, false), (self.peek_replaced()?, true)];
        Ok(folders.into_iter().filter_map(|(folder, replaced)| Some((Arc::new(folder?), replaced))).collect())
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
        let Some(path) = item.read_info().map(|info| info.into_item(item.id, true).entry.path) else { return true };
        let Ok(Some(parent)) = self.parent(&path) else { return false };
        parent.dir().metadata_of(path.name()).is_ok_and(|now| now.identity == data.identity)
    }

    /// Deletes an item that is none, unless an item is being moved at the moment. On failure it stays for the next
    /// listing.
    fn delete_void(&self, id: TrashId, form: Form) {
        let Ok(private_dir) = self.private_dir() else { return };
        // Without waiting, because a waiting writer would block later readers.
        let Ok(_deleting) = private_dir.trash_lock.try_write() else { return };
        let folder = if form == Form::Replaced { &private_dir.replaced } else { &private_dir.trash };
        if let Ok(item) = Item::open(folder, id, form)
            && self.is_void(&item)
            && !private_dir.unsettled().contains(&id)
        {
            if item.is_replaced() {
                self.forget_kept(&private_dir, Keeping::Linked(Kept { id, bytes: 0 }));
            } else {
                let _ = delete_items(&private_dir, &[&item]);
            }
        }
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
    if replaced { Item::open(folder, id, Form::Replaced) } else { Item::open_deleted(folder, id) }
}

/// Deletes items without data. The next listing deletes what a crash leaves of them.
pub(super) fn delete_items<D: Dir>(private_dir: &PrivateDir<D>, items: &[&Item<D>]) -> io::Result<()> {
    let mut synced = Vec::new();
    for item in items {
        // The absence of the data becomes durable first: a crash that brought back only their name would leave data
        // without information. Items of one folder share the sync.
        if item.form == Form::Folder || !synced.contains(&item.form) {
            match item.dir.prepare_sync() {
                // Deleted by another program.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                sync => sync?()?,
            }
            synced.push(item.form);
        }
        remove_if_present(&*item.dir, &item.info)?;
        if item.form == Form::Folder {
            match private_dir.trash.remove_dir(&id_name(item.id)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

fn describe<D: Dir>(item: &Item<D>) -> TrashItem {
    let id = item.id;
    if let Some(info) = item.read_info() {
        return info.into_item(id, item.is_replaced());
    }
    // The information was damaged from outside. The item is listed by its id, so that it can still be restored.
    let path = VPath::parse(&id.to_string()).unwrap_or_default();
    let data = item.metadata().ok().flatten();
    let entry = data.map_or_else(|| unreadable_entry(path.clone()), |data| data.entry(path.clone(), None));
    let trashed = if item.form == Form::Folder { item.dir.metadata().ok() } else { data };
    let trashed = trashed.map_or(Timestamp::default(), |metadata| metadata.changed);
    TrashItem { id, entry, trashed, replaced: item.is_replaced(), owner: None }
}

pub(super) fn gone() -> StorageError {
    StorageError::new(ErrorCode::Gone, "looking for an item of the trash")
}
