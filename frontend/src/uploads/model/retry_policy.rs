//! Why an upload failed, what to do about it, and whether the page can do that by itself.

use shared::ErrorCode;

use crate::failure::{Failure, Reason};
use crate::i18n::{Explained, Words};

/// Why an upload failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No room left on the server.
    NoSpace,
    /// More than the server takes.
    TooLarge,
    /// The caller may not write there.
    Forbidden,
    /// The folder that it is to go into is not there.
    FolderMissing,
    /// The server's system refuses that name.
    NameRefused,
    /// The browser can no longer read the file: it was changed, moved or deleted.
    Unreadable,
    /// What arrived is not what was sent.
    Damaged,
    /// Anything else.
    Other(Reason),
}

impl Trouble {
    /// What to say of it.
    pub fn explain(self, words: &Words) -> &Explained {
        match self {
            Self::NoSpace => &words.no_space,
            Self::TooLarge => &words.upload_too_large,
            Self::Forbidden => &words.upload_forbidden,
            Self::FolderMissing => &words.upload_homeless,
            Self::NameRefused => &words.upload_name,
            Self::Unreadable => &words.upload_gone,
            Self::Damaged => &words.upload_damaged,
            Self::Other(reason) => words.explain(reason),
        }
    }

    /// True if trying again may help although nothing is done about it here.
    pub fn sends_again(self) -> bool {
        !matches!(self, Self::Unreadable)
    }
}

/// What to do about a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The server is out of reach: no upload can go on until it is back.
    Reconnect,
    /// Wait, and go on from where the server stands.
    Retry,
    /// The server no longer knows this upload: send it from the start.
    StartOver,
    /// Something stands at the target: look at it, and ask.
    Ask,
    /// Tell the person.
    Tell(Trouble),
}

/// Decides what a failed request means for an upload.
pub fn remedy(failure: &Failure) -> Remedy {
    match failure {
        Failure::Unreachable | Failure::Aborted => Remedy::Reconnect,
        Failure::Foreign { status } => match status {
            404 | 410 => Remedy::StartOver,
            409 | 412 => Remedy::Ask,
            413 => Remedy::Tell(Trouble::TooLarge),
            408 | 423 | 425 | 429 | 503 => Remedy::Retry,
            500..=599 if *status != 507 => Remedy::Reconnect,
            507 => Remedy::Tell(Trouble::NoSpace),
            _ => Remedy::Tell(Trouble::Other(failure.reason())),
        },
        Failure::Refused { code, .. } => by_code(*code).unwrap_or(Remedy::Tell(Trouble::Other(failure.reason()))),
    }
}

fn by_code(code: ErrorCode) -> Option<Remedy> {
    Some(match code {
        ErrorCode::Unreachable | ErrorCode::Disconnected | ErrorCode::ShuttingDown => Remedy::Reconnect,
        ErrorCode::OffsetMismatch
        | ErrorCode::Incomplete
        | ErrorCode::Locked
        | ErrorCode::TooManyConnections
        | ErrorCode::TooManyRequests
        | ErrorCode::DeadlineExceeded
        | ErrorCode::Canceled
        | ErrorCode::Io
        | ErrorCode::LengthMismatch => Remedy::Retry,
        ErrorCode::Gone | ErrorCode::NotFound => Remedy::StartOver,
        ErrorCode::AlreadyExists | ErrorCode::PreconditionFailed | ErrorCode::Changed | ErrorCode::IsFolder => {
            Remedy::Ask
        }
        ErrorCode::NoSpace | ErrorCode::QuotaExceeded => Remedy::Tell(Trouble::NoSpace),
        ErrorCode::TooLarge => Remedy::Tell(Trouble::TooLarge),
        ErrorCode::Forbidden | ErrorCode::Unauthenticated | ErrorCode::ReadOnly | ErrorCode::AccessDenied => {
            Remedy::Tell(Trouble::Forbidden)
        }
        ErrorCode::ParentMissing | ErrorCode::NotFolder => Remedy::Tell(Trouble::FolderMissing),
        ErrorCode::NameRefused | ErrorCode::BadPath => Remedy::Tell(Trouble::NameRefused),
        ErrorCode::ChecksumMismatch => Remedy::Tell(Trouble::Damaged),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> Failure {
        Failure::Refused { code, status: 400, request_id: String::new() }
    }

    #[test]
    fn each_failure_has_its_remedy() {
        let check = |failure: Failure, expected| assert_eq!(remedy(&failure), expected, "{failure:?}");
        check(Failure::Unreachable, Remedy::Reconnect);
        check(Failure::Foreign { status: 502 }, Remedy::Reconnect);
        check(Failure::Foreign { status: 507 }, Remedy::Tell(Trouble::NoSpace));
        check(refused(ErrorCode::Unreachable), Remedy::Reconnect);
        check(refused(ErrorCode::OffsetMismatch), Remedy::Retry);
        check(refused(ErrorCode::Locked), Remedy::Retry);
        check(refused(ErrorCode::Gone), Remedy::StartOver);
        check(refused(ErrorCode::AlreadyExists), Remedy::Ask);
        check(refused(ErrorCode::PreconditionFailed), Remedy::Ask);
        check(refused(ErrorCode::NoSpace), Remedy::Tell(Trouble::NoSpace));
        check(refused(ErrorCode::ReadOnly), Remedy::Tell(Trouble::Forbidden));
        check(refused(ErrorCode::ChecksumMismatch), Remedy::Tell(Trouble::Damaged));
        check(refused(ErrorCode::Internal), Remedy::Tell(Trouble::Other(Reason::Broken)));
    }
}
