//! Turning an upload into a file: everything is decided and synced before one rename gives the file its name.

use std::io;
use std::sync::Arc;

use shared::{ErrorCode, Link, UploadId, VPath};

use super::dir_stack::DirStack;
use super::errors::new_name_error;
use super::keep::Keeping;
use super::name_locks::NameLock;
use super::private_dir::PrivateDir;
use super::root::Tree;
use super::staged::{LocalStaged, staged_name};
use super::staged_copy::StagedCopy;
use super::walk::Resolved;
use crate::storage::checks::{EntryKind, check_replacement};
use crate::storage::local::both::both;
use crate::storage::local::error::{REPLACE_RETRIES, replaced_meanwhile, storage_error};
use crate::storage::local::platform::{Dir, DiskFile, FileType, Metadata};
use crate::storage::{Attributes, Durability, Expected, Keep, Published, Staged, StorageError};

/// Where an upload is to go: a name in a folder, at the end of the link that may have led there.
struct Destination<D: Dir> {
    parent: DirStack<D>,
    name: Box<[u8]>,
    old: Option<Metadata>,
    link: Option<Link>,
}

impl<D: Dir> Destination<D> {
    /// Compares two looks at a destination.
    fn is_same(&self, other: &Self) -> Result<bool, StorageError> {
        let is_same_file = self.old.map(|old| old.etag()) == other.old.map(|old| old.etag());
        Ok(is_same_file && self.name == other.name && self.parent.identity()? == other.parent.identity()?)
    }
}

