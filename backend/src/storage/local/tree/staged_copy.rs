//! An upload's copy on the file system of its destination, from where a rename does not cross file systems.

use std::fs::File;
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
        let copied = copy_content(staged, &file).and_then(|()| match staged.as_file() {
            // The copy of a file has its attributes by now.
            Some(source) => file.copy_attributes(source, true).map(drop).map_err(copy_error),
            None => Ok(()),
        });
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
        let source = staged.as_file();
        if let Some(end) = source.map(|source| hole_end::<D>(source, offset)).transpose()?.flatten() {
            to.set_length(end).map_err(copy_error)?;
            offset = end;
            continue;
        }
        let copied = match source {
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

/// Where a hole of the upload ends that begins at `offset`; `None` if content follows, or the system does not tell.
fn hole_end<D: Dir>(source: &File, offset: u64) -> Result<Option<u64>, StorageError> {
    let size = source.metadata().map_err(copy_error)?.len();
    let data = D::File::data_range(source, offset).map_err(copy_error)?;
    Ok(data.map(|data| data.start.min(size)).filter(|end| *end > offset))
}

fn copy_error(error: io::Error) -> StorageError {
    storage_error(error, "copying an upload to another file system")
}
