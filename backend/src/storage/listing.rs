//! Reading a folder in two steps, so that a large one is shown before all of it is known: first all names, which cost
//! little, then the metadata of the names that are shown.

use shared::columns::Row;
use shared::{ETag, Entry, ErrorCode, Kind, Timestamp};

use super::StorageError;

/// Whether an enumeration continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visit {
    /// Hand out the next item.
    Continue,
    /// End the enumeration.
    Stop,
}

/// A fingerprint of the set of names in a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FolderState {
    /// Differs after every change of the names, as far as the clock of the file system tells moments apart.
    pub etag: ETag,
    /// When a name was last added or removed.
    pub modified: Timestamp,
}

/// The row of `name` by the result of a `stat`: `None` if the entry has vanished, a row without metadata if the system
/// refuses to give it.
///
/// # Errors
/// Every other error of `stat`.
pub(super) fn row_from_stat(name: &[u8], stat: Result<Entry, StorageError>) -> Result<Option<Row<'_>>, StorageError> {
    match stat {
        Ok(Entry { kind, size, modified, executable, link, etag, .. }) => {
            Ok(Some(Row { name, kind, size, modified, executable, link, etag }))
        }
        Err(error) if error.code == ErrorCode::NotFound => Ok(None),
        Err(error) if matches!(error.code, ErrorCode::AccessDenied | ErrorCode::Io) => Ok(Some(unreadable_row(name))),
        Err(error) => Err(error),
    }
}

/// The row of an entry whose metadata cannot be read.
pub(super) fn unreadable_row(name: &[u8]) -> Row<'_> {
    Row { name, kind: Kind::Other, size: 0, modified: Timestamp(0), executable: false, link: None, etag: None }
}