/// True if the upload may get its name at another attempt: another program has just created the name, or a copy on the
/// file system of the destination is needed.
fn is_worth_a_retry<D: Dir>(error: &io::Error, destination: &Destination<D>, copied: bool) -> bool {
    match error.kind() {
        io::ErrorKind::CrossesDevices => !copied,
        io::ErrorKind::AlreadyExists => destination.old.is_none(),
        _ => false,
    }
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::publish`].
    pub(super) fn publish_staged(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.publish_open(&self.open_staged(id, None)?, target, expected, attributes)
    }

    /// See [`crate::storage::Storage::store`]. Faster than the default because the file stays open.
    pub(super) fn store_bytes(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        let staged = self.create_staged_for(id, target)?;
        let stored = staged.write_at(bytes, 0).and_then(|()| self.publish_open(&staged, target, expected, attributes));
        if stored.is_err() {
            // Recovery at the next start deletes what this call cannot.
            let _ = self.remove_staged(id);
        }
        stored
    }

    fn publish_open(
        &self,
        staged: &LocalStaged<D>,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        staged.fill()?;
        let strict = attributes.durability == Durability::Strict;
        let first = self.destination(target, expected)?;
        // Copied before the name is locked: others wait for that lock.
        let mut copy = self.copy_near(staged, &first.parent)?;
        let mut seen = Some(first).filter(|_| copy.is_none());
        let mut name_lock = None;
        for _ in 0..REPLACE_RETRIES {
            let mut destination = self.locked_destination(seen.take(), target, expected, &mut name_lock)?;
            let private_dir = self.usable_private_dir(&destination.parent)?;
            // The folder may be on another disk by now.
            if copy.is_none() && private_dir.as_ref().is_none_or(|near| !Arc::ptr_eq(near, &staged.private_dir)) {
                copy = self.copy_near(staged, &destination.parent)?;
            }
            let moving = private_dir.as_ref().map(|private_dir| private_dir.moving());
            // Another program has changed the entry: examine it again.
            let keep = attributes.keep.as_ref();
            let Some(keeping) = self.keep_replaced(private_dir.as_deref(), &mut destination, keep)? else { continue };
            let dir = destination.parent.dir();
            let (from, new, file) = match &copy {
                Some(copy) => (copy.dir(), copy.name.clone(), &copy.file),
                None => (&staged.private_dir.staging, staged_name(staged.id), &staged.file),
            };
            let replaced = destination.old.as_ref().map(|_| &*destination.name);
            // After the old file is kept: where one log orders all changes, the sync of the upload makes durable
            // what came before the upload's last change.
            let applied = dir.apply_attributes(file, replaced, attributes);
            if replaced.is_some() && matches!(&applied, Err(error) if error.kind() == io::ErrorKind::NotFound) {
                // The old file has been taken away: examine the name again.
                private_dir.iter().for_each(|private_dir| self.forget_kept(private_dir, keeping));
                continue;
            }
            let applied = applied.map_err(|error| storage_error(error, "setting a new file's attributes"));
            let sync_upload = || self.sync_upload(staged, copy.as_ref(), strict);
            let synced = applied.and_then(|()| match &private_dir {
                // Both are durable before the rename, in any order.
                Some(private_dir) if strict && !private_dir.orders_names && keeping != Keeping::Not => {
                    both(sync_upload, || self.sync_keeping(private_dir, keeping))
                }
                _ => sync_upload(),
            });
            let renamed = synced.and_then(|()| {
                let sync = strict.then(|| destination.parent.prepare_sync()).transpose()?;
                let _locks = self.locks.lock(&[destination.parent.identity()?]);
                if !self.is_unchanged(&destination, target, expected, keeping)? {
                    return Ok(None);
                }
                let name = &*destination.name;
                let renamed = match &private_dir {
                    Some(private_dir) if keeping != Keeping::Not => {
                        self.take_place(private_dir, keeping, (from, &new), (dir, name))
                    }
                    _ => from.rename(&new, dir, name, replaced.is_some()).map(|()| None),
                };
                Ok(Some((renamed, sync)))
            });
            let renamed = renamed.and_then(|renamed| match renamed {
                // Another program has changed or created the entry: examine it again.
                None => Ok(None),
                Some((Err(error), _)) if is_worth_a_retry(&error, &destination, copy.is_some()) => {
                    if error.kind() == io::ErrorKind::CrossesDevices {
                        name_lock = None;
                        copy = Some(StagedCopy::create(staged, || Self::place_beside(&destination.parent))?);
                    }
                    Ok(None)
                }
                Some((Err(error), _)) => Err(new_name_error(error, "giving an upload its name")),
                Some((Ok(kept), sync)) => Ok(Some((kept, sync))),
            });
            let (kept, sync) = match renamed {
                Ok(Some(renamed)) => renamed,
                failed => {
                    if let Some(private_dir) = &private_dir {
                        self.forget_kept(private_dir, keeping);
                    }
                    failed?;
                    continue;
                }
            };
            drop(moving);
            drop(name_lock);
            if let Some(sync) = sync {
                let folder = destination.parent.identity().map_err(StorageError::of_unsynced_name)?;
                let synced = self.group_fsync.sync(folder, sync);
                synced.map_err(|error| storage_error(error, "syncing a folder").of_unsynced_name())?;
            }
            if copy.is_some() {
                // The upload is a file by now, so a failure loses nothing.
                let _ = self.remove_staged(staged.id);
            }
            let file = copy.as_ref().map_or(&staged.file, |copy| &copy.file);
            let metadata = D::metadata_of_file(file).map_err(|error| storage_error(error, "stat of a file"))?;
            let entry = metadata.entry(target.clone(), destination.link);
            return Ok(Published { entry, replaced: destination.old.is_some(), kept });
        }
        Err(replaced_meanwhile())
    }

    /// The copy of an upload for a name in `folder`, if that is on another disk.
    pub(super) fn copy_near(
        &self,
        staged: &LocalStaged<D>,
        folder: &DirStack<D>,
    ) -> Result<Option<StagedCopy<D>>, StorageError> {
        match self.usable_private_dir(folder)? {
            Some(near) if Arc::ptr_eq(&near, &staged.private_dir) => Ok(None),
            _ => StagedCopy::create(staged, || self.waiting_place(folder)).map(Some),
        }
    }

    /// See [`crate::storage::Storage::sync_name`].
    pub(super) fn sync_name_of(&self, path: &VPath) -> Result<(), StorageError> {
        let folder = self.destination(path, &Expected::Anything)?.parent;
        let synced = self.group_fsync.sync(folder.identity()?, folder.prepare_sync()?);
        synced.map_err(|error| storage_error(error, "syncing a folder"))
    }

    /// Keeps the old file at a destination, and notes its metadata since; `None` if it has changed.
    fn keep_replaced(
        &self,
        private_dir: Option<&PrivateDir<D>>,
        destination: &mut Destination<D>,
        keep: Option<&Keep>,
    ) -> Result<Option<Keeping>, StorageError> {
        let (Some(private_dir), Some(old), Some(keep)) = (private_dir, &destination.old, keep) else {
            return Ok(Some(Keeping::Not));
        };
        let held = self.keep_old(private_dir, &destination.parent, &destination.name, old, keep)?;
        Ok(held.map(|held| {
            destination.old = Some(held.metadata);
            held.keeping
        }))
    }

    /// Makes an upload durable, or its copy.
    pub(super) fn sync_upload(
        &self,
        staged: &LocalStaged<D>,
        copy: Option<&StagedCopy<D>>,
        strict: bool,
    ) -> Result<(), StorageError> {
        match copy {
            _ if !strict => Ok(()),
            None => staged.sync_with(D::File::sync),
            Some(copy) => copy.file.sync().map_err(|error| storage_error(error, "syncing a new file")),
        }
    }

    /// Whether the destination is still as it was decided on. Without an old file the rename itself fails if the name
    /// is taken by now. A second name has changed the validator of the old file, which was compared before.
    fn is_unchanged(
        &self,
        destination: &Destination<D>,
        target: &VPath,
        expected: &Expected,
        keeping: Keeping,
    ) -> Result<bool, StorageError> {
        if destination.old.is_none() {
            return Ok(true);
        }
        let expected = if matches!(keeping, Keeping::Linked(_)) { &Expected::Anything } else { expected };
        destination.is_same(&self.destination(target, expected)?)
    }

    /// See [`Tree::destination`], of which `seen` is a fresh answer. `lock` keeps other uploads from its name until this
    /// one has it.
    fn locked_destination<'t>(
        &'t self,
        seen: Option<Destination<D>>,
        target: &VPath,
        expected: &Expected,
        lock: &mut Option<NameLock<'t>>,
    ) -> Result<Destination<D>, StorageError> {
        let destination = seen.map_or_else(|| self.destination(target, expected), Ok)?;
        let folder = destination.parent.identity()?;
        if lock.as_ref().is_some_and(|lock| lock.is_of(folder, &destination.name)) {
            return Ok(destination);
        }
        // Released first: a caller with one lock may wait for no second one.
        *lock = None;
        if lock.insert(self.name_locks.lock(folder, &destination.name)).waited {
            return self.destination(target, expected);
        }
        Ok(destination)
    }

    /// The folder and name for an upload to that path, and the file that it would replace, if `expected` allows it.
    fn destination(&self, target: &VPath, expected: &Expected) -> Result<Destination<D>, StorageError> {
        let Some(parent) = self.new_parent(target)? else {
            expected.check(Some(&self.root_entry()?))?;
            return Err(StorageError::new(ErrorCode::IsFolder, "the root is a folder"));
        };
        let name: Box<[u8]> = target.name().into();
        let Some((old, entry)) = self.present(&parent, target)? else {
            expected.check(None)?;
            return Ok(Destination { parent, name, old: None, link: None });
        };
        expected.check(Some(&entry))?;
        if old.file_type != FileType::Link {
            check_replacement(EntryKind::File, old.entry_kind())?;
            return Ok(Destination { parent, name, old: Some(old), link: None });
        }
        let (resolved, link_target) = self.follow_link(&parent, &name)?;
        let Resolved::Leaf(found, parent) = resolved else {
            return Err(StorageError::new(ErrorCode::IsFolder, "a link leads to a folder"));
        };
        check_replacement(EntryKind::File, found.metadata.entry_kind())?;
        let link = Some(Link::Inside(link_target));
        Ok(Destination { parent, name: found.name, old: Some(found.metadata), link })
    }
}
