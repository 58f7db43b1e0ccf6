//! Errors of lookups and changes of names.

use std::io;

use shared::ErrorCode;

use crate::storage::StorageError;
use crate::storage::local::error::{LOOKUP, storage_error};
use crate::storage::local::platform::FileType;

pub(super) fn not_found() -> StorageError {
    StorageError::new(ErrorCode::NotFound, LOOKUP)
}

pub(super) fn not_folder() -> StorageError {
    StorageError::new(ErrorCode::NotFolder, "a file stands where a folder is needed")
}

pub(super) fn is_folder() -> StorageError {
    StorageError::new(ErrorCode::IsFolder, "opening a folder as a file")
}

/// A failed `readlink`: [`ErrorCode::NotFound`] if the entry has stopped to be a link since it was looked up.
pub(super) fn read_link_error(error: io::Error) -> StorageError {
    match error.kind() {
        io::ErrorKind::InvalidInput => StorageError::from_code(ErrorCode::NotFound, error, "reading a link"),
        _ => storage_error(error, "reading a link"),
    }
}

/// A failed call that gives an entry a new name.
pub(super) fn new_name_error(error: io::Error, context: &'static str) -> StorageError {
    let invalid = error.kind() == io::ErrorKind::InvalidInput;
    let error = storage_error(error, context);
    match error.code {
        ErrorCode::BadPath => StorageError { code: ErrorCode::NameRefused, ..error },
        ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
        _ if invalid => StorageError { code: ErrorCode::NameRefused, ..error },
        _ => error,
    }
}

/// A failed rename of an entry of that type. Both folders were open a moment ago, so a missing entry is the source.
pub(super) fn rename_error(error: io::Error, file_type: FileType) -> StorageError {
    let kind = error.kind();
    let error = new_name_error(error, "renaming an entry");
    let code = match (kind, file_type) {
        (io::ErrorKind::NotFound, _) => ErrorCode::NotFound,
        (io::ErrorKind::InvalidInput, FileType::Folder) => ErrorCode::IntoItself,
        _ => return error,
    };
    StorageError { code, ..error }
}
