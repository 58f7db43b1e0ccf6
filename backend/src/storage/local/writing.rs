//! Changing a directory tree: what is decided before a name changes, and in which order things are made durable. A name
//! changes by one call of the system; before it everything is looked at once more, under a lock that whoever else
//! changes names in the same folder through this server takes as well.

use std::io;
use std::sync::{Mutex, MutexGuard};

use shared::{ETag, Entry, ErrorCode, Link, UploadId, VPath};

use super::disk::{DiskFile, Folder, write_full};
use super::metadata::{Identity, Metadata, Shape};
use super::staged::{LocalStaged, file_name};
use super::tree::{End, Place, Tree, exchanged, is_absolute, not_found, refusal};
use super::vault::open_or_make;
use crate::storage::links::{Lost, Trail};
use crate::storage::rules::{
    Standing, check_link_target, check_new_name, check_replacement, check_state, refused, root_stays,
};
use crate::storage::{
    Attributes, Durability, Expected, Published, STATE_FOLDER_NAME, Staged, StorageError, is_state_folder_name,
};

/// How often a destination is looked at again while others change it.
const EXCHANGE_RETRIES: usize = 8;
const LOCKS: usize = 64;

/// A lock for each folder in which names change. Folders share locks, so that there is a bounded number of them.
pub(super) struct Locks([Mutex<()>; LOCKS]);

impl Default for Locks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Locks {
    /// Those of one or two folders, always in the same order.
    pub(super) fn hold(&self, folders: &[Identity]) -> Vec<MutexGuard<'_, ()>> {
        let mut numbers: Vec<_> =
            folders.iter().map(|folder| (folder.inode ^ folder.device) as usize % LOCKS).collect();
        numbers.sort_unstable();
        numbers.dedup();
        // What they guard is on the disk, and as whole as the disk is.
        numbers
            .into_iter()
            .map(|number| self.0[number].lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
            .collect()
    }
}

/// Where an upload is to go: a name in a folder, at the end of the link that may have led there.
struct Aim<F: Folder> {
    place: Place<F>,
    name: Box<[u8]>,
    old: Option<Metadata>,
    link: Option<Link>,
}

impl<F: Folder> Aim<F> {
    fn same(&self, other: &Self) -> Result<bool, StorageError> {
        let state = |aim: &Self| aim.old.map(|old| (old.identity, old.etag()));
        Ok(self.name == other.name && self.place.identity()? == other.place.identity()? && state(self) == state(other))
    }
}

/// An upload's copy on the file system of its destination.
struct Carried<F: Folder> {
    folder: F,
    file: F::File,
}

impl<F: Folder> Tree<F> {
    pub(super) fn publish_staged(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.publish_open(&self.open_staged(id)?, target, expected, attributes)
    }

    /// Writes and publishes in one go.
    pub(super) fn store_whole(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        let staged = self.make_staged(id)?;
        let stored = staged.write_at(bytes, 0).and_then(|()| self.publish_open(&staged, target, expected, attributes));
        if stored.is_err() {
            // What is left of it where this fails as well, the next start clears away.
            let _ = self.remove_staged(id);
        }
        stored
    }

