//! Listing a folder of a tree: its names with what the system says along with them, and rows by name.

use std::io;

use shared::columns::Row;
use shared::limits::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};
use shared::{Link, VPath};

use super::disk::Folder;
use super::metadata::Shape;
use super::tree::{Place, Tree, refusal};
use crate::storage::listing::unreadable_row;
use crate::storage::{FolderState, StorageError, Visit, is_state_folder_name};

impl<F: Folder> Tree<F> {
    /// See [`crate::storage::Storage::list_names`].
    pub(super) fn visit_names(
        &self,
        path: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        let place = self.folder_place(path)?;
        let state = state(&place)?;
        // What lies too deep to be named in a request is not handed out.
        let room = match path.segments().count() < PATH_SEGMENTS_MAX {
            true if path.is_root() => PATH_BYTES_MAX,
            true => PATH_BYTES_MAX.saturating_sub(path.as_bytes().len() + 1),
            false => 0,
        };
        let read = place.folder().typed_names(&mut |name, shape| {
            if name.len() > room || is_state_folder_name(name) {
                return Visit::Continue;
            }
            match shape {
                Some(Shape::File | Shape::Other) => visit(name, false),
                Some(Shape::Folder) if self.names_tell_what_is_hidden() => visit(name, true),
                // A link, a folder that may be hidden, or a system that does not say.
                _ => self.row(&place, name).map_or(Visit::Continue, |row| visit(name, row.is_folder())),
            }
        });
        read.map_err(|error| refusal(error, "reading a folder"))?;
        Ok(state)
    }

    /// See [`crate::storage::Storage::stat_names`].
    pub(super) fn visit_rows<'n>(
        &self,
        path: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        let place = self.folder_place(path)?;
        let state = state(&place)?;
        for (index, name) in names.enumerate() {
            if let Some(row) = self.row(&place, name)
                && visit(index, row) == Visit::Stop
            {
                break;
            }
        }
        Ok(state)
    }

    /// One row of a listing; none if it vanished or is hidden.
    pub(super) fn row<'n>(&self, place: &Place<F>, name: &'n [u8]) -> Option<Row<'n>> {
        if is_state_folder_name(name) {
            return None;
        }
        match place.folder().metadata_of(name) {
            Ok(metadata) if metadata.shape == Shape::Link => Some(match self.resolve(place, name) {
                Ok((end, target)) => end.row(name, Some(Link::Inside(target))),
                Err(lost) => metadata.link_row(name, lost.link()),
            }),
            Ok(metadata) if self.is_hidden(&metadata) => None,
            Ok(metadata) => Some(metadata.row(name, None)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(unreadable_row(name)),
        }
    }
}

fn state<F: Folder>(place: &Place<F>) -> Result<Option<FolderState>, StorageError> {
    if !F::TELLS_STATE {
        return Ok(None);
    }
    let metadata = place.folder().metadata().map_err(|error| refusal(error, "asking about a folder"))?;
    Ok(Some(FolderState { etag: metadata.etag(), modified: metadata.modified }))
}
