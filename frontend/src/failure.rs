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

/// The reasons that have a text of their own: a code or several that a user need not tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The caller lacks the right.
    Forbidden,
    /// The caller is not signed in.
    SignIn,
    /// The server does not accept the host name of the page's address.
    UnknownHost,
    /// The server takes the page for one of another site.
    CrossSite,
    /// The answer is of a proxy, or of another server.
    Proxy,
    /// The entry does not exist.
    Missing,
    /// A folder stands where a file is needed.
    IsFolder,
    /// A file stands where a folder is needed.
    NotFolder,
    /// A proxy in front of the server refuses a request of this size.
    ProxyLimit,
    /// The entry is neither a file nor a folder.
    Special,
    /// The entry is a link that leads out of the served folder.
    LinkEscapes,
    /// The entry is a link whose target does not exist.
    LinkBroken,
    /// The entry has changed since the user decided, or while it was read.
    Changed,
    /// The target exists already.
    Taken,
    /// A folder would have to be empty.
    NotEmpty,
    /// The parent folder of the target does not exist.
    NoParent,
    /// A folder would be moved into itself.
    IntoItself,
    /// The item of the trash, or the upload, no longer exists.
    Expired,
    /// Another request uses the entry.
    Locked,
    /// The server's file system refuses the name.
    NameRefused,
    /// The name is reserved for the server's own folder.
    NameReserved,
    /// A name is longer than the server's file system allows.
    NameTooLong,
    /// The path is malformed.
    BadPath,
    /// The change needs one disk, and concerns two.
    OtherDisk,
    /// The entry is, or contains, a disk of its own.
    Mounted,
    /// The disk with the item of the trash is not connected.
    DiskAbsent,
    /// The request exceeds a limit of the server.
    TooLarge,
    /// The server is busy or shutting down.
    Busy,
    /// The server cannot be reached.
    Unreachable,
    /// The disk is full.
    NoSpace,
    /// The caller's quota is used up.
    Quota,
    /// The server's operating system cannot do it.
    Unsupported,
    /// The server does not understand the page's request.
    Outdated,
    /// The listing cannot be continued.
    ListChanged,
    /// Gateway and file server do not understand each other.
    Misconfigured,
    /// The server's disk has an error.
    DiskError,
    /// The server's own account lacks the permission.
    AccessDenied,
    /// The disk is read-only.
    ReadOnly,
    /// The request was canceled.
    Canceled,
    /// The bytes of an upload are incomplete on the server.
    Interrupted,
    /// The bytes of an upload have another checksum on the server.
    Damaged,
    /// The browser can no longer read the file to upload.
    Unreadable,
    /// The server has an internal error, or one that this page does not know.
    Broken,
}

/// What the page was asked to do when a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// List a folder, or open an entry.
    Open,
    /// Download files, or folders as an archive.
    Download,
    /// Create a folder.
    Create,
    /// Rename an entry.
    Rename,
    /// Move entries.
    Move,
    /// Copy entries.
    Copy,
    /// Move entries to the trash.
    Trash,
    /// Delete entries permanently.
    Delete,
    /// Restore entries from the trash.
    Restore,
    /// Upload a file.
    Upload,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::Open,
        Self::Download,
        Self::Create,
        Self::Rename,
        Self::Move,
        Self::Copy,
        Self::Trash,
        Self::Delete,
        Self::Restore,
        Self::Upload,
    ];

    /// True if the operation changes files on the server.
    pub fn is_change(self) -> bool {
        !matches!(self, Self::Open | Self::Download)
    }
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
            Self::Refused { code: ErrorCode::Unknown(_), status, .. } => by_status(*status),
            Self::Refused { code, .. } => Reason::of(*code),
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

