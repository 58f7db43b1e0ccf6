//! Creating folders and links, and free space.

use std::io;

use shared::{Entry, ErrorCode, Timestamp, VPath};

use super::dir_stack::DirStack;
use super::errors::{new_name_error, not_found, read_link_error};
use super::root::{Tree, is_absolute};
use crate::storage::checks::check_link_target;
use crate::storage::local::error::{LOOKUP, storage_error};
use crate::storage::local::platform::Dir;
use crate::storage::symlinks::{PathWalk, ResolveError};
use crate::storage::{StorageError, is_state_folder_name};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::make_folder`].
    pub(super) fn create_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.create(path, |_| Ok(()), |dir, name| dir.make_dir(name, false))
    }

    /// See [`crate::storage::Storage::make_private_folder`].
    pub(super) fn create_private_folder(&self, path: &VPath) -> Result<(), StorageError> {
        self.create(path, |_| Ok(()), |dir, name| dir.make_dir(name, true)).map(drop)
    }

    /// See [`crate::storage::Storage::copy_folder_attributes`].
    pub(super) fn copy_attributes_of_folder(
        &self,
        from: &VPath,
        to: &VPath,
        modified: Timestamp,
        owned: bool,
    ) -> Result<(), StorageError> {
        let (source, target) = (self.folder(from)?, self.folder(to)?);
        let copied = target.dir().copy_attributes(source.dir(), modified, owned);
        copied.map_err(|error| storage_error(error, "setting a folder's attributes"))?;
        target.prepare_sync()?().map_err(|error| storage_error(error, "syncing a folder"))
    }

    /// See [`crate::storage::Storage::make_link`].
    pub(super) fn create_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        let check = |parent: &DirStack<D>| self.check_link(parent, target);
        self.create(path, check, |dir, name| dir.make_link(name, target))
    }

    /// Allows the target of a new link in that folder.
    fn check_link(&self, parent: &DirStack<D>, target: &[u8]) -> Result<(), StorageError> {
        if is_absolute(target) {
            return Err(StorageError::from(ResolveError::Escapes));
        }
        let resolve = || self.walk(parent.clone(), PathWalk::of_link(target)).map(drop);
        check_link_target(target, parent.depth(), resolve)
    }

    /// See [`crate::storage::Storage::copy_link`].
    pub(super) fn copy_link_text(&self, from: &VPath, to: &VPath, owned: bool) -> Result<Entry, StorageError> {
        let link = self.link_at(from)?;
        self.create(to, |_| Ok(()), |dir, name| link.make(dir, name, owned))
    }

    /// The link at a path.
    pub(super) fn link_at<'p>(&self, path: &'p VPath) -> Result<OriginalLink<'p, D>, StorageError> {
        let parent = self.parent(path)?.ok_or_else(not_found)?;
        if is_state_folder_name(path.name()) {
            return Err(not_found());
        }
        let text = parent.dir().link_target(path.name()).map_err(read_link_error)?;
        Ok(OriginalLink { parent, name: path.name(), text })
    }

    fn create(
        &self,
        path: &VPath,
        check: impl FnOnce(&DirStack<D>) -> Result<(), StorageError>,
        create: impl FnOnce(&D, &[u8]) -> io::Result<()>,
    ) -> Result<Entry, StorageError> {
        let Some(parent) = self.new_parent(path)? else {
            return Err(StorageError::new(ErrorCode::AlreadyExists, "the root exists"));
        };
        if self.present(&parent, path)?.is_some() {
            return Err(StorageError::new(ErrorCode::AlreadyExists, "an entry stands at the destination"));
        }
        check(&parent)?;
        let sync = parent.prepare_sync()?;
        let entry = {
            // Until the new entry is looked at: another request may move it on.
            let _locks = self.locks.lock(&[parent.identity()?]);
            create(parent.dir(), path.name()).map_err(|error| new_name_error(error, "creating an entry"))?;
            let made = parent.dir().metadata_of(path.name()).map_err(|error| storage_error(error, LOOKUP))?;
            self.entry_from(&parent, path, &made)
        };
        sync().map_err(|error| storage_error(error, "syncing a folder"))?;
        Ok(entry)
    }

    /// See [`crate::storage::Storage::space`].
    pub(super) fn free_space(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        let folder = self.folder(folder)?;
        folder.dir().space().map_err(|error| storage_error(error, "asking for free space"))
    }
}

/// A link that is to be made again.
pub(super) struct OriginalLink<'p, D> {
    parent: DirStack<D>,
    name: &'p [u8],
    pub(super) text: Vec<u8>,
}

impl<D: Dir> OriginalLink<'_, D> {
    /// Makes the link again under that name; with its owner if `owned`.
    pub(super) fn make(&self, dir: &D, name: &[u8], owned: bool) -> io::Result<()> {
        dir.make_link(name, &self.text)?;
        self.parent.dir().copy_link_attributes(self.name, dir, name, owned);
        Ok(())
    }
}
