//! Renaming and removing entries. A name changes by one system call; before it the entries are examined once more,
//! under the locks that every other change of names in those folders through this server takes.

use std::io;

use shared::name_key::equivalence_key;
use shared::{ETag, Entry, ErrorCode, VPath};

use super::dir_stack::DirStack;
use super::errors::rename_error;
use super::mounted::refuse_mounted;
use super::private_dir::remove_copies;
use super::root::Tree;
use super::volumes::crosses_volumes;
use crate::storage::checks::{EntryKind, check_replacement, root_is_fixed};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, FileType};
use crate::storage::{Expected, STATE_FOLDER_NAME, StorageError, Visit};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::rename`].
    pub(super) fn rename_entry(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        let source = self.old_parent(from)?;
        let seen = self.source(&source, from, from_etag)?;
        let Some(target) = self.new_parent(to)? else {
            expected.check(Some(&self.root_entry()?))?;
            check_replacement(seen.entry_kind(), EntryKind::Folder { empty: false })?;
            return Err(root_is_fixed());
        };
        if seen.file_type == FileType::Folder && target.contains(&seen.identity) {
            return Err(StorageError::new(ErrorCode::IntoItself, "moving a folder into itself"));
        }
        if seen.file_type == FileType::Folder {
            refuse_mounted(&source, from.name())?;
        }
        if !self.share_volume(&source, &target)? {
            return Err(crosses_volumes());
        }
        let folders = [source.identity()?, target.identity()?];
        let sync_target = target.prepare_sync()?;
        let sync_source = if folders[0] == folders[1] { None } else { Some(source.prepare_sync()?) };
        let entry = {
            let _locks = self.locks.lock(&folders);
            let seen = self.source(&source, from, from_etag)?;
            let is_respelled = is_respelled(&source, from, &target, to)?;
            let present = if is_respelled { None } else { self.present(&target, to)? };
            if let Some((old, _)) = &present
                && old.identity == seen.identity
            {
                return Err(StorageError::new(ErrorCode::AlreadyExists, "both names are the same entry"));
            }
            expected.check(present.as_ref().map(|(_, entry)| entry))?;
            if let Some((old, _)) = &present {
                check_replacement(seen.entry_kind(), old.entry_kind())?;
            }
            let renamed = source.dir().rename(from.name(), target.dir(), to.name(), present.is_some() || is_respelled);
            renamed.map_err(|error| rename_error(error, seen.file_type))?;
            // Before the locks are released: another request may move the entry on.
            self.entry_placed(&target, to, &seen)
        };
        // The new name first: a crash between the two syncs may leave both names, but never none.
        sync_target().map_err(|error| storage_error(error, "syncing a folder"))?;
        sync_source.map_or(Ok(()), |sync| sync()).map_err(|error| storage_error(error, "syncing a folder"))?;
        Ok(entry)
    }

    /// See [`crate::storage::Storage::remove`].
    pub(super) fn remove_entry(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        let parent = self.old_parent(path)?;
        self.freeing(&parent, || self.try_remove(&parent, path, etag))
    }

    fn try_remove(&self, parent: &DirStack<D>, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        let sync = parent.prepare_sync()?;
        {
            let _locks = self.locks.lock(&[parent.identity()?]);
            let removed = match self.source(parent, path, etag)?.file_type {
                FileType::Folder => parent.dir().remove_dir(path.name()).or_else(|error| {
                    if error.kind() != io::ErrorKind::DirectoryNotEmpty {
                        return Err(error);
                    }
                    remove_leftovers(parent.dir(), path.name()).map_err(|_| error)?;
                    parent.dir().remove_dir(path.name())
                }),
                _ => parent.dir().remove_file(path.name()),
            };
            removed.map_err(|error| storage_error(error, "removing an entry"))?;
        }
        sync().map_err(|error| storage_error(error, "syncing a folder"))
    }
}

/// Empties a folder that holds copies of uploads alone, which a crash has left where the disk has no private directory.
/// They are on no listing, so that the folder could not be removed otherwise. Fails for a folder that holds more.
fn remove_leftovers<D: Dir>(parent: &D, name: &[u8]) -> io::Result<()> {
    let folder = parent.open_dir(name)?;
    let mut holds_more = false;
    folder.names(&mut |name| {
        holds_more = name != STATE_FOLDER_NAME;
        if holds_more { Visit::Stop } else { Visit::Continue }
    })?;
    if holds_more {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    remove_copies(&folder.open_dir(STATE_FOLDER_NAME)?);
    // Fails for a private directory, whose copies are in a folder of its own.
    folder.remove_dir(STATE_FOLDER_NAME)
}

/// True if `to` is a new spelling of the name `from` in one folder, and the file system takes both for one name: `a` and
/// `A`, where it folds letter case. The new spelling leads to an entry then, but the folder does not list it.
fn is_respelled<D: Dir>(
    source: &DirStack<D>,
    from: &VPath,
    target: &DirStack<D>,
    to: &VPath,
) -> Result<bool, StorageError> {
    let key = equivalence_key(to.name());
    if from.name() == to.name() || key.is_none() || key != equivalence_key(from.name()) {
        return Ok(false);
    }
    if source.identity()? != target.identity()? || target.dir().metadata_of(to.name()).is_err() {
        return Ok(false);
    }
    let mut is_listed = false;
    let read = target.dir().names(&mut |name| {
        is_listed = name == to.name();
        if is_listed { Visit::Stop } else { Visit::Continue }
    });
    read.map_err(|error| storage_error(error, "reading a folder"))?;
    Ok(!is_listed)
}
