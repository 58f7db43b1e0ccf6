//! The state directory of a server: its lock, its key and its database.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::{StateError, failed};
use super::key_file::read_or_make_key;
use super::private::{make_private_folder, private_options};
use super::user::user_folder;
use crate::storage::STATE_FOLDER_NAME;
use crate::wire::Key;

const KEY_FILE_NAME: &str = "local.key";
const LOCK_FILE_NAME: &str = "lock";
const DATABASE_FILE_NAME: &str = "server.sqlite3";

/// A state directory, locked until this value is dropped.
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Opens and locks the directory `named`. Without one, opens the one in the served folder or, if that cannot be
    /// written, one in the platform's directory for application state.
    ///
    /// # Errors
    /// [`StateError::Locked`], [`StateError::Io`] and [`StateError::Nowhere`].
    pub fn open(named: Option<&Path>, served: &Path) -> Result<Self, StateError> {
        if let Some(named) = named {
            return Self::open_at(named);
        }
        match Self::open_at(&Self::inside(served)) {
            Err(StateError::Io { source, .. }) if is_read_only(&source) => Self::open_at(&Self::beside(served)?),
            opened => opened,
        }
    }

    /// Where the state of a server is that has been started before, with the directory `named` or without; the server may
    /// be running.
    ///
    /// # Errors
    /// [`StateError::NoState`] and [`StateError::Nowhere`].
    pub fn find(named: Option<&Path>, served: &Path) -> Result<PathBuf, StateError> {
        let has_state = |folder: &PathBuf| folder.join(LOCK_FILE_NAME).exists();
        if let Some(named) = named {
            return Some(named.to_owned()).filter(has_state).ok_or_else(|| StateError::NoState(served.to_owned()));
        }
        let served = std::fs::canonicalize(served).map_err(failed(served))?;
        let inside = Self::inside(&served);
        if has_state(&inside) {
            return Ok(inside);
        }
        Some(Self::beside(&served)?).filter(has_state).ok_or(StateError::NoState(served))
    }

    /// The directory in the served folder.
    fn inside(served: &Path) -> PathBuf {
        served.join(String::from_utf8_lossy(STATE_FOLDER_NAME).as_ref())
    }

    /// The directory of this user for a served folder that cannot be written.
    fn beside(served: &Path) -> Result<PathBuf, StateError> {
        let name = shared::path::encode_segment(served.as_os_str().as_encoded_bytes());
        Ok(user_folder()?.join("folders").join(name))
    }

    fn open_at(folder: &Path) -> Result<Self, StateError> {
        make_private_folder(folder)?;
        let path = folder.join(LOCK_FILE_NAME);
        let lock = private_options().create(true).truncate(false).open(&path).map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(StateError::Io { path, source }),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key for client verbs of this user, made at the first start.
    ///
    /// # Errors
    /// As [`read_or_make_key`].
    pub fn local_key(&self) -> Result<Key, StateError> {
        read_or_make_key(&self.key_path())
    }

    /// The file of [`StateDir::local_key`].
    pub fn key_path(&self) -> PathBuf {
        self.path.join(KEY_FILE_NAME)
    }

    /// The file server's database.
    pub fn database_path(&self) -> PathBuf {
        self.path.join(DATABASE_FILE_NAME)
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_server_and_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::open(None, folder.path()).unwrap();
        assert!(state.path().ends_with(".passerelle"));
        assert!(matches!(StateDir::open(None, folder.path()), Err(StateError::Locked(_))));
        let key = state.local_key().unwrap();
        assert_eq!(state.local_key().unwrap(), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(state.key_path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(StateDir::find(None, folder.path()).unwrap(), state.path().canonicalize().unwrap());
        let other = tempfile::tempdir().unwrap();
        assert!(matches!(StateDir::find(Some(other.path()), folder.path()), Err(StateError::NoState(_))));
        drop(state);
        assert_eq!(StateDir::open(None, folder.path()).unwrap().local_key().unwrap(), key);
    }
}
