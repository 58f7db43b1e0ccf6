//! The exit codes that scripts rely on, and [`Failure`], the error type of all client verbs. Prints nothing.

use std::io;
use std::process::ExitCode;

use shared::{ErrorClass, ErrorCode, PathError, VPath};

use super::format;
use crate::client::ClientError;

/// The exit code of a client verb. `passerelle --help` lists them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    Denied = 4,
    Unreachable = 5,
    Partly = 6,
    /// Ctrl-C: 128 + SIGINT, as shells report it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit code for an error code.
pub(super) fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::NotFound | ErrorCode::LinkBroken => Exit::NotFound,
        ErrorCode::BadPath => Exit::Usage,
        ErrorCode::VersionMismatch => Exit::Failed,
        ErrorCode::AccessDenied | ErrorCode::LinkEscapes => Exit::Denied,
        code if is_away(code) => Exit::Unreachable,
        code if code.class() == ErrorClass::Auth => Exit::Denied,
        _ => Exit::Failed,
    }
}

/// True if no server can be reached at the moment, so that the request may succeed later on another connection.
pub(super) fn is_away(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Unreachable
            | ErrorCode::Disconnected
            | ErrorCode::ShuttingDown
            | ErrorCode::DeadlineExceeded
            | ErrorCode::HandshakeTimeout
            | ErrorCode::TooManyConnections
            | ErrorCode::TooManyRequests
    )
}

/// Why a verb failed, or one of its items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// Stable code, for scripts.
    pub(super) code: &'static str,
    /// Sentence for people, without the path.
    pub(super) message: String,
    /// The path that the failure is about, if any.
    pub(super) path: Option<VPath>,
}

impl Failure {
    pub(super) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), path: None }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A failure with the default message of an error code.
    pub(super) fn of(code: ErrorCode) -> Self {
        Self::from(ClientError::new(code, code.name()))
    }

    /// An error of this machine's file system, about `what`.
    pub(super) fn local(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::new(Exit::Failed, "local_io", format!("{what}: {error}"))
    }

    /// An error of standard output. A closed pipe is a success: its reader needs no more, as with `head`.
    pub(super) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Done, "", ""),
            _ => Self::local("standard output", error),
        }
    }

    pub(super) fn about(self, path: &VPath) -> Self {
        Self { path: Some(path.clone()), ..self }
    }

    /// The message after its path. Empty if there is nothing to report.
    pub(super) fn sentence(&self) -> String {
        match &self.path {
            Some(path) => format!("{}: {}", format::path(path), self.message),
            None => self.message.clone(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = user_message(error.code).map_or(error.message, str::to_owned);
        Self::new(exit_of(error.code), error.code.name(), message)
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        let hint = match error {
            PathError::MalformedEncoding => "; a percent sign itself is written %25",
            _ => "",
        };
        Self::new(Exit::Usage, ErrorCode::BadPath.name(), format!("{error}{hint}"))
    }
}

/// Messages for users of the command line. `None` uses the message of the server, which is written for its log.
fn user_message(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::BadProof => "the file server does not accept this key",
        ErrorCode::VersionMismatch => "this program and the file server have incompatible versions",
        ErrorCode::Forbidden => "not allowed",
        ErrorCode::NotFound => "does not exist",
        ErrorCode::IsFolder => "is a folder",
        ErrorCode::NotFolder => "is not a folder",
        ErrorCode::NotRegular => "is neither a file nor a folder",
        ErrorCode::LinkEscapes => "is a link that leads out of the served folder",
        ErrorCode::LinkBroken => "is a link whose target does not exist",
        ErrorCode::Changed => "keeps changing on the server",
        ErrorCode::AccessDenied => "the file server's operating system denies access",
        ErrorCode::Io => "reading or writing failed on the file server",
        ErrorCode::AlreadyExists => "already exists",
        ErrorCode::ParentMissing => "the parent folder does not exist",
        ErrorCode::IntoItself => "a folder cannot be moved or copied into itself",
        ErrorCode::CrossDevice => {
            "is on a disk without a trash (`rm --forever` deletes it), or on another disk than its destination"
        }
        ErrorCode::Mounted => "holds another disk or is one: unmount that first",
        ErrorCode::DiskAbsent => "is on a disk that is not connected",
        ErrorCode::NameRefused => "the file server's operating system refuses this name",
        ErrorCode::NameTooLong => "is longer than names may be on the file server, usually 255 bytes",
        ErrorCode::NameReserved => "the file server keeps the name .passerelle for itself",
        ErrorCode::NoSpace => "the file server's disk is full",
        ErrorCode::QuotaExceeded => "your quota is exceeded",
        ErrorCode::ReadOnly => "the served folder is read-only",
        ErrorCode::ChecksumMismatch => "the bytes were corrupted on the way",
        ErrorCode::Gone => "has expired or was aborted",
        ErrorCode::Locked => "is locked by another request",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_map_to_the_exit_codes_of_the_help() {
        let check = |code, expected| assert_eq!(exit_of(code), expected, "{code}");
        check(ErrorCode::NotFound, Exit::NotFound);
        check(ErrorCode::BadProof, Exit::Denied);
        check(ErrorCode::Forbidden, Exit::Denied);
        check(ErrorCode::Unauthenticated, Exit::Denied);
        check(ErrorCode::AccessDenied, Exit::Denied);
        check(ErrorCode::LinkEscapes, Exit::Denied);
        check(ErrorCode::Unknown(199), Exit::Denied);
        check(ErrorCode::HandshakeTimeout, Exit::Unreachable);
        check(ErrorCode::Unreachable, Exit::Unreachable);
        check(ErrorCode::Disconnected, Exit::Unreachable);
        check(ErrorCode::ShuttingDown, Exit::Unreachable);
        check(ErrorCode::TooManyConnections, Exit::Unreachable);
        check(ErrorCode::VersionMismatch, Exit::Failed);
        check(ErrorCode::IsFolder, Exit::Failed);
        check(ErrorCode::Io, Exit::Failed);
        check(ErrorCode::Unknown(599), Exit::Failed);
        check(ErrorCode::BadPath, Exit::Usage);
    }

    #[test]
    fn no_error_code_maps_to_success_or_partial_success() {
        for code in ErrorCode::ALL {
            assert!(!matches!(exit_of(*code), Exit::Done | Exit::Partly), "{code}");
        }
    }
}
