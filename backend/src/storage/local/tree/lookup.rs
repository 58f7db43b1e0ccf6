//! The entries that a change concerns: its source, its destination and their folders.

use std::io;

use shared::{ETag, Entry, ErrorCode, VPath};

use super::dir_stack::DirStack;
use super::errors::{new_name_error, not_found};
use super::root::Tree;
use crate::storage::checks::{check_new_path, check_state, root_is_fixed};
use crate::storage::local::error::{LOOKUP, storage_error};
use crate::storage::local::platform::{Dir, FileType, Metadata};
use crate::storage::{StorageError, is_state_folder_name};

impl<D: Dir> Tree<D> {
    /// The folder that is to hold a new entry; `None` for the root.
    pub(super) fn new_parent(&self, path: &VPath) -> Result<Option<DirStack<D>>, StorageError> {
        check_new_path(path)?;
        self.parent(path).map_err(|error| match error.code {
            ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
            _ => error,
        })
    }

    /// The folder that holds an entry to be renamed or removed.
    pub(super) fn old_parent(&self, path: &VPath) -> Result<DirStack<D>, StorageError> {
        self.parent(path)?.ok_or_else(root_is_fixed)
    }

    /// The entry to be renamed or removed, of a link the link itself. It must be in the state `etag`.
    pub(super) fn source(
        &self,
        parent: &DirStack<D>,
        path: &VPath,
        etag: Option<ETag>,
    ) -> Result<Metadata, StorageError> {
        if is_state_folder_name(path.name()) {
            return Err(not_found());
        }
        let seen = parent.dir().metadata_of(path.name());
        let seen = seen.map_err(|error| storage_error(error, LOOKUP))?;
        if self.is_hidden_in(parent.dir(), &seen) {
            return Err(not_found());
        }
        if self.facts.above_hidden.contains(&seen.identity) {
            return Err(StorageError::new(ErrorCode::NameReserved, "the server's state directory is in the folder"));
        }
        if etag.is_some() {
            check_state(&self.entry_from(parent, path, &seen), etag)?;
        }
        Ok(seen)
    }

    /// The present entry at a destination; `None` if there is none.
    pub(super) fn present(
        &self,
        parent: &DirStack<D>,
        path: &VPath,
    ) -> Result<Option<(Metadata, Entry)>, StorageError> {
        match parent.dir().metadata_of(path.name()) {
            Ok(seen) if self.is_hidden_in(parent.dir(), &seen) => {
                Err(StorageError::new(ErrorCode::NameReserved, "the name is reserved for the server"))
            }
            Ok(seen) => Ok(Some((seen, self.entry_from(parent, path, &seen)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(new_name_error(error, LOOKUP)),
        }
    }

    /// The entry that a change has put at `path`, where it was `placed`. What is done is reported as done, also if another
    /// program has taken the entry away or changed it since: then the validator is unknown.
    pub(super) fn entry_placed(&self, parent: &DirStack<D>, path: &VPath, placed: &Metadata) -> Entry {
        match parent.dir().metadata_of(path.name()) {
            Ok(now) if now.identity == placed.identity => self.entry_from(parent, path, &now),
            _ => Entry { etag: None, ..self.entry_from(parent, path, placed) },
        }
    }

    pub(super) fn entry_from(&self, parent: &DirStack<D>, path: &VPath, seen: &Metadata) -> Entry {
        match seen.file_type {
            FileType::Link => self.link_entry(parent, path.clone(), seen),
            _ => seen.entry(path.clone(), None),
        }
    }
}
