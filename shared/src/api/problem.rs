//! Problem details (RFC 9457): the body of every error response.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;

/// The media type of a [`Problem`].
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Why a request failed, for programs (`code`) and for people (`title`, `detail`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: problems are distinguished by `code`, not by a URI.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status code of the response.
    pub status: u16,
    /// The stable name of the [`ErrorCode`].
    pub code: String,
    /// A short description of the code.
    pub title: String,
    /// What happened in this request, and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The id of the request in the server's log.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

impl Problem {
    /// The code. [`ErrorCode::Unknown`] if this build does not know it.
    pub fn error_code(&self) -> ErrorCode {
        ErrorCode::from_name(&self.code).unwrap_or(ErrorCode::Unknown(0))
    }
}
