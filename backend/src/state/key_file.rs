//! A key in a file of its own, readable by its owner only.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::error::{StateError, failed};
use super::private::private_options;
use crate::wire::Key;

/// Reads a key.
///
/// # Errors
/// [`StateError::Io`] and [`StateError::Key`].
pub fn read_key(path: &Path) -> Result<Key, StateError> {
    let text = fs::read_to_string(path).map_err(failed(path))?;
    text.parse().map_err(|source| StateError::Key { path: path.to_owned(), source })
}

/// Reads a key, or makes one if the file does not exist. A file that holds no key is never replaced.
///
/// # Errors
/// [`StateError::Io`] and [`StateError::Key`].
pub fn read_or_make_key(path: &Path) -> Result<Key, StateError> {
    match read_key(path) {
        Err(StateError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    let key = Key::generate().map_err(|source| StateError::Key { path: path.to_owned(), source })?;
    match write_new_key(path, &key) {
        Ok(()) => Ok(key),
        // Another process has made one in the meantime.
        Err(StateError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => read_key(path),
        Err(error) => Err(error),
    }
}

/// Writes a key to a file that does not exist yet.
///
/// # Errors
/// [`StateError::Io`], also if the file exists.
pub fn write_new_key(path: &Path, key: &Key) -> Result<(), StateError> {
    let mut file = private_options().create_new(true).open(path).map_err(failed(path))?;
    writeln!(file, "{key}").and_then(|()| file.sync_all()).map_err(failed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_key_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(read_or_make_key(&path), Err(StateError::Key { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }
}
