//! Why an item of a job has not succeeded.

use shared::{Conflict, ErrorCode, VPath};

use super::decide::is_overtaken;
use crate::storage::StorageError;

/// Why an item of a job has not succeeded.
#[derive(Debug)]
pub(super) enum ItemError {
    /// It failed; at this path in the storage, if that is not the item's own.
    Failed(StorageError, Option<VPath>),
    /// It has changed nothing yet, and its target has changed since the conflict was decided.
    Overtaken(StorageError),
    /// Its client cancelled the job.
    Canceled,
    /// It has changed nothing yet, takes many steps, and waits for its turn among such jobs.
    ManySteps,
    /// The server stops. The item stays begun, and continues at the next start.
    Stopping,
}

impl ItemError {
    /// A failure of the step that puts an entry at its target: [`ItemError::Overtaken`] if a new decision of the
    /// conflict can avoid it.
    pub(super) fn at_target(self, conflict: Conflict) -> Self {
        match self {
            Self::Failed(error, _) if is_overtaken(conflict, error.code) => Self::Overtaken(error),
            error => error,
        }
    }
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
