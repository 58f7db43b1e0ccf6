//! Why state cannot be used.

use std::io;
use std::path::{Path, PathBuf};

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
