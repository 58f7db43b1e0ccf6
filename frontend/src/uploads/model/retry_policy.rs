//! Why an upload failed, and how the page reacts.

use shared::ErrorCode;

use crate::failure::{Failure, Reason};
use crate::i18n::{Explained, Words};

/// Why an upload failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadError {
    /// The server has no space left, or the quota is exceeded.
    NoSpace,
    /// The file is larger than the server accepts.
    TooLarge,
    /// The user may not write to the folder.
    Forbidden,
    /// The target folder does not exist.
    FolderMissing,
    /// The server's file system refuses the name.
    NameRefused,
    /// The browser can no longer read the file, because it was changed, moved or deleted.
    Unreadable,
    /// The bytes were corrupted in transit.
    Damaged,
    /// Any other reason.
    Other(Reason),
}

impl UploadError {
    /// The message for the user.
    pub fn explain(self, words: &Words) -> &Explained {
        match self {
            Self::NoSpace => &words.upload_no_space,
            Self::TooLarge => &words.upload_too_large,
            Self::Forbidden => &words.upload_forbidden,
            Self::FolderMissing => &words.upload_folder_missing,
            Self::NameRefused => &words.upload_name_refused,
            Self::Unreadable => &words.upload_unreadable,
            Self::Damaged => &words.upload_damaged,
            Self::Other(reason) => words.explain(reason),
        }
    }

    /// True if a retry may succeed without selecting the file again.
    pub fn can_retry(self) -> bool {
        !matches!(self, Self::Unreadable)
    }
}

/// The reaction to a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The server is out of reach: pause all uploads until it answers.
    Reconnect,
    /// Retry after a delay, from the server's offset.
    Retry,
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
            408 | 423 | 425 | 429 | 503 => Remedy::Retry,
            500..=599 if *status != 507 => Remedy::Reconnect,
            507 => Remedy::Fail(UploadError::NoSpace),
            _ => Remedy::Fail(UploadError::Other(failure.reason())),
        },
        Failure::Refused { code, .. } => by_code(*code).unwrap_or(Remedy::Fail(UploadError::Other(failure.reason()))),
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
            Remedy::CheckTarget
        }
        ErrorCode::NoSpace | ErrorCode::QuotaExceeded => Remedy::Fail(UploadError::NoSpace),
        ErrorCode::TooLarge => Remedy::Fail(UploadError::TooLarge),
        ErrorCode::Forbidden | ErrorCode::Unauthenticated | ErrorCode::ReadOnly | ErrorCode::AccessDenied => {
            Remedy::Fail(UploadError::Forbidden)
        }
        ErrorCode::ParentMissing | ErrorCode::NotFolder => Remedy::Fail(UploadError::FolderMissing),
        ErrorCode::NameRefused | ErrorCode::NameTooLong | ErrorCode::BadPath => Remedy::Fail(UploadError::NameRefused),
        ErrorCode::ChecksumMismatch => Remedy::Fail(UploadError::Damaged),
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
        check(Failure::Foreign { status: 413 }, Remedy::Fail(UploadError::Other(Reason::ProxyLimit)));
        check(refused(ErrorCode::TooLarge), Remedy::Fail(UploadError::TooLarge));
        check(Failure::Foreign { status: 507 }, Remedy::Fail(UploadError::NoSpace));
        check(refused(ErrorCode::Unreachable), Remedy::Reconnect);
        check(refused(ErrorCode::OffsetMismatch), Remedy::Retry);
        check(refused(ErrorCode::Locked), Remedy::Retry);
        check(refused(ErrorCode::Gone), Remedy::StartOver);
        check(refused(ErrorCode::AlreadyExists), Remedy::CheckTarget);
        check(refused(ErrorCode::PreconditionFailed), Remedy::CheckTarget);
        check(refused(ErrorCode::NoSpace), Remedy::Fail(UploadError::NoSpace));
        check(refused(ErrorCode::ReadOnly), Remedy::Fail(UploadError::Forbidden));
        check(refused(ErrorCode::ChecksumMismatch), Remedy::Fail(UploadError::Damaged));
        check(refused(ErrorCode::Internal), Remedy::Fail(UploadError::Other(Reason::Broken)));
    }
}
