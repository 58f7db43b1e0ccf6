//! Why the database of the accounts cannot be opened, read or written.

use std::path::PathBuf;

use shared::ErrorCode;

/// Why a read or a write failed. A batch that its own guards refuse is no error: see [`super::Applied`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer. Nothing was written.
    #[error("the accounts' database cannot be reached")]
    Unavailable,
    /// The connection or the disk failed during the commit: the batch is written as a whole, or not at all.
    #[error("the accounts' database failed during a commit")]
    InDoubt,
    /// More requests wait for the database than the limit allows. Nothing was written.
    #[error("too many requests wait for the accounts' database")]
    Busy,
    /// A text has a NUL, which PostgreSQL cannot store. Nothing was written.
    #[error("a text for the accounts' database contains NUL")]
    BadText,
    /// A row is not of the form that this program writes.
    #[error("the accounts' database has a row of an unknown form")]
    Damaged,
    /// A statement failed for another reason, which the log has. Nothing was written.
    #[error("the accounts' database refused a statement")]
    Statement,
}

impl StoreError {
    /// The stable code on all interfaces.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Unavailable | Self::InDoubt => ErrorCode::Unreachable,
            Self::Busy => ErrorCode::TooManyRequests,
            Self::BadText => ErrorCode::BadRequest,
            Self::Damaged | Self::Statement => ErrorCode::Internal,
        }
    }
}

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made or opened, or is no database.
    #[error("the accounts in {} cannot be opened: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of SQLite or of the operating system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is damaged.
    #[error("the accounts in {} are damaged ({finding}); restore them from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first finding of SQLite's check.
        finding: String,
    },
    /// A later version of this program has written the database.
    #[error("the accounts were written by a later version of Passerelle")]
    Later,
    /// The address of the PostgreSQL server cannot be read.
    #[error("the address of the accounts' database is wrong: {0}")]
    Address(String),
    /// The connection would leave this machine without TLS.
    #[error("the accounts' database is on another machine: connect by a Unix socket or a loopback address")]
    Plain,
    /// The PostgreSQL server is older than [`OpenError::POSTGRES_MIN`].
    #[error("the accounts need PostgreSQL {min} or later, not {0}", min = OpenError::POSTGRES_MIN)]
    Old(i64),
    /// The PostgreSQL server does not answer, or refuses.
    #[error("the accounts' database cannot be used: {0}")]
    Server(String),
    /// The operating system gives no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] crate::random::NoRandomness),
}

impl OpenError {
    /// The earliest major version of PostgreSQL that the statements are tested with.
    pub const POSTGRES_MIN: i64 = 15;
}
