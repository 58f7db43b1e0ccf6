//! A folder in two steps, so that a large one is shown before it is known: all names first, which cost little, then what
//! is known of those that are shown.

use shared::columns::Row;
use shared::{ETag, ErrorCode, Kind, Timestamp, VPath};

use super::{Storage, StorageError, Visit};

/// What a folder looks like before it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FolderState {
    /// Another one after every change of the names in it, as far as the clock of the file system tells moments apart.
    pub etag: ETag,
    /// When a name last came or went.
    pub modified: Timestamp,
}

/// [`Storage::list_names`] for a backend that knows no better way: by [`Storage::list`].
pub(super) fn names_by_list<S: Storage + ?Sized>(
    storage: &S,
    folder: &VPath,
    visit: &mut dyn FnMut(&[u8], bool) -> Visit,
) -> Result<Option<FolderState>, StorageError> {
    storage.list(folder, &mut |entry| visit(entry.path.name(), entry.is_folder()))?;
    Ok(None)
}

/// [`Storage::stat_names`] for a backend that knows no better way: by [`Storage::stat`].
pub(super) fn rows_by_stat<'n, S: Storage + ?Sized>(
    storage: &S,
    folder: &VPath,
    names: &mut dyn Iterator<Item = &'n [u8]>,
    visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
) -> Result<Option<FolderState>, StorageError> {
    for (index, name) in names.enumerate() {
        let Ok(path) = folder.join(name) else { continue };
        let row = match storage.stat(&path) {
            Ok(entry) => {
                let shared::Entry { kind, size, modified, executable, link, etag, .. } = entry;
                Row { name, kind, size, modified, executable, link, etag }
            }
            Err(error) if error.code == ErrorCode::NotFound => continue,
            Err(error) if matches!(error.code, ErrorCode::AccessDenied | ErrorCode::Io) => unreadable_row(name),
            Err(error) => return Err(error),
        };
        if visit(index, row) == Visit::Stop {
            break;
        }
    }
    Ok(None)
}

/// The row of something whose metadata cannot be read.
pub(super) fn unreadable_row(name: &[u8]) -> Row<'_> {
    Row { name, kind: Kind::Other, size: 0, modified: Timestamp(0), executable: false, link: None, etag: None }
}
