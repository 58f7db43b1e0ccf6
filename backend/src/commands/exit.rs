//! How a client verb ends: the exit codes that scripts rely on, and the one error type of this folder. It prints nothing.

use std::io;
use std::process::ExitCode;

use shared::{ErrorClass, ErrorCode, PathError, VPath};

use super::print;
use crate::client::ClientError;

/// The exit codes; `passerelle --help` lists them.
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
    /// Ctrl-C, as shells report a program that the signal ended (128 + SIGINT).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit code for a reason.
pub(super) fn exit_of(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::NotFound => Exit::NotFound,
        ErrorCode::BadPath => Exit::Usage,
        ErrorCode::VersionMismatch => Exit::Failed,
        ErrorCode::AccessDenied | ErrorCode::LinkEscapes => Exit::Denied,
        code if is_away(code) => Exit::Unreachable,
        code if code.class() == ErrorClass::Auth => Exit::Denied,
        _ => Exit::Failed,
    }
}

/// True where there is no server to be had just now, so that the same request may do later on another connection.
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

/// Why a verb, or a part of its work, failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// Stable, for programs.
    pub(super) code: &'static str,
    /// For people.
    pub(super) message: String,
    /// What it is about, if it is about one path.
    pub(super) path: Option<VPath>,
}

impl Failure {
    pub(super) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), path: None }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Of a reason that the file server or the protocol has.
    pub(super) fn of(code: ErrorCode) -> Self {
        Self::from(ClientError::new(code, code.name()))
    }

    /// Something on this machine's disk, which `what` names.
    pub(super) fn local(what: impl std::fmt::Display, error: &io::Error) -> Self {
        Self::new(Exit::Failed, "local_io", format!("{what}: {error}"))
    }

    /// The reader of standard output is gone: it has what it wanted.
    pub(super) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Done, "", ""),
            _ => Self::local("standard output", error),
        }
    }

    pub(super) fn about(self, path: &VPath) -> Self {
        Self { path: Some(path.clone()), ..self }
    }

    /// The message with what it is about; empty where there is nothing to say.
    pub(super) fn sentence(&self) -> String {
        match &self.path {
            Some(path) => format!("{}: {}", print::path(path), self.message),
            None => self.message.clone(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = words(error.code).map_or(error.message, str::to_owned);
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

/// What the server says is for its log; these are the same reasons for whoever typed the command.
fn words(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::BadProof => "the key is not one that this file server takes",
        ErrorCode::VersionMismatch => "this program and the file server are of versions that do not fit together",
        ErrorCode::Forbidden => "not allowed",
        ErrorCode::NotFound => "there is nothing at that path",
        ErrorCode::IsFolder => "is a folder",
        ErrorCode::NotFolder => "a file stands where a folder is needed",
        ErrorCode::NotRegular => "is neither a file nor a folder",
        ErrorCode::LinkEscapes => "is a link that leads out of the served folder, or to nothing",
        ErrorCode::Changed => "keeps changing on the server",
        ErrorCode::AccessDenied => "the file server is not let at it by its system",
        ErrorCode::Io => "reading or writing failed on the file server",
        ErrorCode::AlreadyExists => "exists",
        ErrorCode::ParentMissing => "the folder that should hold it is not there",
        ErrorCode::IntoItself => "a folder cannot go into itself",
        ErrorCode::CrossDevice => "is on another file system than the trash: `rm --forever` removes it",
        ErrorCode::NameRefused => "the file server's system refuses that name",
        ErrorCode::NoSpace => "the file server has no room left",
        ErrorCode::QuotaExceeded => "more than you may keep there",
        ErrorCode::ReadOnly => "the file server's folder cannot be written",
        ErrorCode::ChecksumMismatch => "the bytes did not arrive as they were sent",
        ErrorCode::Gone => "has expired, or was given up",
        ErrorCode::Locked => "somebody else is at work on it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_lead_to_the_exit_codes_that_the_help_lists() {
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
    fn no_reason_passes_for_success_or_for_half_of_it() {
        for code in ErrorCode::ALL {
            assert!(!matches!(exit_of(*code), Exit::Done | Exit::Partly), "{code}");
        }
    }
}
