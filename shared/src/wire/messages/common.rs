//! Parts of all requests and answers: the caller, and how requests and connections end.

use minicbor::{Decode, Encode};

use super::bounds::{Bounded, check};
use crate::error::ErrorCode;
use crate::limits::{CLIENT_BYTES_MAX, PRINCIPAL_BYTES_MAX, SCOPE_ROOTS_MAX, TEXT_BYTES_MAX};
use crate::scope::Scope;

/// The caller of a request, for authorisation and logs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Caller {
    /// The roots and rights of the caller.
    #[n(0)]
    pub scope: Scope,
    /// The index of the root that the request's paths are relative to.
    #[n(1)]
    pub root: u16,
    /// How long the caller waits for the first frame of the answer, in milliseconds. `None` for no limit.
    #[n(2)]
    pub deadline_ms: Option<u32>,
    /// An id that connects log lines of gateway and file server.
    #[n(3)]
    pub trace_id: Option<String>,
    /// The account, if any. It owns its uploads and jobs: other callers cannot see or cancel them.
    #[n(4)]
    pub principal: Option<String>,
    /// The client that a gateway speaks for, made of its address, such as `203.0.113.7` or `2001:db8:1:200::/56`. What is
    /// scarce is shared fairly among clients of one principal; a client owns nothing. At most [`CLIENT_BYTES_MAX`] bytes.
    #[n(7)]
    pub client: Option<String>,
}

impl Bounded for Caller {
    fn check_bounds(&self) -> Result<(), &'static str> {
        check(self.scope.roots.len() <= SCOPE_ROOTS_MAX, "too many roots in the scope")?;
        check(self.trace_id.as_ref().is_none_or(|id| id.len() <= TEXT_BYTES_MAX), "the trace id is too long")?;
        let named = |name: &String| name.len() <= PRINCIPAL_BYTES_MAX;
        check(self.principal.as_ref().is_none_or(named), "the principal is too long")?;
        check(self.client.as_ref().is_none_or(|name| name.len() <= CLIENT_BYTES_MAX), "the client's name is too long")?;
        check(self.scope.roots.iter().all(|root| root.name.len() <= TEXT_BYTES_MAX), "a root's name is too long")
    }
}

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
