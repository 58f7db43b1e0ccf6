//! Why an item of a job has not succeeded.

use shared::{ErrorCode, VPath};

use crate::storage::StorageError;

/// Why an item of a job has not succeeded.
#[derive(Debug)]
pub(super) enum ItemError {
    /// It failed; at this path in the storage, if that is not the item's own.
    Failed(StorageError, Option<VPath>),
    /// Its client cancelled the job.
    Canceled,
    /// It has changed nothing yet, takes many steps, and waits for its turn among such jobs.
    ManySteps,
    /// The server stops. The item stays begun, and continues at the next start.
    Stopping,
}

impl From<StorageError> for ItemError {
    fn from(error: StorageError) -> Self {
        let path = error.path.as_deref().cloned();
        Self::Failed(error, path)
    }
}

impl From<ErrorCode> for ItemError {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(StorageError::new(code, code.sentence()), None)
    }
}
