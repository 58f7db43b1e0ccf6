//! Why a storage operation failed.

use std::io;

use shared::{ErrorCode, VPath};

use crate::random::NoRandomness;

/// Why a storage operation failed: a code for the client, and the context and cause for the log.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {code}")]
pub struct StorageError {
    /// The reason, from the closed list that clients see.
    pub code: ErrorCode,
    /// The operation that failed, for the log.
    pub context: &'static str,
    /// What the error is about, where that is another entry than the one that was asked for.
    pub path: Option<Box<VPath>>,
    /// The operating system's error, where there is one.
    #[source]
    pub source: Option<io::Error>,
}

/// Marks the error of a sync that was to make the new name of an upload durable.
#[derive(Debug, thiserror::Error)]
#[error("the new name may be lost: {0}")]
struct UnsyncedName(io::Error);

impl StorageError {
    /// A refusal by the storage itself, without an error of the operating system.
    pub fn new(code: ErrorCode, context: &'static str) -> Self {
        Self { code, context, path: None, source: None }
    }

    /// This error once more, for each entry that shares the call that has failed.
    pub fn again(&self) -> Self {
        let source = self.source.as_ref().map(|error| match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => error.kind().into(),
        });
        Self { code: self.code, context: self.context, path: self.path.clone(), source }
    }

    /// Maps an error of the operating system to its code; [`ErrorCode::Io`] for kinds without a code of their own.
    pub fn from_io(source: io::Error, context: &'static str) -> Self {
        let code = match source.kind() {
            io::ErrorKind::NotFound => ErrorCode::NotFound,
            io::ErrorKind::PermissionDenied => ErrorCode::AccessDenied,
            io::ErrorKind::NotADirectory => ErrorCode::NotFolder,
            io::ErrorKind::IsADirectory => ErrorCode::IsFolder,
            io::ErrorKind::InvalidFilename => ErrorCode::BadPath,
            io::ErrorKind::StorageFull => ErrorCode::NoSpace,
            io::ErrorKind::QuotaExceeded => ErrorCode::QuotaExceeded,
            io::ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
            io::ErrorKind::AlreadyExists => ErrorCode::AlreadyExists,
            io::ErrorKind::DirectoryNotEmpty => ErrorCode::NotEmpty,
            io::ErrorKind::CrossesDevices => ErrorCode::CrossDevice,
            // The name of a mount point cannot be changed.
            io::ErrorKind::ResourceBusy => ErrorCode::Mounted,
            _ if is_without_descriptors(&source) => ErrorCode::TooManyRequests,
            _ => ErrorCode::Io,
        };
        Self::from_code(code, source, context)
    }
}

/// True if the process or the system has no file descriptor left: others come back as requests end.
fn is_without_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    return matches!(
        rustix::io::Errno::from_io_error(error),
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
    );
    // ERROR_TOO_MANY_OPEN_FILES.
    #[cfg(not(unix))]
    return error.raw_os_error() == Some(4);
}

impl StorageError {
    /// An error of the operating system whose code the caller knows.
    pub(crate) fn from_code(code: ErrorCode, source: io::Error, context: &'static str) -> Self {
        Self { code, context, path: None, source: Some(source) }
    }

    /// True for a failure that the operator can end, and so belongs into the log: of the disk, of the server, or for want
    /// of descriptors.
    pub(crate) fn concerns_operator(&self) -> bool {
        match self.code {
            ErrorCode::Io | ErrorCode::Internal => true,
            ErrorCode::TooManyRequests => self.source.is_some(),
            _ => false,
        }
    }

    /// True if an upload has its new name, and only the sync of the folder has failed: a crash may undo the name.
    pub(crate) fn is_of_unsynced_name(&self) -> bool {
        let inner = self.source.as_ref().and_then(io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<UnsyncedName>())
    }

    /// The error of a sync that was to make the new name of an upload durable.
    pub(in crate::storage) fn of_unsynced_name(self) -> Self {
        let source = self.source.unwrap_or_else(|| io::ErrorKind::Other.into());
        Self { source: Some(io::Error::new(source.kind(), UnsyncedName(source))), ..self }
    }

    /// The error, about the entry at `path`.
    pub(crate) fn about(self, path: VPath) -> Self {
        Self { path: Some(Box::new(path)), ..self }
    }
}

impl From<NoRandomness> for StorageError {
    fn from(error: NoRandomness) -> Self {
        Self::from_code(ErrorCode::Internal, io::Error::other(error), "random bytes are needed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_lack_of_descriptors_is_one_that_ends() {
        for number in [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE] {
            let error = StorageError::from_io(number.into(), "opening a file");
            assert_eq!(error.code, ErrorCode::TooManyRequests);
        }
        assert_eq!(StorageError::from_io(io::Error::other("x"), "opening a file").code, ErrorCode::Io);
    }
}
