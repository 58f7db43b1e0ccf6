//! The server's private directory on a volume of the served tree: uploads and the trash. It is entered by handles alone
//! and belongs to one server at a time. Its name is reserved, so no path of a request leads to it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use shared::{ErrorCode, TrashId, UploadId, VPath};

use super::copy_name::is_copy_name;
use super::dir_stack::DirStack;
use super::notes::Notes;
use super::own_dir::{open_or_create, own_dir_error};
use super::trash_groups::{GroupFiles, GroupsInUse, UsedGroups};
use super::trash_info::Info;
use super::trash_item::TrashFolder;
use crate::reserve::Reserve;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Identity};
use crate::storage::{STATE_FOLDER_NAME, StorageError, Visit};

/// The uploads of a server whose root is here.
pub(super) const STAGING: &[u8] = b"staging";
/// The uploads of a server whose root is above, whose records say which of them it continues.
pub(super) const STAGING_OF_TREE: &[u8] = b"staging-of-tree";
pub(super) const TRASH: &[u8] = b"trash";
pub(super) const REPLACED: &[u8] = b"replaced";
const LOCK: &[u8] = b"vault.lock";
/// The file that takes the reserve of space.
const RESERVE: &[u8] = b"reserve";

/// A staged file or an item of the trash, and the private directory of its disk.
pub(super) type OnDisk<D, T> = (Arc<PrivateDir<D>>, T);

/// The open private directory, locked until it is dropped.
pub(super) struct PrivateDir<D: Dir> {
    pub(super) dir: D,
    pub(super) staging: D,
    /// Deleted entries: all in one folder, so that those that go together share its syncs.
    pub(super) trash: Arc<D>,
    /// Replaced files, which are items of the trash, too: all in one folder, so that one sync makes them durable.
    pub(super) replaced: Arc<D>,
    /// Whether the sync of an upload makes durable each change of names before the upload's last change, too.
    pub(super) orders_names: bool,
    /// The notes about its items that stay while its disk is not connected. `None` on the disk of the root.
    pub(super) notes: Option<Notes<D>>,
    /// The outermost folder of its volume. The paths in the trash are relative to it, so that they hold wherever the disk
    /// is mounted.
    pub(super) at: VPath,
    identity: Identity,
    /// Of the directory itself, and of its parts.
    identities: Vec<Identity>,
    shared: Arc<Shared<D>>,
}

/// The state of a private directory that is the same through all mounts of its file system.
struct Shared<D: Dir> {
    /// Read-locked while an item is moved into or out of the trash; write-locked while items without data are deleted,
    /// so that none is deleted that is just being created.
    trash_lock: RwLock<()>,
    /// Uploads of which a sync has failed. Later syncs that succeed prove nothing: Linux marks pages clean that it
    /// could not write.
    unsynced: Mutex<BTreeSet<UploadId>>,
    /// Items whose entry has left the trash, while a sync after that has failed, of either folder. A crash may bring the
    /// entry back, so its information stays until the next start.
    unsettled: Mutex<BTreeSet<TrashId>>,
    /// Items whose contents are being deleted, each as often as calls delete it. Such an item is not restored: the
    /// deletion would go on in the restored folder, whose handle it holds.
    purging: Mutex<Vec<TrashId>>,
    used_groups: UsedGroups,
    /// Held by the call that moves items from its first rename to its last sync, where no log orders names.
    move_turn: Mutex<()>,
    reserve: Reserve,
    _lock: D::Lock,
}

