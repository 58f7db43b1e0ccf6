//! The server's own directory and what it leaves there: a lock, and the key of this machine's client verbs. Also the
//! small note by which those find the key of an address.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::storage::STATE_FOLDER_NAME;
use crate::wire::{Key, KeyError};

/// The directory, locked for as long as this lives.
pub struct State {
    folder: PathBuf,
    _lock: File,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system says no.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One server per directory.
    #[error("another Passerelle is at work in {}: stop it, or choose another place with --state", .0.display())]
    Locked(PathBuf),
    /// Not a key, or none can be made.
    #[error("{}: {source}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// Neither told nor to be guessed.
    #[error("there is no place for the server's own files: say where with --state")]
    Nowhere,
    /// No server left a key for that address.
    #[error("no key is known for {0}: start `passerelle serve` as this user on this machine, or name one with --key")]
    NoKey(String),
}

const KEY_FILE_NAME: &str = "local.key";
const LOCK_FILE_NAME: &str = "lock";
const RECORDS_FILE_NAME: &str = "server.sqlite3";

impl State {
    /// Opens the directory that was named or, where none was, the one in the served folder, or the platform's.
    pub fn open(named: Option<&Path>, served: &Path) -> Result<Self, StateError> {
        if let Some(named) = named {
            return Self::open_at(named);
        }
        let inside = served.join(String::from_utf8_lossy(STATE_FOLDER_NAME).as_ref());
        match Self::open_at(&inside) {
            Err(StateError::Io { source, .. }) if cannot_be_written(&source) => {
                let name = shared::path::encode_segment(served.as_os_str().as_encoded_bytes());
                Self::open_at(&platform_folder()?.join("folders").join(name))
            }
            opened => opened,
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The key for client verbs of this user, made the first time.
    pub fn local_key(&self) -> Result<Key, StateError> {
        read_or_make_key(&self.key_path())
    }

    /// Where the key is.
    pub fn key_path(&self) -> PathBuf {
        self.folder.join(KEY_FILE_NAME)
    }

    /// Where the file server's records are.
    pub fn records_path(&self) -> PathBuf {
        self.folder.join(RECORDS_FILE_NAME)
    }

    fn open_at(folder: &Path) -> Result<Self, StateError> {
        make_private_folder(folder)?;
        let path = folder.join(LOCK_FILE_NAME);
        let lock = private_options().create(true).truncate(false).open(&path).map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(StateError::Io { path, source }),
        }
    }
}

/// Reads a key, or makes one that only its owner can read.
pub fn read_or_make_key(path: &Path) -> Result<Key, StateError> {
    match read_key(path) {
        Err(StateError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    let key = Key::generate().map_err(|source| StateError::Key { path: path.to_owned(), source })?;
    match private_options().create_new(true).open(path) {
        Ok(mut file) => {
            writeln!(file, "{key}").and_then(|()| file.sync_all()).map_err(failed(path))?;
            Ok(key)
        }
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_key(path),
        Err(error) => Err(failed(path)(error)),
    }
}

/// Reads a key.
pub fn read_key(path: &Path) -> Result<Key, StateError> {
    let text = fs::read_to_string(path).map_err(failed(path))?;
    text.parse().map_err(|source| StateError::Key { path: path.to_owned(), source })
}

/// Leaves a note where the key of the server at `address` is.
pub fn note_key(address: &str, key: &Path) -> Result<(), StateError> {
    let note = note_path(address)?;
    let key = std::path::absolute(key).map_err(failed(key))?;
    if let Some(folder) = note.parent() {
        make_private_folder(folder)?;
    }
    let mut file = private_options().create(true).truncate(true).open(&note).map_err(failed(&note))?;
    file.write_all(key.as_os_str().as_encoded_bytes()).map_err(failed(&note))
}

/// The key that the server at `address` left for this user.
pub fn noted_key(address: &str) -> Result<Key, StateError> {
    let note = note_path(address)?;
    let bytes = fs::read(&note).map_err(|_| StateError::NoKey(address.to_owned()))?;
    read_key(&path_from(bytes).ok_or_else(|| StateError::NoKey(address.to_owned()))?)
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}

fn note_path(address: &str) -> Result<PathBuf, StateError> {
    // `localhost` is what people type for the address that servers listen on by default.
    let address = address.replace("localhost", "127.0.0.1");
    Ok(platform_folder()?.join("servers").join(shared::path::encode_segment(address.as_bytes())))
}

/// A folder of that name for what client verbs remember, which only this user can look into.
pub fn client_folder(name: &str) -> Result<PathBuf, StateError> {
    let folder = platform_folder()?.join(name);
    make_private_folder(&folder)?;
    Ok(folder)
}

fn platform_folder() -> Result<PathBuf, StateError> {
    let places = etcetera::choose_base_strategy().map_err(|_| StateError::Nowhere)?;
    Ok(places.state_dir().unwrap_or_else(|| places.data_dir()).join("passerelle"))
}

fn make_private_folder(folder: &Path) -> Result<(), StateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(failed(folder))
}

/// Files that only their owner can read. Windows takes the folder's own list of who may.
fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn cannot_be_written(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_server_and_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(None, folder.path()).unwrap();
        assert!(state.folder().ends_with(".passerelle"));
        assert!(matches!(State::open(None, folder.path()), Err(StateError::Locked(_))));
        let key = state.local_key().unwrap();
        assert_eq!(state.local_key().unwrap(), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(state.key_path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(state);
        assert_eq!(State::open(None, folder.path()).unwrap().local_key().unwrap(), key);
    }

    #[test]
    fn what_is_no_key_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(read_or_make_key(&path), Err(StateError::Key { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
