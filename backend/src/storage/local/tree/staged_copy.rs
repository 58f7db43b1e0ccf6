//! The copy of an upload on the volume of its destination, from where a rename does not cross volumes.

use std::fs::File;
use std::io;

use shared::limits::PIECE_BYTES;

use super::copy_name::copy_name;
use super::staged::LocalStaged;
use super::waiting_place::{WaitingPlace, put_into};
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, DiskFile, write_full};
use crate::storage::{Staged, StorageError};

/// A copy that waits for its name. It is removed when it is dropped without one.
pub(super) struct StagedCopy<D: Dir> {
    place: WaitingPlace<D>,
    pub(super) file: D::File,
    pub(super) name: Vec<u8>,
}

impl<D: Dir> StagedCopy<D> {
    /// Copies an upload to `place`. On failure nothing is left there.
    pub(super) fn create(
        staged: &LocalStaged<D>,
        place: impl Fn() -> Result<WaitingPlace<D>, StorageError>,
    ) -> Result<Self, StorageError> {
        let name = copy_name(staged.id);
        let (place, file) = put_into(place, |dir| {
            // A crash may have left a copy of an earlier attempt.
            match dir.remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(copy_error(error)),
                _ => {}
            }
            dir.create_file(&name).map_err(copy_error)
        })?;
        let copy = Self { place, file, name };
        copy_content(staged, &copy.file)?;
        if let Some(source) = staged.as_file() {
            // The copy of a file has its attributes by now.
            copy.file.copy_attributes(source, true).map_err(copy_error)?;
        }
        Ok(copy)
    }

    /// Where it waits.
    pub(super) fn dir(&self) -> &D {
        self.place.dir()
    }
}

impl<D: Dir> Drop for StagedCopy<D> {
    fn drop(&mut self) {
        // Removes nothing after a rename.
        let _ = self.place.dir().remove_file(&self.name);
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