impl Reason {
    /// The reason of an error code.
    pub fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Forbidden => Self::Forbidden,
            ErrorCode::Unauthenticated => Self::SignIn,
            ErrorCode::UnknownHost => Self::UnknownHost,
            ErrorCode::CrossSite => Self::CrossSite,
            ErrorCode::NotFound => Self::Missing,
            ErrorCode::IsFolder => Self::IsFolder,
            ErrorCode::NotFolder => Self::NotFolder,
            ErrorCode::NotRegular => Self::Special,
            ErrorCode::LinkEscapes => Self::LinkEscapes,
            ErrorCode::LinkBroken => Self::LinkBroken,
            ErrorCode::Changed | ErrorCode::PreconditionFailed => Self::Changed,
            ErrorCode::AlreadyExists => Self::Taken,
            ErrorCode::NotEmpty => Self::NotEmpty,
            ErrorCode::ParentMissing => Self::NoParent,
            ErrorCode::IntoItself => Self::IntoItself,
            ErrorCode::Gone => Self::Expired,
            ErrorCode::Locked => Self::Locked,
            ErrorCode::NameRefused => Self::NameRefused,
            ErrorCode::NameReserved => Self::NameReserved,
            ErrorCode::NameTooLong => Self::NameTooLong,
            ErrorCode::BadPath => Self::BadPath,
            ErrorCode::CrossDevice => Self::OtherDisk,
            ErrorCode::Mounted => Self::Mounted,
            ErrorCode::DiskAbsent => Self::DiskAbsent,
            ErrorCode::TooLarge => Self::TooLarge,
            ErrorCode::TooManyConnections
            | ErrorCode::TooManyRequests
            | ErrorCode::ShuttingDown
            | ErrorCode::DeadlineExceeded => Self::Busy,
            ErrorCode::Unreachable | ErrorCode::Disconnected | ErrorCode::HandshakeTimeout => Self::Unreachable,
            ErrorCode::NoSpace => Self::NoSpace,
            ErrorCode::QuotaExceeded => Self::Quota,
            ErrorCode::Unsupported => Self::Unsupported,
            ErrorCode::RangeNotSatisfiable
            | ErrorCode::NotAcceptable
            | ErrorCode::KeyReused
            | ErrorCode::BadRequest
            | ErrorCode::MethodNotAllowed
            | ErrorCode::UnsupportedMediaType
            | ErrorCode::LengthRequired
            | ErrorCode::UnsupportedVersion => Self::Outdated,
            ErrorCode::BadCursor => Self::ListChanged,
            ErrorCode::BadProof | ErrorCode::VersionMismatch | ErrorCode::Protocol | ErrorCode::FrameTooLong => {
                Self::Misconfigured
            }
            ErrorCode::Io => Self::DiskError,
            ErrorCode::AccessDenied => Self::AccessDenied,
            ErrorCode::ReadOnly => Self::ReadOnly,
            ErrorCode::Canceled => Self::Canceled,
            ErrorCode::OffsetMismatch | ErrorCode::Incomplete | ErrorCode::LengthMismatch => Self::Interrupted,
            ErrorCode::ChecksumMismatch => Self::Damaged,
            // `Internal`, and codes of a newer server.
            _ => Self::Broken,
        }
    }
}

/// The reason behind a status without a code of the API.
fn by_status(status: u16) -> Reason {
    match status {
        401 => Reason::SignIn,
        404 | 410 => Reason::Missing,
        413 => Reason::TooLarge,
        429 | 503 => Reason::Busy,
        502 | 504 => Reason::Unreachable,
        507 => Reason::NoSpace,
        500..=599 => Reason::Broken,
        _ => Reason::Proxy,
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
        assert_eq!(refused(ErrorCode::LinkEscapes, 403).reason(), Reason::LinkEscapes);
        assert_eq!(refused(ErrorCode::Unknown(0), 404).reason(), Reason::Missing);
        assert_eq!(refused(ErrorCode::Unknown(0), 500).reason(), Reason::Broken);
        assert_eq!(Failure::Foreign { status: 403 }.reason(), Reason::Proxy);
        assert_eq!(Failure::Foreign { status: 502 }.reason(), Reason::Unreachable);
        assert!(Failure::Unreachable.is_transient());
        assert!(!refused(ErrorCode::NotFound, 404).is_transient());
        assert!(refused(ErrorCode::BadCursor, 400).is_lost_cursor());
    }

    #[test]
    fn backoff_grows_to_half_a_minute() {
        assert_eq!([0, 1, 2, 9].map(backoff_milliseconds), [1_000, 2_000, 4_000, 30_000]);
    }
}
