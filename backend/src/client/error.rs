//! Why a call failed.

use std::time::Duration;

use shared::ErrorCode;
use shared::wire::Failure;

use crate::wire::WireError;

/// Why a call failed: the file server's own reason, or that there is no file server to be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message} ({code})")]
pub struct ClientError {
    /// The reason.
    pub code: ErrorCode,
    /// One sentence for the log.
    pub message: String,
    /// How long to wait before another try, where that is known.
    pub retry_after: Option<Duration>,
}

impl ClientError {
    /// A failure on this side.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None }
    }
}

impl From<Failure> for ClientError {
    fn from(failure: Failure) -> Self {
        let retry_after = failure.retry_after_ms.map(|time| Duration::from_millis(time.into()));
        Self { code: failure.code, message: failure.message, retry_after }
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
