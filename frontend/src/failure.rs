//! The failures of requests, and the reasons that the page distinguishes. Pure.

use shared::ErrorCode;
use shared::api::Problem;

/// Why a request brought no answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The server answered with an error of the API.
    Refused {
        /// The error code.
        code: ErrorCode,
        /// The HTTP status.
        status: u16,
        /// The id of the request in the server's log; empty if unknown.
        request_id: String,
    },
    /// There is no response: no network, or no server at that address.
    Unreachable,
    /// The response is not of this API, but of another server or a proxy.
    Foreign {
        /// The HTTP status.
        status: u16,
    },
    /// The page aborted the request, because the user has moved elsewhere.
    Aborted,
}

/// The reasons that have a text, and advice, of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The caller lacks the right.
    Forbidden,
    /// The entry does not exist.
    Missing,
    /// The path names a file instead of a folder.
    NotFolder,
    /// The entry is a link out of the served folder, or neither file nor folder.
    NotServed,
    /// The request exceeds a limit of the server.
    TooLarge,
    /// A proxy in front of the server refuses a request of this size.
    ProxyLimit,
    /// The address is malformed.
    BadAddress,
    /// The server is busy or shutting down.
    Busy,
    /// The server cannot be reached.
    Unreachable,
    /// The server has an internal error.
    Broken,
    /// The target exists already.
    Taken,
    /// The parent folder of the target does not exist.
    NoParent,
    /// A folder would be moved into itself.
    IntoItself,
    /// The entry has changed since the user decided.
    ChangedSince,
    /// The server's system refuses the name.
    BadName,
    /// The disk or the quota is full.
    NoSpace,
    /// The server's own account may not write there.
    CannotWrite,
    /// The item is no longer in the trash.
    Expired,
}

impl Failure {
    /// The failure that a problem document (RFC 9457) describes.
    pub fn from_problem(problem: Problem) -> Self {
        Self::Refused { code: problem.error_code(), status: problem.status, request_id: problem.request_id }
    }

    /// The reason to show.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unreachable | Self::Aborted => Reason::Unreachable,
            Self::Foreign { status: 413 } => Reason::ProxyLimit,
            Self::Foreign { status } => by_status(*status),
            Self::Refused { code, status, .. } => by_code(*code).unwrap_or_else(|| by_status(*status)),
        }
    }

    /// The error code, for code that knows no transport.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Unreachable | Self::Aborted => ErrorCode::Unreachable,
            Self::Foreign { .. } => ErrorCode::Internal,
        }
    }

    /// True if a retry may succeed without any other change.
    pub fn is_transient(&self) -> bool {
        matches!(self.reason(), Reason::Unreachable | Reason::Busy)
    }

    /// True if the server no longer accepts a listing's cursor, so that the listing has to start again.
    pub fn is_lost_cursor(&self) -> bool {
        matches!(self, Self::Refused { code: ErrorCode::BadCursor | ErrorCode::Changed | ErrorCode::BadRequest, .. })
    }

    /// The id to quote to the server's administrator.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. } if !request_id.is_empty() => Some(request_id),
            _ => None,
        }
    }
}

/// The reason to show for an item of a change that failed.
pub fn reason_of_item(code: ErrorCode) -> Reason {
    match code {
        ErrorCode::AlreadyExists | ErrorCode::NotEmpty => Reason::Taken,
        ErrorCode::ParentMissing => Reason::NoParent,
        ErrorCode::IntoItself => Reason::IntoItself,
        ErrorCode::Changed | ErrorCode::PreconditionFailed => Reason::ChangedSince,
        ErrorCode::NameRefused | ErrorCode::NameTooLong | ErrorCode::BadPath => Reason::BadName,
        ErrorCode::NoSpace | ErrorCode::QuotaExceeded => Reason::NoSpace,
        ErrorCode::ReadOnly | ErrorCode::AccessDenied => Reason::CannotWrite,
        ErrorCode::Gone => Reason::Expired,
        _ => by_code(code).unwrap_or(Reason::Broken),
    }
}

fn by_code(code: ErrorCode) -> Option<Reason> {
    Some(match code {
        ErrorCode::Forbidden | ErrorCode::Unauthenticated | ErrorCode::AccessDenied | ErrorCode::UnknownHost => {
            Reason::Forbidden
        }
        ErrorCode::NotFound | ErrorCode::Changed => Reason::Missing,
        ErrorCode::NotFolder => Reason::NotFolder,
        ErrorCode::NotRegular | ErrorCode::LinkEscapes => Reason::NotServed,
        ErrorCode::TooLarge => Reason::TooLarge,
        ErrorCode::BadPath | ErrorCode::BadRequest => Reason::BadAddress,
        ErrorCode::TooManyConnections
        | ErrorCode::TooManyRequests
        | ErrorCode::ShuttingDown
        | ErrorCode::DeadlineExceeded => Reason::Busy,
        ErrorCode::Unreachable | ErrorCode::Disconnected => Reason::Unreachable,
        ErrorCode::Io | ErrorCode::Internal => Reason::Broken,
        _ => return None,
    })
}

fn by_status(status: u16) -> Reason {
    match status {
        401 | 403 => Reason::Forbidden,
        404 | 410 => Reason::Missing,
        413 => Reason::TooLarge,
        400 | 414 => Reason::BadAddress,
        429 | 503 => Reason::Busy,
        502 | 504 => Reason::Unreachable,
        _ => Reason::Broken,
    }
}

/// The wait before the next retry, in milliseconds, after `failures` failures in a row.
pub fn backoff_milliseconds(failures: u32) -> u32 {
    (1_000 << failures.min(5)).min(30_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode, status: u16) -> Failure {
        Failure::Refused { code, status, request_id: String::new() }
    }

    #[test]
    fn reason_follows_the_code_and_then_the_status() {
        assert_eq!(refused(ErrorCode::LinkEscapes, 403).reason(), Reason::NotServed);
        assert_eq!(refused(ErrorCode::Unknown(0), 404).reason(), Reason::Missing);
        assert_eq!(refused(ErrorCode::Unknown(0), 500).reason(), Reason::Broken);
        assert_eq!(Failure::Foreign { status: 502 }.reason(), Reason::Unreachable);
        assert!(Failure::Unreachable.is_transient());
        assert!(!refused(ErrorCode::NotFound, 404).is_transient());
        assert!(refused(ErrorCode::BadCursor, 400).is_lost_cursor());
    }

    #[test]
    fn items_of_a_change_have_reasons_of_their_own() {
        assert_eq!(reason_of_item(ErrorCode::Changed), Reason::ChangedSince);
        assert_eq!(reason_of_item(ErrorCode::NotFound), Reason::Missing);
        assert_eq!(reason_of_item(ErrorCode::Unreachable), Reason::Unreachable);
        assert_eq!(reason_of_item(ErrorCode::Protocol), Reason::Broken);
    }

    #[test]
    fn backoff_grows_to_half_a_minute() {
        assert_eq!([0, 1, 2, 9].map(backoff_milliseconds), [1_000, 2_000, 4_000, 30_000]);
    }
}
