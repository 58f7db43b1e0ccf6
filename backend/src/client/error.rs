//! Why a call failed.

use std::time::Duration;

use shared::ErrorCode;
use shared::wire::Failure;

use crate::wire::WireError;

/// Why a call failed: a failure that the file server reports, or that it cannot be reached.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ClientError {
    /// The reason.
    pub code: ErrorCode,
    /// One sentence for the log.
    pub message: String,
    /// When to try again, if known.
    pub retry_after: Option<Duration>,
    /// How many bytes more the disk would need to have free, if that is the reason.
    pub missing_bytes: Option<u64>,
}

impl ClientError {
    /// A failure of the client itself.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, missing_bytes: None }
    }
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        let retry_after = failure.retry_after_ms.map(|time| Duration::from_millis(time.into()));
        Self { code: failure.code, message: failure.message, retry_after, missing_bytes: failure.missing_bytes }
    }
}

impl From<WireError> for ClientError {
    fn from(error: WireError) -> Self {
        let code = match error {
            WireError::Header(_) | WireError::Body(_) | WireError::Unexpected(_) | WireError::TooMany(_) => {
                ErrorCode::Protocol
            }
            WireError::Truncated | WireError::Stalled | WireError::Io(_) => ErrorCode::Disconnected,
        };
        Self::new(code, error.to_string())
    }
}
