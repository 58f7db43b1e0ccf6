//! Listing a folder: all names with what the system reports along with them, and the metadata of chosen names.

use std::io;

use shared::columns::Row;
use shared::limits::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};
use shared::{Entry, Link, VPath};

use super::dir_stack::DirStack;
use super::root::Tree;
use crate::storage::checks::may_have_unnamed;
use crate::storage::listing::unreadable_row;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, FileType};
use crate::storage::{FolderState, StorageError, Visit, is_state_folder_name};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::list`].
    pub(super) fn visit_entries(
        &self,
        path: &VPath,
        visit: &mut dyn FnMut(Entry) -> Visit,
    ) -> Result<(), StorageError> {
        let folder = self.folder(path)?;
        // `Row::entry` leaves out what lies too deep to be named in a request.
        let read = folder.dir().names(&mut |name| match self.row(&folder, name).and_then(|row| row.entry(path)) {
            Some(entry) => visit(entry),
            None => Visit::Continue,
        });
        read.map_err(|error| storage_error(error, "reading a folder"))
    }

    /// See [`crate::storage::Storage::count_unnamed`].
    pub(super) fn count_unnamed_in(&self, path: &VPath) -> Result<u64, StorageError> {
        if !may_have_unnamed(path) {
            return Ok(0);
        }
        let mut count = 0;
        let read = self.folder(path)?.dir().names(&mut |name| {
            count += u64::from(path.join(name).is_err() && !is_state_folder_name(name));
            Visit::Continue
        });
        read.map_err(|error| storage_error(error, "reading a folder"))?;
        Ok(count)
    }

    /// See [`crate::storage::Storage::list_names`].
    pub(super) fn visit_names(
        &self,
        path: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        let folder = self.folder(path)?;
        let state = state(&folder)?;
        let longest = longest_name(path);
        let read = folder.dir().typed_names(&mut |name, file_type| {
            if name.len() > longest || is_state_folder_name(name) {
                return Visit::Continue;
            }
            match file_type {
                Some(FileType::File | FileType::Other) => visit(name, false),
                Some(FileType::Folder) if self.facts.hidden_by_name && self.volumes.names_tell() => visit(name, true),
                // A link, a folder that may be hidden, or a system that reports no type.
                _ => self.row(&folder, name).map_or(Visit::Continue, |row| visit(name, row.is_folder())),
            }
        });
        read.map_err(|error| storage_error(error, "reading a folder"))?;
        Ok(state)
    }

    /// See [`crate::storage::Storage::stat_names`].
    pub(super) fn visit_rows<'n>(
        &self,
        path: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        let folder = self.folder(path)?;
        let state = state(&folder)?;
        for (index, name) in names.enumerate() {
            if let Some(row) = self.row(&folder, name)
                && visit(index, row) == Visit::Stop
            {
                break;
            }
        }
        Ok(state)
    }

    /// The row of a name; `None` if the entry has vanished or is hidden.
    fn row<'n>(&self, folder: &DirStack<D>, name: &'n [u8]) -> Option<Row<'n>> {
        if is_state_folder_name(name) {
            return None;
        }
        match folder.dir().metadata_of(name) {
            Ok(metadata) if metadata.file_type == FileType::Link => Some(match self.stat_link_target(folder, name) {
                Ok((end, target)) => end.row(name, Some(Link::Inside(target))),
                Err(error) => metadata.link_row(name, error.link()),
            }),
            Ok(metadata) if self.is_hidden(&metadata) => None,
            Ok(metadata) => Some(metadata.row(name, None)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(unreadable_row(name)),
        }
    }
}

/// Longest name in that folder that a request can still address, in bytes.
fn longest_name(folder: &VPath) -> usize {
    match folder.segments().count() < PATH_SEGMENTS_MAX {
        true if folder.is_root() => PATH_BYTES_MAX,
        true => PATH_BYTES_MAX.saturating_sub(folder.as_bytes().len() + 1),
        false => 0,
    }
}

fn state<D: Dir>(folder: &DirStack<D>) -> Result<Option<FolderState>, StorageError> {
    if !D::HAS_STATE {
        return Ok(None);
    }
    let metadata = folder.dir().metadata().map_err(|error| storage_error(error, "stat of a folder"))?;
    Ok(Some(FolderState { etag: metadata.etag(), modified: metadata.modified }))
}
