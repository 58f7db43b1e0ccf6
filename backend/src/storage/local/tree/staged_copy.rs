//! An upload's copy on the file system of its destination, from where a rename does not cross file systems.

use std::io;

use shared::UploadId;
use shared::limits::PIECE_BYTES;

use super::private_dir::open_or_create;
use super::staged::{LocalStaged, staged_name};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, DiskFile, write_full};
use crate::storage::{STATE_FOLDER_NAME, Staged, StorageError};

/// A copy in a hidden folder beside the destination.
pub(super) struct StagedCopy<D: Dir> {
    pub(super) dir: D,
    pub(super) file: D::File,
}

impl<D: Dir> StagedCopy<D> {
    /// Copies an upload into a hidden folder of `destination`. On failure nothing is left there.
    pub(super) fn create(staged: &LocalStaged<D>, id: UploadId, destination: &D) -> Result<Self, StorageError> {
        let dir = open_or_create(destination, STATE_FOLDER_NAME)?;
        // A crash may have left a copy of an earlier attempt.
        match dir.remove_file(&staged_name(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(copy_error(error)),
            _ => {}
        }
        let file = dir.create_file(&staged_name(id)).map_err(copy_error)?;
        let copied = copy_content(staged, &file);
        if copied.is_err() {
            let _ = dir.remove_file(&staged_name(id));
            let _ = destination.remove_dir(STATE_FOLDER_NAME);
        }
        copied.map(|()| Self { dir, file })
    }
}

fn copy_content<D: Dir>(staged: &LocalStaged<D>, to: &D::File) -> Result<(), StorageError> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut offset = 0;
    loop {
        let copied = match staged.as_file() {
            Some(source) => to.copy_from(source, offset, u64::MAX - offset, offset).map_err(copy_error)?,
            None => None,
        };
        let count = match copied {
            Some(count) => count,
            None => {
                let count = staged.read_at(&mut buffer, offset)?;
                write_full(to, &buffer[..count], offset).map_err(copy_error)?;
                count as u64
            }
        };
        if count == 0 {
            return Ok(());
        }
        offset += count;
    }
}

fn copy_error(error: io::Error) -> StorageError {
    storage_error(error, "copying an upload to another file system")
}
