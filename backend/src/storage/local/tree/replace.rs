//! Putting an entry in the place of a file or link, which goes to the trash.

use shared::{Entry, ErrorCode, UploadId, VPath};

use super::dir_stack::DirStack;
use super::errors::{new_name_error, rename_error};
use super::root::Tree;
use super::staged::staged_name;
use super::trash::{Absence, gone};
use super::trash_moves::forget_items;
use super::volumes::crosses_volumes;
use super::waiting_place::put_into;
use crate::storage::checks::{check_kept, root_is_fixed};
use crate::storage::local::error::{REPLACE_RETRIES, replaced_meanwhile, storage_error};
use crate::storage::local::platform::{Dir, Identity, Metadata};
use crate::storage::{Attributes, Durability, Expected, Keep, Kept, Replaced, Replacement, StorageError};

/// The place of the new entry.
struct Target<'t, D: Dir> {
    parent: DirStack<D>,
    path: &'t VPath,
    keep: &'t Keep,
}

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::replace`].
    pub(super) fn replace_entry(
        &self,
        new: &Replacement<'_>,
        to: &VPath,
        keep: &Keep,
    ) -> Result<Replaced, StorageError> {
        let parent = self.new_parent(to)?.ok_or_else(root_is_fixed)?;
        let target = Target { parent, path: to, keep };
        let mut tries = 0;
        loop {
            let present = self.present(&target.parent, to)?;
            let replaced = match present {
                Some(_) => self.replace_present(new, &target),
                None => self.place_new(new, to).map(|entry| Replaced { entry, kept: None }),
            };
            match replaced {
                Err(error) if tries < REPLACE_RETRIES && self.is_overtaken(&error, present.is_some(), &target)? => {
                    tries += 1;
                }
                replaced => return replaced,
            }
        }
    }

    /// True for a failure because the entry at the target has vanished or appeared since the look at it.
    fn is_overtaken(
        &self,
        error: &StorageError,
        was_present: bool,
        target: &Target<'_, D>,
    ) -> Result<bool, StorageError> {
        let code = if was_present { ErrorCode::PreconditionFailed } else { ErrorCode::AlreadyExists };
        Ok(error.code == code && self.present(&target.parent, target.path)?.is_some() != was_present)
    }

    /// Puts the new entry in the place of one that is there.
    fn replace_present(&self, new: &Replacement<'_>, target: &Target<'_, D>) -> Result<Replaced, StorageError> {
        match *new {
            Replacement::Entry(from, etag) => {
                let source = self.old_parent(from)?;
                self.source(&source, from, etag)?;
                if !self.share_volume(&source, &target.parent)? {
                    return Err(crosses_volumes());
                }
                let sync = source.prepare_sync()?;
                let folders = [source.identity()?, target.parent.identity()?];
                let look = || self.source(&source, from, etag);
                let replaced = self.replace_by(target, &folders, (source.dir(), from.name()), look)?;
                sync().map_err(|error| storage_error(error, "syncing a folder"))?;
                Ok(replaced)
            }
            Replacement::Trashed(id) => {
                let (private_dir, item) = self.open_item(id)?;
                let in_use = private_dir.use_groups([id].into_iter());
                let look = || {
                    let metadata = item.metadata().map_err(|error| storage_error(error, "looking into the trash"))?;
                    metadata.ok_or_else(gone)
                };
                let folders = [target.parent.identity()?];
                // The attempt must not give the old entry a second name in vain.
                if !self.share_volume_with_item(&private_dir, &target.parent)? {
                    return Err(crosses_volumes());
                }
                let replaced = self.replace_by(target, &folders, (&item.dir, &item.data), look).inspect_err(|_| {
                    private_dir.unsettled().insert(id);
                })?;
                forget_items(&private_dir, &[&item], Absence::Unsynced, &in_use)?;
                Ok(replaced)
            }
            Replacement::Upload(id, attributes) => self.replace_by_upload(target, id, attributes),
            Replacement::LinkCopy(from, owned) => self.replace_by_link(target, from, owned),
        }
    }

    /// Places the new entry where nothing stands.
    fn place_new(&self, new: &Replacement<'_>, to: &VPath) -> Result<Entry, StorageError> {
        match *new {
            Replacement::Entry(from, etag) => self.rename_entry(from, etag, to, &Expected::Nothing),
            Replacement::Trashed(id) => self.restore_one(id, to),
            Replacement::Upload(id, attributes) => {
                self.publish_staged(id, to, &Expected::Nothing, attributes).map(|published| published.entry)
            }
            Replacement::LinkCopy(from, owned) => self.copy_link_text(from, to, owned),
        }
    }

    /// Replaces an entry by an upload, which gets the attributes of a new file.
    fn replace_by_upload(
        &self,
        target: &Target<'_, D>,
        id: UploadId,
        attributes: &Attributes,
    ) -> Result<Replaced, StorageError> {
        let staged = self.open_staged(id, None)?;
        staged.fill()?;
        let copy = self.copy_near(&staged, &target.parent)?;
        let (from, name, file) = match &copy {
            Some(copy) => (copy.dir(), copy.name.clone(), &copy.file),
            None => (&staged.private_dir.staging, staged_name(id), &staged.file),
        };
        let applied = target.parent.dir().apply_attributes(file, None, attributes);
        applied.map_err(|error| storage_error(error, "setting a new file's attributes"))?;
        self.sync_upload(&staged, copy.as_ref(), attributes.durability == Durability::Strict)?;
        let look = || D::metadata_of_file(file).map_err(|error| storage_error(error, "stat of an upload"));
        let replaced = self.replace_by(target, &[target.parent.identity()?], (from, &name), look)?;
        if copy.is_some() {
            // The upload is a file by now, so a failure loses nothing.
            let _ = self.remove_staged(id);
        }
        Ok(replaced)
    }

    /// Replaces an entry by the copy of a link, which is made where no path leads first.
    fn replace_by_link(&self, target: &Target<'_, D>, from: &VPath, owned: bool) -> Result<Replaced, StorageError> {
        let link = self.link_at(from)?;
        let name = staged_name(UploadId(target.keep.id.0));
        let (place, ()) = put_into(
            || self.waiting_place(&target.parent),
            |dir| link.make(dir, &name, owned).map_err(|error| new_name_error(error, "creating an entry")),
        )?;
        let staging = place.dir();
        let look = || staging.metadata_of(&name).map_err(|error| storage_error(error, "stat of a new link"));
        let replaced =
            target.parent.identity().and_then(|folder| self.replace_by(target, &[folder], (staging, &name), look));
        if replaced.is_err() {
            // Recovery at the next start deletes what this call cannot.
            let _ = staging.remove_file(&name);
        }
        replaced
    }

    /// Keeps the entry at the target and renames `from` over it. The locks of the folders are held for the last look, the
    /// rename and a look at its effect alone, never while the disk is waited for.
    fn replace_by(
        &self,
        target: &Target<'_, D>,
        folders: &[Identity],
        from: (&D, &[u8]),
        look: impl Fn() -> Result<Metadata, StorageError>,
    ) -> Result<Replaced, StorageError> {
        let sync = target.parent.prepare_sync()?;
        let Some(private_dir) = self.usable_private_dir(&target.parent)? else {
            let replaced = {
                let _locks = self.locks.lock(folders);
                let (seen, _) = self.look_at_both(target, &look)?;
                let renamed = from.0.rename(from.1, target.parent.dir(), target.path.name(), true);
                renamed.map_err(|error| rename_error(error, seen.file_type))?;
                self.replaced(target, &seen, None)
            };
            sync().map_err(|error| storage_error(error, "syncing a folder"))?;
            return Ok(replaced);
        };
        let name_lock = self.name_locks.lock(target.parent.identity()?, target.path.name());
        for _ in 0..REPLACE_RETRIES {
            let _moving = private_dir.moving();
            let (_, old) = self.look_at_both(target, &look)?;
            let name = target.path.name();
            let Some(held) = self.keep_old(&private_dir, &target.parent, name, &old, target.keep)? else { continue };
            let renamed = self.sync_keeping(&private_dir, held.keeping).and_then(|()| {
                let _locks = self.locks.lock(folders);
                let (seen, now) = self.look_at_both(target, &look)?;
                if now.etag() != held.metadata.etag() {
                    return Ok(None);
                }
                let taken = self.take_place(&private_dir, held.keeping, from, (target.parent.dir(), name));
                let kept = taken.map_err(|error| rename_error(error, seen.file_type))?;
                Ok(Some(self.replaced(target, &seen, kept)))
            });
            if let Ok(Some(replaced)) = renamed {
                drop(name_lock);
                sync().map_err(|error| storage_error(error, "syncing a folder"))?;
                return Ok(replaced);
            }
            self.forget_kept(&private_dir, held.keeping);
            renamed?;
        }
        Err(replaced_meanwhile())
    }

    /// The new entry and the one in its place, which it may replace.
    fn look_at_both(
        &self,
        target: &Target<'_, D>,
        look: impl Fn() -> Result<Metadata, StorageError>,
    ) -> Result<(Metadata, Metadata), StorageError> {
        let (seen, (old, _)) = (look()?, self.present(&target.parent, target.path)?.ok_or_else(vanished)?);
        if old.identity == seen.identity {
            return Err(StorageError::new(ErrorCode::AlreadyExists, "both names are the same entry"));
        }
        check_kept(seen.entry_kind(), old.entry_kind())?;
        Ok((seen, old))
    }

    fn replaced(&self, target: &Target<'_, D>, placed: &Metadata, kept: Option<Kept>) -> Replaced {
        Replaced { entry: self.entry_placed(&target.parent, target.path, placed), kept }
    }
}

fn vanished() -> StorageError {
    StorageError::new(ErrorCode::PreconditionFailed, "the entry to replace has vanished")
}