impl<D: Dir> PrivateDir<D> {
    /// Opens the private directory of the volume with this outermost folder, and creates it if it is missing. It shares
    /// its lock with those in `open` that are the same directory, seen through other mounts.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another server holds it, [`ErrorCode::AccessDenied`] if a file or link stands in its
    /// place.
    pub(super) fn open<'a>(
        top: &D,
        at: VPath,
        mut open: impl Iterator<Item = &'a Arc<Self>>,
    ) -> Result<Self, StorageError> {
        let dir = open_or_create(top, STATE_FOLDER_NAME)?;
        let identity = dir.metadata().map_err(own_dir_error)?.identity;
        let shared = open.find(|open| open.identity == identity).map(|open| Arc::clone(&open.shared));
        let is_first = shared.is_none();
        let shared = match shared {
            Some(shared) => shared,
            None => Arc::new(Shared::lock(&dir, top.open_dir(STATE_FOLDER_NAME).map_err(own_dir_error)?)?),
        };
        let staging = open_or_create(&dir, staging_in(&at))?;
        if is_first {
            remove_copies(&staging);
            if !staging.has_second_names() {
                let disk = at.encoded();
                tracing::warn!(
                    disk,
                    "this file system has no hard links: a new file can replace one that another program creates at the \
                     same moment, a crash at that moment leaves an empty file, and replaced files are not kept"
                );
            }
        }
        let trash = Arc::new(open_or_create(&dir, TRASH)?);
        let replaced = Arc::new(open_or_create(&dir, REPLACED)?);
        if is_first {
            sync_own_names(top, &dir)?;
        }
        let (notes, orders_names) = (None, dir.orders_names());
        let parts = [&dir, &staging, &*trash, &*replaced];
        let identities = parts.into_iter().map(|part| part.metadata().map(|metadata| metadata.identity));
        let identities = identities.collect::<io::Result<_>>().map_err(own_dir_error)?;
        Ok(Self { dir, staging, trash, replaced, orders_names, notes, at, identity, identities, shared })
    }

    /// Opens a part of the private directory for looking only; `None` if nothing was written yet.
    pub(super) fn peek(top: &D, part: &[u8]) -> Result<Option<D>, StorageError> {
        let opened = top.open_dir(STATE_FOLDER_NAME).and_then(|dir| dir.open_dir(part));
        match opened {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(own_dir_error(error)),
        }
    }

    /// True if both are one directory, seen through two mounts.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.identity == other.identity
    }

    /// The identities of the directory and of its parts.
    pub(super) fn identities(&self) -> impl Iterator<Item = Identity> {
        self.identities.iter().copied()
    }

    /// The number of its file system.
    pub(super) fn disk(&self) -> u64 {
        self.identity.device
    }

    /// The folder with the deleted or the replaced items.
    pub(super) fn trash_folder(&self, replaced: bool) -> TrashFolder<D> {
        let dir = Arc::clone(if replaced { &self.replaced } else { &self.trash });
        TrashFolder { dir, replaced, at: self.at.clone(), disk: self.identity.device }
    }

    /// Notes an item, for the time in which its disk is not connected.
    pub(super) fn note(&self, id: TrashId, info: &Info) {
        if let Some(notes) = &self.notes {
            notes.add(id, info);
        }
    }

    /// Forgets the note about an item that is gone.
    pub(super) fn forget_note(&self, id: TrashId) {
        if let Some(notes) = &self.notes {
            notes.remove(id);
        }
    }

    /// The path of an entry relative to the outermost folder of its volume. `path` is the path of the request, and
    /// `parent` the folder that it leads to.
    pub(super) fn path_on_volume(&self, parent: &DirStack<D>, path: &VPath) -> Result<VPath, StorageError> {
        if self.at.is_root() {
            return Ok(path.clone());
        }
        let real = parent.path()?.join(path.name()).ok();
        let below = real.and_then(|real| self.at.strip_prefix_of(&real));
        below.ok_or_else(|| StorageError::new(ErrorCode::BadPath, "the disk is mounted elsewhere by now"))
    }

    /// Excludes the deletion of items without data, for as long as an item is moved into or out of the trash.
    pub(super) fn moving(&self) -> RwLockReadGuard<'_, ()> {
        self.shared.trash_lock.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Permits the deletion of items without data; `None` while an item is moved. Does not wait, because a waiting
    /// writer would block later readers.
    pub(super) fn deleting(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.shared.trash_lock.try_write().ok()
    }

    /// The turn to move items, from the first rename to the last sync. The syncs of another call could make durable that
    /// an entry has left its folder, while its name in the other folder is not durable. `None` where one log orders all
    /// changes: there a rename is durable as a whole.
    pub(super) fn move_turn(&self) -> Option<MutexGuard<'_, ()>> {
        let take = || self.shared.move_turn.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.orders_names).then(take)
    }

    /// Items whose entry may come back to the trash by a crash.
    pub(super) fn unsettled(&self) -> MutexGuard<'_, BTreeSet<TrashId>> {
        self.shared.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Items whose contents are being deleted. None is added while the guard is held.
    pub(super) fn purging(&self) -> MutexGuard<'_, Vec<TrashId>> {
        self.shared.purging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the information about the groups of these items, until the result is dropped.
    pub(super) fn use_groups(&self, ids: impl Iterator<Item = TrashId>) -> GroupsInUse<'_> {
        self.shared.used_groups.begin(ids)
    }

    /// [`PrivateDir::use_groups`] of groups with these files.
    pub(super) fn use_group_files(&self, groups: GroupFiles) -> GroupsInUse<'_> {
        self.shared.used_groups.begin_with_files(groups)
    }

    /// Adds an item to those whose contents are being deleted, until the result is dropped.
    pub(super) fn begin_purge(&self, id: TrashId) -> Purging<'_, D> {
        self.purging().push(id);
        Purging { private_dir: self, id }
    }

    /// The reserve of space of its file system.
    pub(super) fn reserve(&self) -> &Reserve {
        &self.shared.reserve
    }

    /// Uploads of which a sync has failed.
    pub(super) fn unsynced(&self) -> MutexGuard<'_, BTreeSet<UploadId>> {
        self.shared.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An item whose contents are being deleted.
