//! Removing an item of the trash with all that is in it: entry by entry, the innermost first, through handles that no
//! link leads away from. However deep a tree is, a bounded number of folders is open and nothing recurses.

use std::io;
use std::sync::Arc;

use shared::{ErrorCode, TrashId};

use super::disk::Folder;
use super::metadata::Shape;
use super::trash::{DATA, discard};
use super::tree::{Tree, refusal};
use crate::storage::rules::refused;
use crate::storage::{StorageError, Visit};

/// How many folders are open at a time; above that they are found again by their names.
const OPEN_FOLDERS_MAX: usize = 32;
/// How many names of a folder are read at a time.
const NAMES_MAX: usize = 256;

/// A folder on the way down.
struct Level<F> {
    name: Box<[u8]>,
    /// None where it had to be closed for a deeper one.
    folder: Option<Arc<F>>,
    /// Names that were read and not yet dealt with.
    names: Vec<Box<[u8]>>,
}

impl<F: Folder> Tree<F> {
    pub(super) fn purge_item(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        let (vault, item) = self.open_item(id)?;
        let item = Arc::new(item);
        if self.purge_below(&item, visit)? == Visit::Continue {
            discard(&vault, id, &item).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes `data`. Stops where `visit` says so before all of it is gone.
    fn purge_below(&self, item: &Arc<F>, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError> {
        let mut way: Vec<Level<F>> = Vec::new();
        let mut next: Option<Box<[u8]>> = Some(DATA.into());
        loop {
            let folder = current(item, &mut way)?;
            match next.take() {
                // Everything in the folder is gone: now the folder itself.
                None => {
                    let Some(level) = way.pop() else { return Ok(Visit::Continue) };
                    let above = current(item, &mut way)?;
                    match above.remove_folder(&level.name) {
                        // Somebody put something in meanwhile: once more.
                        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => next = Some(level.name),
                        removed => {
                            removed.map_err(failed)?;
                            if visit() == Visit::Stop && !way.is_empty() {
                                return Ok(Visit::Stop);
                            }
                            next = next_name(&*above, &mut way)?;
                        }
                    }
                }
                Some(name) => match folder.metadata_of(&name) {
                    Ok(metadata) if metadata.shape == Shape::Folder => {
                        if self.is_hidden(&metadata) {
                            return Err(refused(ErrorCode::AccessDenied, "the server's own folder is in the trash"));
                        }
                        let inner = Arc::new(folder.open_folder(&name).map_err(failed)?);
                        way.push(Level { name, folder: Some(Arc::clone(&inner)), names: Vec::new() });
                        if let Some(far) = way.len().checked_sub(OPEN_FOLDERS_MAX + 1) {
                            way[far].folder = None;
                        }
                        next = next_name(&*inner, &mut way)?;
                    }
                    Ok(_) => {
                        folder.remove_file(&name).map_err(failed)?;
                        if visit() == Visit::Stop && !way.is_empty() {
                            return Ok(Visit::Stop);
                        }
                        next = next_name(&*folder, &mut way)?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => next = next_name(&*folder, &mut way)?,
                    Err(error) => return Err(failed(error)),
                },
            }
        }
    }
}

/// The innermost folder on the way, opened again from the top if it was closed.
fn current<F: Folder>(item: &Arc<F>, way: &mut [Level<F>]) -> Result<Arc<F>, StorageError> {
    let Some(innermost) = way.last() else { return Ok(Arc::clone(item)) };
    if let Some(folder) = &innermost.folder {
        return Ok(Arc::clone(folder));
    }
    let kept_from = way.len().saturating_sub(OPEN_FOLDERS_MAX);
    let mut folder = Arc::clone(item);
    for (depth, level) in way.iter_mut().enumerate() {
        folder = Arc::new(folder.open_folder(&level.name).map_err(failed)?);
        level.folder = (depth >= kept_from).then(|| Arc::clone(&folder));
    }
    Ok(folder)
}

/// The next name of the innermost folder; none if it has no more, and for the item itself, whose one name was dealt
/// with.
fn next_name<F: Folder>(folder: &F, way: &mut [Level<F>]) -> Result<Option<Box<[u8]>>, StorageError> {
    let Some(level) = way.last_mut() else { return Ok(None) };
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

fn failed(error: io::Error) -> StorageError {
    refusal(error, "removing from the trash")
}
