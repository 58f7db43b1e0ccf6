//! Errors of the operating system as storage errors.

use std::io;

use shared::ErrorCode;

use crate::storage::StorageError;

/// What fails when a name cannot be looked up.
pub(super) const LOOKUP: &str = "looking up a name";
/// How often the destination is examined again while other programs change it.
pub(super) const REPLACE_RETRIES: usize = 8;

/// Maps an error of a system call, including Unix errors that [`StorageError::from_io`] cannot tell apart.
pub(in crate::storage) fn storage_error(error: io::Error, context: &'static str) -> StorageError {
    #[cfg(unix)]
    match rustix::io::Errno::from_io_error(&error) {
        // The file system does not accept these bytes as a name.
        Some(rustix::io::Errno::ILSEQ) => {
            return StorageError::from_code(ErrorCode::BadPath, error, context);
        }
        // No call here follows links, so the name was not a link when it was looked up.
        Some(rustix::io::Errno::LOOP) => return replaced_meanwhile(),
        // On Unix this kind is ENAMETOOLONG alone.
        _ if error.kind() == io::ErrorKind::InvalidFilename => {
            return StorageError::from_code(ErrorCode::NameTooLong, error, context);
        }
        _ => {}
    }
    StorageError::from_io(error, context)
}

/// The entry under the name is no longer the one that was looked up.
pub(in crate::storage) fn replaced_meanwhile() -> StorageError {
    StorageError::new(ErrorCode::Changed, "the entry was replaced while it was opened")
}
