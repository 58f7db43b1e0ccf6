//! Parts of all requests and answers: where the caller is, and how requests and connections end.

use minicbor::{Decode, Encode};

use super::caller::Caller;
use crate::error::ErrorCode;

/// The part that all requests but STORE have in common, for a reader that leaves the rest to others.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct RequestHead {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
}

/// As [`RequestHead`], of STORE.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct StoreHead {
    /// The beginning of its STAGE.
    #[n(0)]
    pub stage: RequestHead,
}

/// END: the end of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct End {
    /// `None` on success.
    #[n(0)]
    pub error: Option<Failure>,
}

/// Why a request or connection failed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Failure {
    /// The error code.
    #[n(0)]
    pub code: ErrorCode,
    /// One sentence for the log.
    #[n(1)]
    pub message: String,
    /// True if the unchanged request may succeed later.
    #[n(2)]
    pub retryable: bool,
    /// How long to wait before the next attempt, in milliseconds.
    #[n(3)]
    pub retry_after_ms: Option<u32>,
    /// With [`ErrorCode::NoSpace`]: how many bytes more the disk would need to have free. With
    /// [`ErrorCode::QuotaExceeded`]: how many bytes more unfinished uploads would hold than they may; `None` for a quota of
    /// the file system.
    #[n(4)]
    pub missing_bytes: Option<u64>,
}

/// GOODBYE: closes the connection.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Goodbye {
    /// The reason. `None` without a failure.
    #[n(0)]
    pub error: Option<Failure>,
}

impl Failure {
    /// A failure that is retryable if its code is.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code.retryable(), retry_after_ms: None, missing_bytes: None }
    }

    /// With the number of bytes for which there is no room.
    pub fn missing(self, bytes: u64) -> Self {
        Self { missing_bytes: Some(bytes), ..self }
    }
}
