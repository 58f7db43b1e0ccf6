//! The title and the sentence of every [`ErrorCode`] in English, for people: HTTP problem details and the outcomes of
//! jobs contain them. A sentence says what happened and what helps, and holds for every operation that may fail with the
//! code; an operation that knows more says more. The page has texts of its own, in each of its languages.

use crate::ErrorCode;

impl ErrorCode {
    /// What happened, in a few words.
    pub const fn title(self) -> &'static str {
        self.text().0
    }

    /// What happened, and what helps.
    pub const fn sentence(self) -> &'static str {
        self.text().1
    }

    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::BadProof => (
                "File server unavailable",
                "The gateway does not hold the key of the file server. Its administrator can set the same key on \
                 both sides.",
            ),
            Self::HandshakeTimeout => (
                "File server unavailable",
                "The file server did not answer the handshake in time. Try again in a moment.",
            ),
            Self::VersionMismatch => (
                "File server unavailable",
                "The gateway and the file server have incompatible versions. Run the same version on both sides.",
            ),
            Self::Forbidden => {
                ("Not allowed", "You do not have the right to do this here. Ask the server's administrator for it.")
            }
            Self::Unauthenticated => ("Sign-in needed", "You are not signed in. Sign in, then try again."),
            Self::UnknownHost => (
                "Unknown host",
                "The server does not answer to this host name. Use another address, or add the name to its \
                 configuration (--host).",
            ),
            Self::NotFound => {
                ("Not found", "There is nothing at this path. It may have been moved, renamed or deleted.")
            }
            Self::IsFolder => ("This is a folder", "A file is needed here, and this is a folder."),
            Self::NotFolder => ("This is not a folder", "A folder is needed here, and this is a file."),
            Self::NotRegular => {
                ("Not a regular file", "Devices, sockets and pipes are listed but never opened or copied.")
            }
            Self::LinkEscapes => (
                "The link leads out",
                "The target of the symbolic link is outside the served folder, so the server does not follow it.",
            ),
            Self::Changed => (
                "It has changed",
                "It changed during the request, or is not the version that was asked for. Look at it again, then \
                 retry.",
            ),
            Self::PreconditionFailed => {
                ("A condition does not hold", "It is not in the state that the conditions of the request ask for.")
            }
            Self::RangeNotSatisfiable => ("Outside the file", "No part of the requested range is in the file."),
            Self::NotAcceptable => {
                ("No acceptable form", "The server has no form of this that the Accept header allows.")
            }
            Self::AlreadyExists => (
                "The name exists already",
                "An entry with this name already exists. Choose another name, or say how to resolve the conflict.",
            ),
            Self::ParentMissing => {
                ("The folder is missing", "The folder that this belongs in does not exist. Create it first.")
            }
            Self::IntoItself => (
                "A folder cannot go into itself",
                "A folder cannot be moved or copied into itself or into a folder below it.",
            ),
            Self::OffsetMismatch => (
                "Wrong offset",
                "The bytes do not start at the upload's offset. Ask for the offset with HEAD, and continue from \
                 there.",
            ),
            Self::Incomplete => ("Bytes are missing", "The upload lacks bytes. Send the rest, and it becomes a file."),
            Self::ChecksumMismatch => (
                "Checksum mismatch",
                "The received bytes do not match the checksum and were discarded. Send them again.",
            ),
            Self::Gone => ("No longer here", "It has expired, or was deleted or completed in the meantime."),
            Self::Locked => ("In use", "Another request is still using it. Try again in a moment."),
            Self::KeyReused => {
                ("The key was used before", "The idempotency key was used for another request. Choose a new one.")
            }
            Self::LengthMismatch => {
                ("Not as long as announced", "The body has more or fewer bytes than announced. Send it again.")
            }
            Self::NameRefused => (
                "The name cannot be used",
                "The server's file system does not allow this name. Choose a shorter one without special characters.",
            ),
            Self::CrossDevice => (
                "On another file system",
                "The disk has no trash, or source and destination are on different disks. Delete it for good, or copy it.",
            ),
            Self::NotEmpty => ("The folder is not empty", "The folder is not empty. Empty it first."),
            Self::LinkBroken => {
                ("The link is broken", "The target of the symbolic link does not exist, or the links lead in a circle.")
            }
            Self::NameReserved => (
                "The name is reserved",
                "The server keeps the name .passerelle for its own folder. Choose another name.",
            ),
            Self::NameTooLong => (
                "The name is too long",
                "The name is longer than the server's file system allows, usually 255 bytes. Choose a shorter one.",
            ),
            Self::Mounted => (
                "Another disk is in it",
                "Another disk is mounted here or in a folder below, so this is neither moved nor deleted. Unmount the \
                 disk first.",
            ),
            Self::DiskAbsent => {
                ("Disk not connected", "The disk with this item is not connected. Connect it, then try again.")
            }
            Self::TooLarge => ("Too large", "The request exceeds a limit of the server."),
            Self::TooManyConnections => {
                ("Too busy", "The server takes no more connections or requests at present. Try again in a moment.")
            }
            Self::TooManyRequests => (
                "Too busy",
                "The server, or your address, has too much in progress. Finish or cancel unfinished uploads, or try \
                 again in a moment.",
            ),
            Self::NoSpace => ("No space left", "The server's disk is full. Free some space, then try again."),
            Self::QuotaExceeded => (
                "Over the quota",
                "This exceeds your storage quota. Finish or cancel unfinished uploads, or delete files.",
            ),
            Self::Protocol => (
                "File server unavailable",
                "The gateway and the file server do not understand each other. Run the same version on both sides.",
            ),
            Self::Unsupported => ("Not supported", "The server or its operating system cannot do this."),
            Self::BadRequest => {
                ("Malformed request", "The request is malformed, or a parameter is outside its bounds.")
            }
            Self::BadPath => (
                "Malformed path",
                "The path is too long, or has a name that cannot be used, such as `..` or an empty one.",
            ),
            Self::BadCursor => {
                ("Unknown cursor", "The listing cannot continue from this cursor. Start again without one.")
            }
            Self::FrameTooLong => (
                "File server unavailable",
                "The gateway and the file server do not understand each other. Run the same version on both sides.",
            ),
            Self::MethodNotAllowed => ("Method not allowed", "The Allow header lists the methods that work here."),
            Self::UnsupportedMediaType => {
                ("Unknown kind of body", "This resource does not accept a body of this media type.")
            }
            Self::LengthRequired => ("The length is missing", "State the length of the body."),
            Self::UnsupportedVersion => {
                ("Unknown version of tus", "The server supports tus 1.0.0, which Tus-Resumable must name.")
            }
            Self::CrossSite => (
                "Requested by another site",
                "The request seems to come from a page of another site. Use this server's own page; a proxy must \
                 pass the Host header on; other origins need --cors.",
            ),
            Self::Io => ("Storage failure", "The server's disk reported an error. The server's log says more."),
            Self::AccessDenied => (
                "Access denied",
                "The operating system denies the server access. Its administrator can check the permissions.",
            ),
            Self::Canceled => ("Canceled", "The request was canceled before it ended."),
            Self::DeadlineExceeded => {
                ("Took too long", "The file server did not answer in time. Try again in a moment.")
            }
            Self::ShuttingDown => ("Restarting", "The server is shutting down. Try again in a moment."),
            Self::Unreachable => {
                ("File server unavailable", "The gateway cannot reach the file server. Try again in a moment.")
            }
            Self::Disconnected => {
                ("File server unavailable", "The connection to the file server broke. Try again in a moment.")
            }
            Self::Internal => ("Server failure", "The server has an internal error. Its log says more."),
            Self::ReadOnly => {
                ("Read-only", "The file system is read-only. The server's administrator can change that.")
            }
            Self::Unknown(_) => {
                ("Server failure", "The server refused this for a reason that this version does not know.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_title_and_whole_sentences() {
        for code in ErrorCode::ALL {
            let (title, sentence) = (code.title(), code.sentence());
            assert!(!title.is_empty() && !title.ends_with('.'), "{code}");
            assert!(sentence.len() > 15 && sentence.ends_with('.'), "{code}: {sentence}");
            assert!(!sentence.contains("  ") && !sentence.contains('_'), "{code}: {sentence}");
        }
    }
}
