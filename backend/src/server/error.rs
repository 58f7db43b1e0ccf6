//! Why an operation ends without its answer.

use shared::ErrorCode;
use shared::wire::Failure;

use crate::admission::Refusal;
use crate::random::NoRandomness;
use crate::storage::StorageError;
use crate::wire::WireError;

/// What ends an operation early.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The request fails with this reason in its END; the connection continues.
    Failed(Failure),
    /// The connection ends: it broke, or a frame has begun that cannot be completed.
    Connection(WireError),
}

/// How long a client waits before it repeats a request that was refused because something is scarce, in milliseconds.
const SCARCE_TIME_MS: u32 = 2_000;

fn retry_after(code: ErrorCode) -> Option<u32> {
    (code == ErrorCode::TooManyRequests).then_some(SCARCE_TIME_MS)
}

impl RequestError {
    /// Why a request gets nothing of something scarce, which `scarce` names.
    pub(super) fn refused(refusal: Refusal, scarce: &str) -> Self {
        Self::Failed(match refusal {
            Refusal::TooLarge => {
                Failure::new(ErrorCode::TooLarge, format!("{scarce}: more than one user or address may have"))
            }
            Refusal::OwnShare => busy(format!("{scarce}: too many of this user or address")),
            Refusal::AllTaken => busy(format!("{scarce}: too many of all users")),
        })
    }
}

fn busy(message: String) -> Failure {
    Failure { retry_after_ms: Some(SCARCE_TIME_MS), ..Failure::new(ErrorCode::TooManyRequests, message) }
}

impl From<Failure> for RequestError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<WireError> for RequestError {
    fn from(error: WireError) -> Self {
        Self::Connection(error)
    }
}

impl From<ErrorCode> for RequestError {
    fn from(code: ErrorCode) -> Self {
        Self::Failed(Failure::new(code, code.name()))
    }
}

impl From<NoRandomness> for RequestError {
    fn from(error: NoRandomness) -> Self {
        StorageError::from(error).into()
    }
}

/// The peer gets the code and the context; the operating system's own error stays in the log, since it may name paths
/// outside the caller's root.
impl From<StorageError> for RequestError {
    fn from(error: StorageError) -> Self {
        if error.concerns_operator() {
            tracing::warn!(code = %error.code, context = error.context, cause = ?error.source, "the storage failed");
        }
        Self::Failed(Failure { retry_after_ms: retry_after(error.code), ..Failure::new(error.code, error.context) })
    }
}
