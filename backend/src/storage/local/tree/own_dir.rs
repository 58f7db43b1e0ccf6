//! Opening directories of the server's own, by handles that follow no link.

use std::io;

use shared::ErrorCode;

use crate::storage::StorageError;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::Dir;

/// Opens a private subdirectory, and creates it durably if it is missing.
pub(super) fn open_or_create<D: Dir>(parent: &D, name: &[u8]) -> Result<D, StorageError> {
    match parent.open_dir(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map_err(own_dir_error),
    }
    let sync = parent.prepare_sync().map_err(own_dir_error)?;
    match parent.make_dir(name, true) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(own_dir_error(error)),
        _ => sync().map_err(own_dir_error)?,
    }
    parent.open_dir(name).map_err(own_dir_error)
}

/// A link or a file in place of the directory is an attack, which must not look like a missing folder.
pub(super) fn own_dir_error(error: io::Error) -> StorageError {
    let error = storage_error(error, "opening the private directory");
    match error.code {
        ErrorCode::NotFolder | ErrorCode::Changed => StorageError { code: ErrorCode::AccessDenied, ..error },
        _ => error,
    }
}
