//! Why state cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use super::key_entry::KeyEntryError;
use crate::wire::KeyError;

/// Why a state directory or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system refused.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process has the directory locked.
    #[error("another Passerelle is using {}: stop it, or choose another directory with --state", .0.display())]
    Locked(PathBuf),
    /// The file holds no key, or a key could not be made.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file of the key.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// The file in the folder of the keys holds none with what it allows.
    #[error("{} opens nothing: {source}", path.display())]
    KeyEntry {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyEntryError,
    },
    /// The file in the folder of the keys has the name of another key.
    #[error("{} opens nothing: it holds the key {id}, whose file is named {id}.key", path.display())]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The id of the key in it.
        id: String,
    },
    /// The folder of the keys has more files than are read.
    #[error("{} has too many keys: some of them open nothing", .0.display())]
    TooManyKeys(PathBuf),
    /// No server has run with a state directory for the folder.
    #[error("no server has been started for {}: start one, or name its state directory with --state", .0.display())]
    NoState(PathBuf),
    /// The platform has no directory for application state.
    #[error("this user has no directory for application state: choose one with --state")]
    Nowhere,
    /// No server of this user has recorded its key for the address.
    #[error("no key is known for {0}: start `passerelle serve` as this user on this machine, or name one with --key")]
    NoKey(String),
}

/// Turns an error of the operating system into [`StateError::Io`].
pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |source| StateError::Io { path, source }
}
