//! Deleting an item of the trash with everything in it: entry by entry, the innermost first, through handles, so that
//! no link leads elsewhere. A tree of any depth needs a bounded number of open folders and no recursion.

use std::io;
use std::sync::Arc;

use shared::{ErrorCode, TrashId, VPath};

use super::mounted::{mount_in, mounted};
use super::root::Tree;
use super::trash::delete_items;
use super::trash_item::Item;
use super::volumes::volume_of;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, FileType};
use crate::storage::{StorageError, Visit};

/// Most folders that are open at a time; the outer ones are reopened by their names.
const OPEN_FOLDERS_MAX: usize = 32;
/// Most names of a folder that are read at a time.
const NAMES_MAX: usize = 256;

/// A folder on the path to the innermost one.
struct Level<D> {
    name: Box<[u8]>,
    /// `None` if it was closed in favour of a deeper one.
    folder: Option<Arc<D>>,
    /// Names that were read and whose entries are not deleted yet.
    names: Vec<Box<[u8]>>,
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::purge`].
    pub(super) fn purge_item(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        let (private_dir, item) = self.open_item(id)?;
        if item.is_folder()
            && let Some(point) = mount_in(&*item.dir, &item.data)?
        {
            return Err(mounted_in(&item, &point));
        }
        // Before the first look at the data: a restore has taken them by now, or finds the item among these.
        let _purging = private_dir.begin_purge(id);
        if self.purge_below(&item.dir, item.data.clone(), visit)? == Visit::Continue {
            delete_items(&private_dir, &[&item]).map_err(failed)?;
        }
        Ok(())
    }

    /// Deletes the entry `data`, until it is gone or `visit` returns [`Visit::Stop`].
    fn purge_below(
        &self,
        item: &Arc<D>,
        data: Vec<u8>,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<Visit, StorageError> {
        let mut path: Vec<Level<D>> = Vec::new();
        let mut next: Option<Box<[u8]>> = Some(data.into());
        loop {
            let folder = current(item, &mut path)?;
            match next.take() {
                // The folder is empty: delete it.
                None => {
                    let Some(level) = path.pop() else { return Ok(Visit::Continue) };
                    let above = current(item, &mut path)?;
                    match above.remove_dir(&level.name) {
                        // Another program has added an entry meanwhile: empty it again.
                        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => next = Some(level.name),
                        removed => {
                            removed.map_err(failed)?;
                            if visit() == Visit::Stop && !path.is_empty() {
                                return Ok(Visit::Stop);
                            }
                            next = next_name(&*above, &mut path)?;
                        }
                    }
                }
                Some(name) => match folder.metadata_of(&name) {
                    Ok(metadata) if metadata.file_type == FileType::Folder => {
                        if self.is_hidden(&metadata) {
                            return Err(StorageError::new(
                                ErrorCode::AccessDenied,
                                "the server's own folder is in the trash",
                            ));
                        }
                        let inner = Arc::new(folder.open_dir(&name).map_err(failed)?);
                        if !volume_of(&*inner)?.shares_mount_with(volume_of(&**item)?) {
                            return Err(mounted());
                        }
                        path.push(Level { name, folder: Some(Arc::clone(&inner)), names: Vec::new() });
                        if let Some(outer) = path.len().checked_sub(OPEN_FOLDERS_MAX + 1) {
                            path[outer].folder = None;
                        }
                        next = next_name(&*inner, &mut path)?;
                    }
                    Ok(_) => {
                        folder.remove_file(&name).map_err(failed)?;
                        if visit() == Visit::Stop && !path.is_empty() {
                            return Ok(Visit::Stop);
                        }
                        next = next_name(&*folder, &mut path)?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => next = next_name(&*folder, &mut path)?,
                    Err(error) => return Err(failed(error)),
                },
            }
        }
    }
}

/// The innermost folder of the path, reopened from the item down if it was closed.
fn current<D: Dir>(item: &Arc<D>, path: &mut [Level<D>]) -> Result<Arc<D>, StorageError> {
    let Some(innermost) = path.last() else { return Ok(Arc::clone(item)) };
    if let Some(folder) = &innermost.folder {
        return Ok(Arc::clone(folder));
    }
    let kept_from = path.len().saturating_sub(OPEN_FOLDERS_MAX);
    let mut folder = Arc::clone(item);
    for (depth, level) in path.iter_mut().enumerate() {
        folder = Arc::new(folder.open_dir(&level.name).map_err(failed)?);
        level.folder = (depth >= kept_from).then(|| Arc::clone(&folder));
    }
    Ok(folder)
}

/// The next name in the innermost folder. `None` at its end, and for the item itself, which has no name but `data`.
fn next_name<D: Dir>(folder: &D, path: &mut [Level<D>]) -> Result<Option<Box<[u8]>>, StorageError> {
    let Some(level) = path.last_mut() else { return Ok(None) };
    if level.names.is_empty() {
        let names = &mut level.names;
        let read = folder.names(&mut |name| {
            names.push(name.into());
            if names.len() < NAMES_MAX { Visit::Continue } else { Visit::Stop }
        });
        read.map_err(failed)?;
    }
    Ok(level.names.pop())
}

/// The error of an item that holds a mount point, which it names by its original path.
fn mounted_in<D: Dir>(item: &Item<D>, point: &[u8]) -> StorageError {
    let inner = point.strip_prefix(item.data.as_slice()).and_then(|inner| inner.strip_prefix(b"/")).unwrap_or_default();
    let inner = VPath::from_bytes(inner).ok();
    let path = item.original_path().zip(inner).and_then(|(path, inner)| path.join_path(&inner).ok());
    match path {
        Some(path) => mounted().about(path),
        None => mounted(),
    }
}

fn failed(error: io::Error) -> StorageError {
    storage_error(error, "deleting from the trash")
}
