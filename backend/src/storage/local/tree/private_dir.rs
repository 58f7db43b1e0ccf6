//! The server's private directory inside the served one: uploads and the trash. It is entered by handles alone and
//! belongs to one server at a time. Its name is reserved, so no path of a request leads to it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use shared::{ErrorCode, TrashId, UploadId};

use crate::storage::local::error::storage_error;
use crate::storage::local::platform::Dir;
use crate::storage::{STATE_FOLDER_NAME, StorageError};

pub(super) const STAGING: &[u8] = b"staging";
pub(super) const TRASH: &[u8] = b"trash";
pub(super) const REPLACED: &[u8] = b"replaced";
const LOCK: &[u8] = b"vault.lock";

/// The open private directory, locked until it is dropped.
pub(super) struct PrivateDir<D: Dir> {
    pub(super) staging: D,
    /// Deleted entries: a folder for each item.
    pub(super) trash: Arc<D>,
    /// Replaced files, which are items of the trash, too: all in one folder, so that one sync makes them durable.
    pub(super) replaced: Arc<D>,
    /// Whether the sync of an upload makes durable each change of names before the upload's last change, too.
    pub(super) orders_names: bool,
    /// Read-locked while an item is moved into or out of the trash; write-locked while items without data are deleted,
    /// so that none is deleted that is just being created.
    pub(super) trash_lock: RwLock<()>,
    /// Uploads of which a sync has failed. Later syncs that succeed prove nothing: Linux marks pages clean that it
    /// could not write.
    unsynced: Mutex<BTreeSet<UploadId>>,
    /// Items whose entry has left the trash, while the sync of the folder that it went to has failed. A crash may bring the
    /// entry back, so its information stays until the next start.
    unsettled: Mutex<BTreeSet<TrashId>>,
    _lock: D::Lock,
}

impl<D: Dir> PrivateDir<D> {
    /// Opens the private directory of a root, and creates it if it is missing.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another server holds it, [`ErrorCode::AccessDenied`] if a file or link stands in its
    /// place.
    pub(super) fn open(root: &D) -> Result<Self, StorageError> {
        let dir = open_or_create(root, STATE_FOLDER_NAME)?;
        let Some(lock) = dir.lock(LOCK).map_err(|error| storage_error(error, "locking the private directory"))? else {
            return Err(StorageError::new(ErrorCode::Locked, "another server writes into this directory"));
        };
        Ok(Self {
            staging: open_or_create(&dir, STAGING)?,
            trash: Arc::new(open_or_create(&dir, TRASH)?),
            replaced: Arc::new(open_or_create(&dir, REPLACED)?),
            orders_names: dir.orders_names(),
            trash_lock: RwLock::default(),
            unsynced: Mutex::default(),
            unsettled: Mutex::default(),
            _lock: lock,
        })
    }

    /// Opens a part of the private directory for looking only; `None` if nothing was written yet.
    pub(super) fn peek(root: &D, part: &[u8]) -> Result<Option<D>, StorageError> {
        let opened = root.open_dir(STATE_FOLDER_NAME).and_then(|dir| dir.open_dir(part));
        match opened {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(private_dir_error(error)),
        }
    }

    /// Excludes the deletion of items without data, for as long as an item is moved into or out of the trash.
    pub(super) fn moving(&self) -> RwLockReadGuard<'_, ()> {
        self.trash_lock.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Items whose entry may come back to the trash by a crash.
    pub(super) fn unsettled(&self) -> MutexGuard<'_, BTreeSet<TrashId>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uploads of which a sync has failed.
    pub(super) fn unsynced(&self) -> MutexGuard<'_, BTreeSet<UploadId>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a private subdirectory, and creates it durably if it is missing.
pub(super) fn open_or_create<D: Dir>(parent: &D, name: &[u8]) -> Result<D, StorageError> {
    match parent.open_dir(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map_err(private_dir_error),
    }
    let sync = parent.prepare_sync().map_err(private_dir_error)?;
    match parent.make_dir(name, true) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(private_dir_error(error)),
        _ => sync().map_err(private_dir_error)?,
    }
    parent.open_dir(name).map_err(private_dir_error)
}

/// A link or a file in place of the directory is an attack, which must not look like a missing folder.
fn private_dir_error(error: io::Error) -> StorageError {
    let error = storage_error(error, "opening the private directory");
    match error.code {
        ErrorCode::NotFolder | ErrorCode::Changed => StorageError { code: ErrorCode::AccessDenied, ..error },
        _ => error,
    }
}