    fn publish_open(
        &self,
        staged: &LocalStaged<F>,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        let (id, strict) = (staged.id(), attributes.durability == Durability::Strict);
        let mut carried: Option<Carried<F>> = None;
        for _ in 0..EXCHANGE_RETRIES {
            let aim = self.aim(target, expected)?;
            let file = carried.as_ref().map_or(staged.file(), |carried| &carried.file);
            let from = carried.as_ref().map_or(&staged.vault().staging, |carried| &carried.folder);
            let replaced = aim.old.as_ref().map(|_| &*aim.name);
            let dressed = aim.place.folder().dress(file, replaced, attributes);
            dressed.map_err(|error| refusal(error, "setting a new file's attributes"))?;
            match &carried {
                _ if !strict => {}
                None => staged.sync_with(F::File::sync)?,
                Some(carried) => carried.file.sync().map_err(|error| refusal(error, "syncing a new file"))?,
            }
            let sync = strict.then(|| aim.place.ready_to_sync()).transpose()?;
            let folder = aim.place.identity()?;
            let renamed = {
                let _locks = self.locks.hold(&[folder]);
                // Where nothing stood, the rename itself sees to it that nothing stands.
                if aim.old.is_some() && !aim.same(&self.aim(target, expected)?)? {
                    continue;
                }
                from.rename(&file_name(id), aim.place.folder(), &aim.name, replaced.is_some())
            };
            match renamed {
                Ok(()) => {
                    if let Some(sync) = sync {
                        self.syncs.sync(folder, sync).map_err(|error| refusal(error, "syncing a folder"))?;
                    }
                    let metadata = F::metadata_of_file(file).map_err(|error| refusal(error, "asking about a file"))?;
                    let entry = metadata.entry(target.clone(), aim.link);
                    if carried.is_some() {
                        self.forget_carried(id, aim.place.folder());
                    }
                    return Ok(Published { entry, replaced: aim.old.is_some() });
                }
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices && carried.is_none() => {
                    carried = Some(carry(staged, id, aim.place.folder())?);
                }
                // Somebody else was faster: look again whether that may be replaced.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && aim.old.is_none() => {}
                Err(error) => return Err(name_refusal(error, "giving an upload its name")),
            }
        }
        Err(exchanged())
    }

    /// What an upload to that path would replace, and where, if that is what is expected.
    fn aim(&self, target: &VPath, expected: &Expected) -> Result<Aim<F>, StorageError> {
        let Some(place) = self.new_place(target)? else {
            expected.check(Some(&self.root_entry()?))?;
            return Err(refused(ErrorCode::IsFolder, "the root is a folder"));
        };
        let name: Box<[u8]> = target.name().into();
        let Some((old, entry)) = self.standing(&place, target)? else {
            expected.check(None)?;
            return Ok(Aim { place, name, old: None, link: None });
        };
        expected.check(Some(&entry))?;
        if old.shape != Shape::Link {
            check_replacement(Standing::File, old.standing())?;
            return Ok(Aim { place, name, old: Some(old), link: None });
        }
        let (end, shown) = self.end_of_link(&place, &name)?;
        let End::Leaf(found, place) = end else {
            return Err(refused(ErrorCode::IsFolder, "a link leads to a folder"));
        };
        check_replacement(Standing::File, found.metadata.standing())?;
        Ok(Aim { place, name: found.name, old: Some(found.metadata), link: Some(Link::Inside(shown)) })
    }

    /// Clears away what the way over to another file system has left. The upload is a file by now, so that nothing is
    /// lost where this fails; what is hidden stays hidden.
    fn forget_carried(&self, id: UploadId, folder: &F) {
        let _ = self.remove_staged(id);
        let _ = folder.remove_folder(STATE_FOLDER_NAME);
    }

