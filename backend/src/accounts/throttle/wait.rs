//! How long an attempt has to wait.

use std::time::Duration;

use shared::ErrorCode;

/// How long an attempt has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many attempts; try again in {} s", .0.as_secs())]
pub struct Wait(pub Duration);

impl Wait {
    /// The stable code on all interfaces.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::TooManyRequests
    }
}
