//! Failures of the database: at the start, and of a statement.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode as SqlCode;
use shared::ErrorCode;

use crate::storage::StorageError;

/// Why the records cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be opened, or is not a database.
    #[error(
        "the server's records in {} cannot be used: {source}; move the file away to start with new ones (unfinished \
         uploads and changes are then forgotten)", path.display()
    )]
    Unusable {
        /// The file of the records.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The file is damaged.
    #[error(
        "the server's records in {} are damaged ({finding}); move the file away to start with new ones", path.display()
    )]
    Damaged {
        /// The file of the records.
        path: PathBuf,
        /// The first finding of SQLite's check.
        finding: String,
    },
    /// A later version of this program has written the file.
    #[error("the server's records in {} were written by a later version of Passerelle", path.display())]
    Later {
        /// The file of the records.
        path: PathBuf,
    },
    /// The place is not writable.
    #[error("the server's records in {} cannot be written to: {source}", path.display())]
    ReadOnly {
        /// The file of the records.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
}

impl DatabaseError {
    /// A failure of SQLite with the file at `path`.
    pub(super) fn sqlite(path: PathBuf, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(SqlCode::ReadOnly | SqlCode::PermissionDenied | SqlCode::CannotOpen | SqlCode::DiskFull) => {
                Self::ReadOnly { path, source }
            }
            _ => Self::Unusable { path, source },
        }
    }

    /// True if more space may mend it. `is_full` tells whether the disk has none.
    pub(super) fn may_want_space(&self, is_full: impl FnOnce() -> bool) -> bool {
        let (Self::Unusable { source, .. } | Self::ReadOnly { source, .. }) = self else { return false };
        match source.sqlite_error_code() {
            Some(SqlCode::DiskFull) => true,
            // Also for want of a right or of a descriptor.
            Some(SqlCode::CannotOpen) => is_full(),
            _ => is_unwritten(source),
        }
    }
}

/// True for a failure of the disk that may be a want of space: SQLite reports a full quota, and a full disk under the index
/// of its log, in this way. A failed read or sync is none, and a second sync would prove nothing.
fn is_unwritten(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi;
    const UNWRITTEN: [std::ffi::c_int; 4] =
        [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_TRUNCATE, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_SHMMAP];
    error.sqlite_error().is_some_and(|error| UNWRITTEN.contains(&error.extended_code))
}

/// True if more space may mend the failure of a statement.
pub(super) fn may_want_space(error: &StorageError) -> bool {
    let is_unwritten = |source: &io::Error| source.kind() == io::ErrorKind::WriteZero;
    error.code == ErrorCode::NoSpace || error.source.as_ref().is_some_and(is_unwritten)
}

/// A failed statement as a failure of the storage: the database is a file on the same kind of disk.
pub(super) fn storage_error(error: rusqlite::Error) -> StorageError {
    let code = match error.sqlite_error_code() {
        Some(SqlCode::DiskFull) => ErrorCode::NoSpace,
        Some(SqlCode::ReadOnly | SqlCode::PermissionDenied) => ErrorCode::ReadOnly,
        _ => ErrorCode::Io,
    };
    let kind = if is_unwritten(&error) { io::ErrorKind::WriteZero } else { io::ErrorKind::Other };
    let source = Some(io::Error::new(kind, error));
    StorageError { code, context: "the server's records cannot be kept", path: None, source }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_failure_of_the_disk_wants_space_only_if_something_could_not_be_written() {
        for (code, wants_space) in [
            (ffi::SQLITE_FULL, true),
            (ffi::SQLITE_IOERR_WRITE, true),
            (ffi::SQLITE_IOERR_SHMSIZE, true),
            (ffi::SQLITE_IOERR_READ, false),
            (ffi::SQLITE_IOERR_FSYNC, false),
            (ffi::SQLITE_IOERR_LOCK, false),
            (ffi::SQLITE_CORRUPT, false),
            (ffi::SQLITE_CANTOPEN, false),
        ] {
            let error = || rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(may_want_space(&storage_error(error())), wants_space, "{code}");
            let failure = DatabaseError::sqlite(PathBuf::new(), error());
            assert_eq!(failure.may_want_space(|| false), wants_space, "{code}");
            assert_eq!(failure.may_want_space(|| true), wants_space || code == ffi::SQLITE_CANTOPEN, "{code}");
        }
    }
}
