//! Why an upload failed, and how the page reacts.

use shared::ErrorCode;

use crate::failure::{Failure, Operation, Reason};
use crate::i18n::{Explained, Words};

/// Why an upload failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadError(pub Reason);

impl UploadError {
    /// The message for the user.
    pub fn explain(self, words: &Words) -> &Explained {
        words.explain(self.0, Operation::Upload)
    }

    /// True if a retry may succeed without selecting the file again.
    pub fn can_retry(self) -> bool {
        self.0 != Reason::Unreadable
    }
}

/// The reaction to a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The server is out of reach: pause all uploads until it answers.
    Reconnect,
    /// Retry after a delay, from the server's offset. If all retries fail, the reason is shown.
    Retry(Reason),
    /// Retry after a delay from the start, because the server no longer has the upload.
    StartOver,
    /// Look up the entry at the target, and ask the user.
    CheckTarget,
    /// Give up and show the reason.
    Fail(UploadError),
}

/// The reaction to a failed request of an upload.
pub fn remedy(failure: &Failure) -> Remedy {
    match failure {
        Failure::Unreachable | Failure::Aborted => Remedy::Reconnect,
        Failure::Foreign { status } => match status {
            404 | 410 => Remedy::StartOver,
            409 | 412 => Remedy::CheckTarget,
            408 | 423 | 425 | 429 | 503 => Remedy::Retry(Reason::Busy),
            500..=599 if *status != 507 => Remedy::Reconnect,
            _ => Remedy::Fail(UploadError(failure.reason())),
        },
        Failure::Refused { code, .. } => by_code(*code).unwrap_or(Remedy::Fail(UploadError(failure.reason()))),
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
        | ErrorCode::LengthMismatch => Remedy::Retry(Reason::of(code)),
        ErrorCode::Gone | ErrorCode::NotFound => Remedy::StartOver,
        ErrorCode::AlreadyExists | ErrorCode::PreconditionFailed | ErrorCode::Changed | ErrorCode::IsFolder => {
            Remedy::CheckTarget
        }
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
    fn remedy_by_status_and_code() {
        let check = |failure: Failure, expected| assert_eq!(remedy(&failure), expected, "{failure:?}");
        check(Failure::Unreachable, Remedy::Reconnect);
        check(Failure::Foreign { status: 502 }, Remedy::Reconnect);
        check(Failure::Foreign { status: 413 }, Remedy::Fail(UploadError(Reason::ProxyLimit)));
        check(refused(ErrorCode::TooLarge), Remedy::Fail(UploadError(Reason::TooLarge)));
        check(Failure::Foreign { status: 507 }, Remedy::Fail(UploadError(Reason::NoSpace)));
        check(refused(ErrorCode::Unreachable), Remedy::Reconnect);
        check(refused(ErrorCode::OffsetMismatch), Remedy::Retry(Reason::Interrupted));
        check(refused(ErrorCode::Locked), Remedy::Retry(Reason::Locked));
        check(refused(ErrorCode::Gone), Remedy::StartOver);
        check(refused(ErrorCode::AlreadyExists), Remedy::CheckTarget);
        check(refused(ErrorCode::PreconditionFailed), Remedy::CheckTarget);
        check(refused(ErrorCode::NoSpace), Remedy::Fail(UploadError(Reason::NoSpace)));
        check(refused(ErrorCode::ReadOnly), Remedy::Fail(UploadError(Reason::ReadOnly)));
        check(refused(ErrorCode::ChecksumMismatch), Remedy::Fail(UploadError(Reason::Damaged)));
        check(refused(ErrorCode::Internal), Remedy::Fail(UploadError(Reason::Broken)));
    }
}
