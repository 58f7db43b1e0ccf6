//! Why a request failed, as the page tells failures apart.

use shared::ErrorCode;
use shared::api::Problem;

/// A request that brought nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The server refused it and said why.
    Refused {
        /// The reason.
        code: ErrorCode,
        /// The HTTP status.
        status: u16,
        /// The id that the server's log has too.
        request_id: String,
    },
    /// No answer: no network, or no server at that address.
    Unreachable,
    /// An answer that is not this API's: another server, or a proxy's page.
    Foreign {
        /// The HTTP status.
        status: u16,
    },
    /// The page itself gave it up, because somebody went elsewhere.
    Aborted,
}

/// What kind of words and ways out a failure needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It may not be read.
    Forbidden,
    /// It is not there.
    Missing,
    /// It is a file where a folder was meant.
    NotFolder,
    /// It leads out of the served folder, or is nothing that can be read.
    NotServed,
    /// It is more than the server gives at once.
    TooLarge,
    /// The address names nothing.
    BadAddress,
    /// The server is busy or going down.
    Busy,
    /// The server cannot be reached.
    Unreachable,
    /// The server failed.
    Broken,
    /// Something stands where it should go.
    Taken,
    /// The folder that it should go into is not there.
    NoParent,
    /// A folder would go into itself.
    IntoItself,
    /// It is no longer what it was when the person decided.
    ChangedSince,
    /// The server's system does not take the name.
    BadName,
    /// There is no room left.
    NoSpace,
    /// The server itself may not write there.
    CannotWrite,
    /// It is no longer in the trash.
    Expired,
}

impl Failure {
    /// From a problem document.
    pub fn from_problem(problem: Problem) -> Self {
        Self::Refused { code: problem.error_code(), status: problem.status, request_id: problem.request_id }
    }

    /// Which words to use.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unreachable | Self::Aborted => Reason::Unreachable,
            Self::Foreign { status } => by_status(*status),
            Self::Refused { code, status, .. } => by_code(*code).unwrap_or_else(|| by_status(*status)),
        }
    }

    /// The reason as a code, for what knows no transport.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Unreachable | Self::Aborted => ErrorCode::Unreachable,
            Self::Foreign { .. } => ErrorCode::Internal,
        }
    }

    /// True if asking again may help with nothing else changed.
    pub fn passes(&self) -> bool {
        matches!(self.reason(), Reason::Unreachable | Reason::Busy)
    }

    /// True if a listing's cursor no longer leads anywhere: the listing has to be started again.
    pub fn is_lost_cursor(&self) -> bool {
        matches!(self, Self::Refused { code: ErrorCode::BadCursor | ErrorCode::Changed | ErrorCode::BadRequest, .. })
    }

    /// What to quote to whoever runs the server.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Refused { request_id, .. } if !request_id.is_empty() => Some(request_id),
            _ => None,
        }
    }
}

/// Why an item of a change failed.
pub fn of_change(code: ErrorCode) -> Reason {
    match code {
        ErrorCode::AlreadyExists | ErrorCode::NotEmpty => Reason::Taken,
        ErrorCode::ParentMissing => Reason::NoParent,
        ErrorCode::IntoItself => Reason::IntoItself,
        ErrorCode::Changed | ErrorCode::PreconditionFailed => Reason::ChangedSince,
        ErrorCode::NameRefused | ErrorCode::BadPath => Reason::BadName,
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

/// How long to wait before the next try, in milliseconds, after so many in vain.
pub fn backoff_milliseconds(tries: u32) -> u32 {
    (1_000 << tries.min(5)).min(30_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode, status: u16) -> Failure {
        Failure::Refused { code, status, request_id: String::new() }
    }

    #[test]
    fn the_code_decides_and_the_status_helps_out() {
        assert_eq!(refused(ErrorCode::LinkEscapes, 403).reason(), Reason::NotServed);
        assert_eq!(refused(ErrorCode::Unknown(0), 404).reason(), Reason::Missing);
        assert_eq!(refused(ErrorCode::Unknown(0), 500).reason(), Reason::Broken);
        assert_eq!(Failure::Foreign { status: 502 }.reason(), Reason::Unreachable);
        assert!(Failure::Unreachable.passes());
        assert!(!refused(ErrorCode::NotFound, 404).passes());
        assert!(refused(ErrorCode::BadCursor, 400).is_lost_cursor());
    }

    #[test]
    fn a_change_has_reasons_of_its_own() {
        assert_eq!(of_change(ErrorCode::Changed), Reason::ChangedSince);
        assert_eq!(of_change(ErrorCode::NotFound), Reason::Missing);
        assert_eq!(of_change(ErrorCode::Unreachable), Reason::Unreachable);
        assert_eq!(of_change(ErrorCode::Protocol), Reason::Broken);
    }

    #[test]
    fn waits_grow_to_half_a_minute() {
        assert_eq!([0, 1, 2, 9].map(backoff_milliseconds), [1_000, 2_000, 4_000, 30_000]);
    }
}