    pub(super) fn make_new_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.make_new(path, |_| Ok(()), |folder, name| folder.make_folder(name, false))
    }

    pub(super) fn make_new_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        let allowed = |place: &Place<F>| {
            if is_absolute(target) {
                return Err(StorageError::from(Lost::Escapes));
            }
            check_link_target(target, place.depth(), || self.walk(place.clone(), Trail::of_link(target)).map(drop))
        };
        self.make_new(path, allowed, |folder, name| folder.make_link(name, target))
    }

    fn make_new(
        &self,
        path: &VPath,
        allowed: impl FnOnce(&Place<F>) -> Result<(), StorageError>,
        make: impl FnOnce(&F, &[u8]) -> io::Result<()>,
    ) -> Result<Entry, StorageError> {
        let Some(place) = self.new_place(path)? else {
            return Err(refused(ErrorCode::AlreadyExists, "the root is there already"));
        };
        if self.standing(&place, path)?.is_some() {
            return Err(refused(ErrorCode::AlreadyExists, "something stands at the destination"));
        }
        allowed(&place)?;
        let sync = place.ready_to_sync()?;
        make(place.folder(), path.name()).map_err(|error| name_refusal(error, "making an entry"))?;
        sync().map_err(|error| refusal(error, "syncing a folder"))?;
        self.entry_of(&place, path)
    }

    pub(super) fn rename_entry(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        let source = self.old_place(from)?;
        let seen = self.source(&source, from, from_etag)?;
        let Some(target) = self.new_place(to)? else {
            expected.check(Some(&self.root_entry()?))?;
            check_replacement(seen.standing(), Standing::Folder { empty: false })?;
            return Err(root_stays());
        };
        if seen.shape == Shape::Folder && target.passes(&seen.identity)? {
            return Err(refused(ErrorCode::IntoItself, "moving a folder into itself"));
        }
        let folders = [source.identity()?, target.identity()?];
        let sync_target = target.ready_to_sync()?;
        let sync_source = if folders[0] == folders[1] { None } else { Some(source.ready_to_sync()?) };
        {
            let _locks = self.locks.hold(&folders);
            let seen = self.source(&source, from, from_etag)?;
            let standing = self.standing(&target, to)?;
            if let Some((old, _)) = &standing
                && old.identity == seen.identity
            {
                return Err(refused(ErrorCode::AlreadyExists, "both names are the same entry"));
            }
            expected.check(standing.as_ref().map(|(_, entry)| entry))?;
            if let Some((old, _)) = &standing {
                check_replacement(seen.standing(), old.standing())?;
            }
            let renamed = source.folder().rename(from.name(), target.folder(), to.name(), standing.is_some());
            renamed.map_err(|error| rename_refusal(error, seen.shape))?;
        }
        // The new name first: between the two a crash may leave both, but never none.
        sync_target().map_err(|error| refusal(error, "syncing a folder"))?;
        sync_source.map_or(Ok(()), |sync| sync()).map_err(|error| refusal(error, "syncing a folder"))?;
        self.entry_of(&target, to)
    }

    pub(super) fn remove_entry(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        let place = self.old_place(path)?;
        let sync = place.ready_to_sync()?;
        {
            let _locks = self.locks.hold(&[place.identity()?]);
            let removed = match self.source(&place, path, etag)?.shape {
                Shape::Folder => place.folder().remove_folder(path.name()),
                _ => place.folder().remove_file(path.name()),
            };
            removed.map_err(|error| refusal(error, "removing an entry"))?;
        }
        sync().map_err(|error| refusal(error, "syncing a folder"))
    }

    pub(super) fn space_in(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        let place = self.folder_place(folder)?;
        place.folder().space().map_err(|error| refusal(error, "asking for free space"))
    }

    /// The folder that is to hold something new; none for the root.
    pub(super) fn new_place(&self, path: &VPath) -> Result<Option<Place<F>>, StorageError> {
        let place = self.parent(path).map_err(|error| match error.code {
            ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
            _ => error,
        })?;
        if place.is_some() {
            check_new_name(path.name())?;
        }
        Ok(place)
    }

    /// The folder that holds something to be moved or removed.
    pub(super) fn old_place(&self, path: &VPath) -> Result<Place<F>, StorageError> {
        self.parent(path)?.ok_or_else(root_stays)
    }

    /// What is to be moved or removed, a link itself; in that state.
    pub(super) fn source(&self, place: &Place<F>, path: &VPath, etag: Option<ETag>) -> Result<Metadata, StorageError> {
        if is_state_folder_name(path.name()) {
            return Err(not_found());
        }
        let seen = place.folder().metadata_of(path.name());
        let seen = seen.map_err(|error| refusal(error, "looking a name up"))?;
        if self.is_own(place, &seen) {
            return Err(not_found());
        }
        if etag.is_some() {
            check_state(&self.entry_from(place, path, &seen), etag)?;
        }
        Ok(seen)
    }

    /// What stands where something new is to stand.
    pub(super) fn standing(&self, place: &Place<F>, path: &VPath) -> Result<Option<(Metadata, Entry)>, StorageError> {
        match place.folder().metadata_of(path.name()) {
            Ok(seen) if self.is_own(place, &seen) => {
                Err(refused(ErrorCode::NameRefused, "the name is the server's own"))
            }
            Ok(seen) => Ok(Some((seen, self.entry_from(place, path, &seen)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(name_refusal(error, "looking a name up")),
        }
    }

    pub(super) fn entry_of(&self, place: &Place<F>, path: &VPath) -> Result<Entry, StorageError> {
        let seen = place.folder().metadata_of(path.name()).map_err(|error| refusal(error, "looking a name up"))?;
        Ok(self.entry_from(place, path, &seen))
    }

    pub(super) fn entry_from(&self, place: &Place<F>, path: &VPath, seen: &Metadata) -> Entry {
        match seen.shape {
            Shape::Link => self.describe_link(place, path.clone(), seen),
            _ => seen.entry(path.clone(), None),
        }
    }

    /// True for what belongs to the server, by whatever name it was reached: some file systems have several for one
    /// folder.
    fn is_own(&self, place: &Place<F>, seen: &Metadata) -> bool {
        let is_state = || place.folder().metadata_of(STATE_FOLDER_NAME).is_ok_and(|own| own.identity == seen.identity);
        seen.shape == Shape::Folder && (self.is_hidden(seen) || is_state())
    }
}

/// Copies an upload into a hidden folder beside its destination, from where a rename does not cross file systems.
fn carry<F: Folder>(staged: &LocalStaged<F>, id: UploadId, beside: &F) -> Result<Carried<F>, StorageError> {
    let failed = |error| refusal(error, "copying an upload to another file system");
    let folder = open_or_make(beside, STATE_FOLDER_NAME)?;
    // Of an attempt that a crash ended.
    match folder.remove_file(&file_name(id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = folder.create_file(&file_name(id)).map_err(failed)?;
    let copied = copy_whole(staged, &file);
    if copied.is_err() {
        let _ = folder.remove_file(&file_name(id));
        let _ = beside.remove_folder(STATE_FOLDER_NAME);
    }
    copied.map(|()| Carried { folder, file })
}

fn copy_whole<F: Folder>(staged: &LocalStaged<F>, to: &F::File) -> Result<(), StorageError> {
    let failed = |error| refusal(error, "copying an upload to another file system");
    let mut buffer = vec![0; shared::limits::PIECE_BYTES];
    let mut offset = 0;
    loop {
        let copied = match staged.as_file() {
            Some(source) => to.copy_from(source, offset, u64::MAX - offset, offset).map_err(failed)?,
            None => None,
        };
        let count = match copied {
            Some(count) => count,
            None => {
                let count = staged.read_at(&mut buffer, offset)?;
                write_full(to, &buffer[..count], offset).map_err(failed)?;
                count as u64
            }
        };
        if count == 0 {
            return Ok(());
        }
        offset += count;
    }
}

/// What a refusal of a new name comes to.
pub(super) fn name_refusal(error: io::Error, context: &'static str) -> StorageError {
    let invalid = error.kind() == io::ErrorKind::InvalidInput;
    let refused = refusal(error, context);
    match refused.code {
        ErrorCode::BadPath => StorageError { code: ErrorCode::NameRefused, ..refused },
        ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..refused },
        _ if invalid => StorageError { code: ErrorCode::NameRefused, ..refused },
        _ => refused,
    }
}

/// The same where an old name goes: what is not there may be either of the two, and was there a moment ago.
pub(super) fn rename_refusal(error: io::Error, shape: Shape) -> StorageError {
    let kind = error.kind();
    let refused = name_refusal(error, "renaming an entry");
    let code = match (kind, shape) {
        (io::ErrorKind::NotFound, _) => ErrorCode::NotFound,
        (io::ErrorKind::InvalidInput, Shape::Folder) => ErrorCode::IntoItself,
        // A mount point.
        (io::ErrorKind::ResourceBusy, _) => ErrorCode::AccessDenied,
        _ => return refused,
    };
    StorageError { code, ..refused }
}