pub(super) struct Purging<'a, D: Dir> {
    private_dir: &'a PrivateDir<D>,
    id: TrashId,
}

impl<D: Dir> Drop for Purging<'_, D> {
    fn drop(&mut self) {
        let mut purging = self.private_dir.purging();
        if let Some(index) = purging.iter().position(|id| *id == self.id) {
            purging.swap_remove(index);
        }
    }
}

impl<D: Dir> Shared<D> {
    /// `own` is another handle of the directory.
    fn lock(dir: &D, own: D) -> Result<Self, StorageError> {
        let Some(lock) = dir.lock(LOCK).map_err(|error| storage_error(error, "locking the private directory"))? else {
            return Err(StorageError::new(ErrorCode::Locked, "another server writes into this directory"));
        };
        let (unsynced, unsettled, purging) = (Mutex::default(), Mutex::default(), Mutex::default());
        let reserve = begin_reserve(own)?;
        let (used_groups, move_turn) = (UsedGroups::default(), Mutex::default());
        let trash_lock = RwLock::default();
        Ok(Self { trash_lock, unsynced, unsettled, purging, used_groups, move_turn, reserve, _lock: lock })
    }
}

/// Makes the names of the private directory and of its parts durable: an earlier process may have made them and ended,
/// or failed, before it could.
fn sync_own_names<D: Dir>(top: &D, dir: &D) -> Result<(), StorageError> {
    for folder in [top, dir] {
        match folder.prepare_sync() {
            // A folder that this process may not read cannot be synced by it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            sync => sync.and_then(|sync| sync()).map_err(own_dir_error)?,
        }
    }
    Ok(())
}

/// Begins the reserve of space in a private directory.
fn begin_reserve<D: Dir>(own: D) -> Result<Reserve, StorageError> {
    let held = match own.metadata_of(RESERVE) {
        Ok(metadata) => Some(metadata.size),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(own_dir_error(error)),
    };
    let own = Arc::new(own);
    let looked_at = Arc::clone(&own);
    let free = move || looked_at.space().ok().flatten();
    Ok(Reserve::begin(held, free, move |bytes| own.reserve(RESERVE, bytes)))
}

/// The part with the uploads of the private directory at that path of the tree.
pub(super) fn staging_in(at: &VPath) -> &'static [u8] {
    if at.is_root() { STAGING } else { STAGING_OF_TREE }
}

/// Removes the copies of uploads of other file systems that a crash left. What cannot be removed is hidden.
pub(super) fn remove_copies<D: Dir>(staging: &D) {
    let mut copies: Vec<Vec<u8>> = Vec::new();
    let read = staging.names(&mut |name| {
        if is_copy_name(name) {
            copies.push(name.into());
        }
        Visit::Continue
    });
    if let Err(error) = read.and_then(|()| copies.iter().try_for_each(|name| staging.remove_file(name))) {
        tracing::warn!(%error, "copies of uploads that a crash left could not be removed");
    }
}
