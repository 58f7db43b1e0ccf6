//! `ErrorCode`: the closed list of error codes of all interfaces. The framed protocol sends the number, HTTP and the
//! command line the name, and the page shows a sentence. A number is never reused. A code that a build does not know is
//! handled by its class, which is the number divided by 100.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $name:literal, $retryable:literal;)*) => {
        /// Why a request was refused or failed.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $variant,)*
            /// A code of a newer peer that this build does not know.
            Unknown(u16),
        }

        impl ErrorCode {
            /// Every code of this build, in ascending order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number in the framed protocol.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* Self::Unknown(number) => number }
            }

            /// The code with that number.
            pub const fn from_number(number: u16) -> Self {
                match number { $($number => Self::$variant,)* _ => Self::Unknown(number) }
            }

            /// The stable name in HTTP problem details and in `--json` output.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* Self::Unknown(_) => "unknown" }
            }

            /// The code with that name. `None` if this build does not know it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// True if the unchanged request may succeed later.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* Self::Unknown(_) => false }
            }
        }
    };
}

codes! {
    /// The peer did not prove that it holds the key.
    BadProof = 100, "bad_proof", false;
    /// The handshake took longer than [`crate::limits::HANDSHAKE_TIME`].
    HandshakeTimeout = 101, "handshake_timeout", true;
    /// The two sides have no protocol version in common.
    VersionMismatch = 102, "version_mismatch", false;
    /// The caller's rights do not allow it.
    Forbidden = 110, "forbidden", false;
    /// The request needs a signed-in user.
    Unauthenticated = 111, "unauthenticated", false;
    /// The `Host` header names a host that is not configured.
    UnknownHost = 112, "unknown_host", false;

    /// The path does not exist.
    NotFound = 200, "not_found", false;
    /// The path is a folder, but must be a file.
    IsFolder = 201, "is_folder", false;
    /// The path, or a part of it, is a file, but must be a folder.
    NotFolder = 202, "not_folder", false;
    /// Neither a file nor a folder: a socket, a device or a FIFO. These are never opened.
    NotRegular = 203, "not_regular", false;
    /// A symbolic link whose target is outside the root.
    LinkEscapes = 204, "link_escapes", false;
    /// The file is not the requested version, or changed during the transfer.
    Changed = 205, "changed", true;
    /// A condition of the request does not hold.
    PreconditionFailed = 206, "precondition_failed", false;
    /// The requested range does not overlap the file.
    RangeNotSatisfiable = 207, "range_not_satisfiable", false;
    /// The resource has no representation that the request accepts.
    NotAcceptable = 208, "not_acceptable", false;
    /// The path already exists.
    AlreadyExists = 209, "already_exists", false;
    /// The parent folder of the new entry does not exist.
    ParentMissing = 210, "parent_missing", false;
    /// A folder cannot be moved or copied into itself or into a folder below it.
    IntoItself = 211, "into_itself", false;
    /// The bytes do not start at the upload's offset. The answer has the offset.
    OffsetMismatch = 212, "offset_mismatch", false;
    /// The upload cannot be committed, because bytes are missing.
    Incomplete = 213, "incomplete", false;
    /// The bytes do not match the checksum.
    ChecksumMismatch = 214, "checksum_mismatch", false;
    /// The upload, job or trashed item has expired or was deleted.
    Gone = 215, "gone", false;
    /// Another request writes to the upload and did not end in time.
    Locked = 216, "locked", true;
    /// An idempotency key that was used for another request, or an upload that was committed to another target.
    KeyReused = 217, "key_reused", false;
    /// The body is longer or shorter than announced.
    LengthMismatch = 218, "length_mismatch", false;
    /// The operating system refuses the name: reserved, or with characters that it does not allow.
    NameRefused = 219, "name_refused", false;
    /// Source and destination are on different file systems, so a rename is impossible.
    CrossDevice = 220, "cross_device", false;
    /// The folder is not empty, but must be.
    NotEmpty = 221, "not_empty", false;
    /// A symbolic link whose target does not exist, or a loop of links.
    LinkBroken = 222, "link_broken", false;
    /// A name that the server keeps for its own directory, `.passerelle`.
    NameReserved = 223, "name_reserved", false;
    /// A name is longer than the file system of the server takes: usually more than 255 bytes.
    NameTooLong = 224, "name_too_long", false;
    /// Another disk is mounted at the entry or in it, so it is neither moved nor deleted.
    Mounted = 225, "mounted", false;
    /// The disk with the item of the trash is not connected.
    DiskAbsent = 226, "disk_absent", true;

    /// The request exceeds a limit.
    TooLarge = 300, "too_large", false;
    /// The server, or one client of it, has its maximum number of connections or requests. The answer says when to try
    /// again.
    TooManyConnections = 301, "too_many_connections", true;
    /// The caller, or all callers together, have as much as they may of something shared: requests, jobs, watched
    /// folders, unfinished uploads, memory, open files. Also too many cancellations in a short time.
    TooManyRequests = 302, "too_many_requests", true;
    /// The file system is full. Durable bytes of an upload stay.
    NoSpace = 303, "no_space", false;
    /// The quota of the file system, or the bound on the bytes of unfinished uploads, is reached.
    QuotaExceeded = 304, "quota_exceeded", false;

    /// The peer violated the protocol.
    Protocol = 400, "protocol", false;
    /// The server does not have the operation, or its system cannot perform it.
    Unsupported = 401, "unsupported", false;
    /// A message that cannot be decoded, or a parameter outside its bounds.
    BadRequest = 402, "bad_request", false;
    /// A path that [`crate::VPath`] refuses.
    BadPath = 403, "bad_path", false;
    /// A cursor that is not of this server.
    BadCursor = 404, "bad_cursor", false;
    /// A frame longer than allowed in this state of the connection.
    FrameTooLong = 405, "frame_too_long", false;
    /// The resource does not support the method.
    MethodNotAllowed = 406, "method_not_allowed", false;
    /// The resource does not accept the media type of the body.
    UnsupportedMediaType = 407, "unsupported_media_type", false;
    /// The request must announce the length of its body.
    LengthRequired = 408, "length_required", false;
    /// The server does not support the version of the upload protocol.
    UnsupportedVersion = 409, "unsupported_version", false;
    /// A request that a page of another site made the browser send (CSRF).
    CrossSite = 410, "cross_site", false;

    /// Reading or writing failed in the storage.
    Io = 500, "io", true;
    /// The operating system denies the server access.
    AccessDenied = 501, "access_denied", false;
    /// The client cancelled the request.
    Canceled = 502, "canceled", true;
    /// The request's deadline passed.
    DeadlineExceeded = 503, "deadline_exceeded", true;
    /// The server is shutting down.
    ShuttingDown = 504, "shutting_down", true;
    /// The file server cannot be reached.
    Unreachable = 505, "unreachable", true;
    /// The connection broke during the request.
    Disconnected = 506, "disconnected", true;
    /// A bug in the server.
    Internal = 507, "internal", false;
    /// The file system is read-only.
    ReadOnly = 508, "read_only", false;
}

