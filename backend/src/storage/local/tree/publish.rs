//! Turning an upload into a file: everything is decided and synced before one rename gives the file its name.

use std::io;

use shared::{ErrorCode, Link, UploadId, VPath};

use super::dir_stack::DirStack;
use super::errors::new_name_error;
use super::root::Tree;
use super::staged::{LocalStaged, staged_name};
use super::staged_copy::StagedCopy;
use super::walk::Resolved;
use crate::storage::checks::{EntryKind, check_replacement};
use crate::storage::local::error::{replaced_meanwhile, storage_error};
use crate::storage::local::platform::{Dir, DiskFile, FileType, Metadata};
use crate::storage::{Attributes, Durability, Expected, Published, STATE_FOLDER_NAME, Staged, StorageError};

/// How often the destination is examined again while other programs change it.
const REPLACE_RETRIES: usize = 8;

/// Where an upload is to go: a name in a folder, at the end of the link that may have led there.
struct Destination<D: Dir> {
    parent: DirStack<D>,
    name: Box<[u8]>,
    old: Option<Metadata>,
    link: Option<Link>,
}

impl<D: Dir> Destination<D> {
    fn is_same(&self, other: &Self) -> Result<bool, StorageError> {
        let state = |destination: &Self| destination.old.map(|old| (old.identity, old.etag()));
        Ok(self.name == other.name
            && self.parent.identity()? == other.parent.identity()?
            && state(self) == state(other))
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
        self.publish_open(&self.open_staged(id)?, target, expected, attributes)
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
        let staged = self.create_staged(id)?;
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
        let mut copy: Option<StagedCopy<D>> = None;
        for _ in 0..REPLACE_RETRIES {
            let destination = self.destination(target, expected)?;
            let dir = destination.parent.dir();
            let file = copy.as_ref().map_or(&staged.file, |copy| &copy.file);
            let from = copy.as_ref().map_or(&staged.private_dir.staging, |copy| &copy.dir);
            let replaced = destination.old.as_ref().map(|_| &*destination.name);
            dir.apply_attributes(file, replaced, attributes)
                .map_err(|error| storage_error(error, "setting a new file's attributes"))?;
            match &copy {
                _ if !strict => {}
                None => staged.sync_with(D::File::sync)?,
                Some(copy) => copy.file.sync().map_err(|error| storage_error(error, "syncing a new file"))?,
            }
            let sync = strict.then(|| destination.parent.prepare_sync()).transpose()?;
            let identity = destination.parent.identity()?;
            let renamed = {
                let _locks = self.locks.lock(&[identity]);
                // Without an old file the rename itself fails if the name is taken by now.
                if destination.old.is_some() && !destination.is_same(&self.destination(target, expected)?)? {
                    continue;
                }
                from.rename(&staged_name(staged.id), dir, &destination.name, replaced.is_some())
            };
            match renamed {
                Ok(()) => {
                    if let Some(sync) = sync {
                        let synced = self.group_fsync.sync(identity, sync);
                        synced.map_err(|error| storage_error(error, "syncing a folder"))?;
                    }
                    let metadata = D::metadata_of_file(file).map_err(|error| storage_error(error, "stat of a file"))?;
                    if copy.is_some() {
                        self.remove_after_copy(staged.id, dir);
                    }
                    let entry = metadata.entry(target.clone(), destination.link);
                    return Ok(Published { entry, replaced: destination.old.is_some() });
                }
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices && copy.is_none() => {
                    copy = Some(StagedCopy::create(staged, staged.id, dir)?);
                }
                // Another program has just created the name: examine whether it may be replaced.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && destination.old.is_none() => {}
                Err(error) => return Err(new_name_error(error, "giving an upload its name")),
            }
        }
        Err(replaced_meanwhile())
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

    /// Deletes the original of a published copy and the hidden folder beside the destination. The upload is a file by
    /// now, so a failure loses nothing; whatever stays is hidden.
    fn remove_after_copy(&self, id: UploadId, destination: &D) {
        let _ = self.remove_staged(id);
        let _ = destination.remove_dir(STATE_FOLDER_NAME);
    }
}
