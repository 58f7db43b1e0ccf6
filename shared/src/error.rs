//! `ErrorCode`: the closed list of reasons that cross a boundary. The framed protocol sends the number, HTTP and the
//! command line the name, and the page turns it into words. A number is never reused; an unknown one is acted on by
//! its class, which is its hundreds.

use std::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $name:literal, $retryable:literal;)*) => {
        /// Why something was refused or failed.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $variant,)*
            /// A number that this build does not know, from a newer peer.
            Unknown(u16),
        }

        impl ErrorCode {
            /// Every code of this build, in the order of the numbers.
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

            /// The code with that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            /// True if the same request may succeed later with nothing else changed.
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
    /// Nobody is signed in, and this needs somebody.
    Unauthenticated = 111, "unauthenticated", false;
    /// The `Host` header names a host that the server was not told of.
    UnknownHost = 112, "unknown_host", false;

    /// There is nothing at that path.
    NotFound = 200, "not_found", false;
    /// A folder was named where a file is needed.
    IsFolder = 201, "is_folder", false;
    /// A file was named where a folder is needed.
    NotFolder = 202, "not_folder", false;
    /// Neither a file nor a folder (a socket, a device, a FIFO), which is never opened.
    NotRegular = 203, "not_regular", false;
    /// A symbolic link that leads out of the root, to nothing, or in circles.
    LinkEscapes = 204, "link_escapes", false;
    /// The file is no longer the one that was asked for, or changed while it was sent.
    Changed = 205, "changed", true;
    /// A condition of the request does not hold.
    PreconditionFailed = 206, "precondition_failed", false;
    /// No part of the wanted range lies in the file.
    RangeNotSatisfiable = 207, "range_not_satisfiable", false;
    /// What the request asks for cannot be given in any form that it accepts.
    NotAcceptable = 208, "not_acceptable", false;
    /// Something stands at that path already.
    AlreadyExists = 209, "already_exists", false;
    /// The folder that should hold the new entry is not there.
    ParentMissing = 210, "parent_missing", false;
    /// A folder cannot go into itself, nor into one below it.
    IntoItself = 211, "into_itself", false;
    /// The bytes sent do not start where the upload stands; the answer says where that is.
    OffsetMismatch = 212, "offset_mismatch", false;
    /// The upload lacks bytes, so it cannot become a file yet.
    Incomplete = 213, "incomplete", false;
    /// The bytes are not those that the checksum was made of.
    ChecksumMismatch = 214, "checksum_mismatch", false;
    /// The upload, job or trashed item has expired or was given up.
    Gone = 215, "gone", false;
    /// Another writer is at work on the same upload and did not let go.
    Locked = 216, "locked", true;
    /// An idempotency key that was used for another request.
    KeyReused = 217, "key_reused", false;
    /// More or fewer bytes came than were announced.
    LengthMismatch = 218, "length_mismatch", false;
    /// The operating system refuses that name: too long, reserved, or with characters it does not take.
    NameRefused = 219, "name_refused", false;
    /// Source and destination are on different file systems, so that no rename joins them.
    CrossDevice = 220, "cross_device", false;
    /// A folder with something in it, where an empty one is needed.
    NotEmpty = 221, "not_empty", false;

    /// The request needs more than a limit allows.
    TooLarge = 300, "too_large", false;
    /// The server has as many connections as it takes; the wait to try again is said.
    TooManyConnections = 301, "too_many_connections", true;
    /// Too many requests or cancellations in a short time.
    TooManyRequests = 302, "too_many_requests", true;
    /// The file system has no room left; what is durable stays.
    NoSpace = 303, "no_space", false;
    /// More than the caller's quota allows.
    QuotaExceeded = 304, "quota_exceeded", false;

    /// The bytes are not the protocol's.
    Protocol = 400, "protocol", false;
    /// The operation is not known to this server.
    Unsupported = 401, "unsupported", false;
    /// A message that cannot be decoded, or a parameter outside its bounds.
    BadRequest = 402, "bad_request", false;
    /// A path that [`crate::VPath`] refuses.
    BadPath = 403, "bad_path", false;
    /// A cursor that this server did not make.
    BadCursor = 404, "bad_cursor", false;
    /// A frame longer than allowed at that point.
    FrameTooLong = 405, "frame_too_long", false;
    /// A method that the resource does not have.
    MethodNotAllowed = 406, "method_not_allowed", false;
    /// A body of a media type that the resource does not take.
    UnsupportedMediaType = 407, "unsupported_media_type", false;
    /// The request must say how long its body is.
    LengthRequired = 408, "length_required", false;
    /// A version of the upload protocol that the server does not speak.
    UnsupportedVersion = 409, "unsupported_version", false;
    /// A change that another site's page asked the browser for.
    CrossSite = 410, "cross_site", false;

    /// Reading or writing failed in the storage.
    Io = 500, "io", true;
    /// The operating system refuses the server access to it.
    AccessDenied = 501, "access_denied", false;
    /// The client asked for the request to end.
    Canceled = 502, "canceled", true;
    /// The request's deadline passed.
    DeadlineExceeded = 503, "deadline_exceeded", true;
    /// The server is going away.
    ShuttingDown = 504, "shutting_down", true;
    /// The file server cannot be reached.
    Unreachable = 505, "unreachable", true;
    /// The connection broke in the middle.
    Disconnected = 506, "disconnected", true;
    /// A mistake in the server itself.
    Internal = 507, "internal", false;
    /// The file system is mounted read-only, or cannot be written to at all.
    ReadOnly = 508, "read_only", false;
}

/// What a peer that does not know a code can still tell from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorClass {
    /// 1xx: who the peer is, or what it may do.
    Auth,
    /// 2xx: the state of what the request names.
    State,
    /// 3xx: a limit.
    Limit,
    /// 4xx: the request itself.
    Request,
    /// 5xx, and whatever else: the server or the connection.
    Server,
}

impl ErrorCode {
    /// The class, which is the number's hundreds.
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

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_lead_back_and_never_repeat() {
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
