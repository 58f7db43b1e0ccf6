//! What the turns of a COMMIT have read, and why an attempt to make an upload a file ends.

use shared::ETag;

use crate::server::digests::upload_hasher::UploadHasher;
use crate::server::error::RequestError;
use crate::server::turns::Turn;
use crate::storage::Staged;

/// What the turns of a COMMIT have read and joined.
#[derive(Default)]
pub(super) struct SoFar {
    /// The present turn.
    pub(super) turn: Option<Turn>,
    /// The open bytes of the upload.
    pub(super) staged: Option<Box<dyn Staged>>,
    /// How many of these are copied from its parts.
    pub(super) joined: u64,
    /// The digests of the first of them.
    pub(super) content: UploadHasher,
    /// The file that a COMMIT before a crash may have made, by its validator, and the digests of its first bytes.
    pub(super) file: Option<(Option<ETag>, UploadHasher)>,
}

/// Why an attempt to make an upload a file ends without one.
pub(super) enum Stop {
    /// Its turn is over, and its effect has not begun.
    TurnOver,
    Failed(RequestError),
}

impl<E> From<E> for Stop
where
    RequestError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
