//! The server's own folder in the one that is served: room for uploads, and the trash. It is made at the first write,
//! entered by handles alone, and belongs to one server at a time. No path of a request leads here, for its name is
//! reserved.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use shared::{ErrorCode, UploadId};

use super::disk::Folder;
use super::tree::{Tree, refusal};
use crate::storage::rules::refused;
use crate::storage::{STATE_FOLDER_NAME, StorageError};

const STAGING: &[u8] = b"staging";
const TRASH: &[u8] = b"trash";
const LOCK: &[u8] = b"vault.lock";

/// The folder, locked for as long as this lives.
pub(super) struct Vault<F: Folder> {
    pub(super) staging: F,
    pub(super) trash: F,
    /// Held for writing while half-made items are cleared away, so that none is that is just being made.
    pub(super) trashing: RwLock<()>,
    /// Uploads of which a sync has failed. What the system then says of later ones proves nothing: Linux marks pages
    /// clean that it could not write, and forgets.
    unsure: Mutex<BTreeSet<UploadId>>,
    _lock: F::Lock,
}

impl<F: Folder> Vault<F> {
    /// Opens it, or makes it.
    fn open(root: &F) -> Result<Self, StorageError> {
        let folder = open_or_make(root, STATE_FOLDER_NAME)?;
        let Some(lock) = folder.lock(LOCK).map_err(|error| refusal(error, "locking the server's own folder"))? else {
            return Err(refused(ErrorCode::Locked, "another server writes into this folder"));
        };
        Ok(Self {
            staging: open_or_make(&folder, STAGING)?,
            trash: open_or_make(&folder, TRASH)?,
            trashing: RwLock::default(),
            unsure: Mutex::default(),
            _lock: lock,
        })
    }

    /// Uploads of which a sync has failed.
    pub(super) fn unsure(&self) -> MutexGuard<'_, BTreeSet<UploadId>> {
        self.unsure.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<F: Folder> Tree<F> {
    /// The server's own folder, made where it is missing.
    pub(super) fn vault(&self) -> Result<Arc<Vault<F>>, StorageError> {
        let mut vault = self.vault.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(vault) = &*vault {
            return Ok(Arc::clone(vault));
        }
        let opened = Arc::new(Vault::open(&*self.root)?);
        *vault = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// The same, unless nothing was ever written here: then it is not made.
    pub(super) fn known_vault(&self) -> Result<Option<Arc<Vault<F>>>, StorageError> {
        let open = self.vault.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        match open {
            None if self.peek_staging()?.is_none() => Ok(None),
            None => self.vault().map(Some),
            open => Ok(open),
        }
    }

    /// Where uploads are, to look only; none before the first one.
    pub(super) fn peek_staging(&self) -> Result<Option<F>, StorageError> {
        self.peek(STAGING)
    }

    /// Where the trash is, to look only; none before the first write.
    pub(super) fn peek_trash(&self) -> Result<Option<F>, StorageError> {
        self.peek(TRASH)
    }

    fn peek(&self, name: &[u8]) -> Result<Option<F>, StorageError> {
        let opened = self.root.open_folder(STATE_FOLDER_NAME).and_then(|folder| folder.open_folder(name));
        match opened {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(no_vault(error)),
        }
    }
}

pub(super) fn open_or_make<F: Folder>(parent: &F, name: &[u8]) -> Result<F, StorageError> {
    match parent.open_folder(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map_err(no_vault),
    }
    let sync = parent.ready_to_sync().map_err(no_vault)?;
    match parent.make_folder(name, true) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(no_vault(error)),
        _ => sync().map_err(no_vault)?,
    }
    parent.open_folder(name).map_err(no_vault)
}

/// Why there is none. A link or a file in its place is nobody's mistake but an attempt.
fn no_vault(error: io::Error) -> StorageError {
    let refused = refusal(error, "opening the server's own folder");
    match refused.code {
        ErrorCode::NotFolder | ErrorCode::Changed => StorageError { code: ErrorCode::AccessDenied, ..refused },
        _ => refused,
    }
}
