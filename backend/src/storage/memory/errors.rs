//! The refusals of a tree in memory.

use shared::ErrorCode;

use crate::storage::StorageError;

pub(super) const NOT_FOUND: StorageError =
    StorageError { code: ErrorCode::NotFound, context: "looking for an entry", path: None, source: None };
pub(super) const NOT_FOLDER: StorageError = StorageError {
    code: ErrorCode::NotFolder,
    context: "a file stands where a folder is needed",
    path: None,
    source: None,
};
pub(super) const DENIED: StorageError =
    StorageError { code: ErrorCode::AccessDenied, context: "the entry is marked as denied", path: None, source: None };
pub(super) const GONE: StorageError =
    StorageError { code: ErrorCode::Gone, context: "looking for an item of the trash", path: None, source: None };

/// As the operating system's ENAMETOOLONG.
pub(super) const NAME_TOO_LONG: StorageError =
    StorageError { code: ErrorCode::NameTooLong, context: "looking up a name", path: None, source: None };
/// As a path that no request can name.
pub(super) const TOO_DEEP: StorageError =
    StorageError { code: ErrorCode::BadPath, context: "an entry lies too deep", path: None, source: None };
