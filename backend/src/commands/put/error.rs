//! Why a file was not uploaded, and the failure that is reported.

use std::io;

use shared::ErrorCode;

use super::find::FileTask;
use super::upload::shown;
use crate::client::ClientError;
use crate::commands::failure::{Exit, Failure};

/// Why a file was not uploaded.
#[derive(Debug)]
pub(super) enum SendError {
    /// The server's answer, or the connection.
    Server(ClientError),
    /// This machine's disk.
    Disk(io::Error),
    /// The file has changed since its upload began, or the bytes on the server are of another file.
    Changed,
    /// The server's upload has another offset than expected, or is gone, as after a restart.
    OutOfStep(ClientError),
    /// The conflict rule forbids the upload.
    Refused(Failure),
    /// The transfer was stopped.
    Stopped,
}

impl From<ClientError> for SendError {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl SendError {
    /// The error of an existing file that the conflict rule keeps.
    pub(super) fn exists(sentence: &str) -> Self {
        Self::Refused(Failure::new(Exit::Failed, "exists", sentence))
    }

    /// Turns a server error that a fresh STAGE may resolve into [`SendError::OutOfStep`].
    pub(super) fn after_stage(self) -> Self {
        match self {
            Self::Server(error)
                if matches!(
                    error.code,
                    ErrorCode::NotFound | ErrorCode::Gone | ErrorCode::OffsetMismatch | ErrorCode::Incomplete
                ) =>
            {
                Self::OutOfStep(error)
            }
            error => error,
        }
    }

    /// The failure to report for `task`.
    pub(super) fn failure(self, task: &FileTask) -> Failure {
        match self {
            Self::Server(error) | Self::OutOfStep(error) => Failure::from(error).about(&task.remote),
            Self::Refused(failure) => failure.about(&task.remote),
            Self::Disk(error) => Failure::local(shown(&task.local), &error),
            Self::Changed | Self::Stopped => {
                let message = format!("{}: keeps changing while it is uploaded", shown(&task.local));
                Failure::new(Exit::Failed, "changed", message)
            }
        }
    }
}
