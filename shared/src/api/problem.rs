//! Problem details (RFC 9457): the body of every refusal.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;

/// The media type of a [`Problem`].
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// Why a request was refused, for programs (`code`) and for people (`title`, `detail`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`: the kinds of problem have no pages of their own, `code` tells them apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status code of the response.
    pub status: u16,
    /// The name of the [`ErrorCode`]; stable.
    pub code: String,
    /// What happened, in a few words.
    pub title: String,
    /// What happened here, and what to do about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The request's id, which the server's log has too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

impl Problem {
    /// The code; [`ErrorCode::Unknown`] for one that this build does not know.
    pub fn error_code(&self) -> ErrorCode {
        ErrorCode::from_name(&self.code).unwrap_or(ErrorCode::Unknown(0))
    }
}