/// The class of a code, known even for a code that is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// 1xx: authentication and authorisation.
    Auth,
    /// 2xx: the state of the requested resource.
    State,
    /// 3xx: limits.
    Limit,
    /// 4xx: malformed requests.
    Request,
    /// 5xx and above: failures of the server or the connection.
    Server,
}

impl ErrorCode {
    /// The class.
    pub const fn class(self) -> ErrorClass {
        match self.number() / 100 {
            1 => ErrorClass::Auth,
            2 => ErrorClass::State,
            3 => ErrorClass::Limit,
            4 => ErrorClass::Request,
            _ => ErrorClass::Server,
        }
    }
}

impl ErrorCode {
    /// True for a failure between the gateway and the file server, which is no fault of the gateway's client.
    pub const fn is_between_servers(self) -> bool {
        matches!(
            self,
            Self::BadProof
                | Self::HandshakeTimeout
                | Self::VersionMismatch
                | Self::Protocol
                | Self::FrameTooLong
                | Self::Unreachable
                | Self::Disconnected
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_read_back() {
        for (index, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(ErrorCode::from_number(code.number()), *code);
            assert_eq!(ErrorCode::from_name(code.name()), Some(*code));
            assert!(ErrorCode::ALL[..index].iter().all(|earlier| earlier.number() < code.number()));
        }
        assert_eq!(ErrorCode::from_number(299), ErrorCode::Unknown(299));
        assert_eq!(ErrorCode::Unknown(299).class(), ErrorClass::State);
        assert_eq!(ErrorCode::from_name("unknown"), None);
    }
}
