//! The copy of one file: staged whole, then given its name at once, so that no torn file is ever seen.

use shared::{ETag, Entry, ErrorCode, UploadId, VPath};

use crate::random::random_bytes;
use crate::server::jobs::runner::{Run, Trouble};
use crate::storage::{Attributes, Durability, Expected, OpenFile, Staged, StorageError};

/// What is copied in one step, in bytes: who cancels waits no longer than that.
const STEP_BYTES: u64 = 64 << 20;

impl Run {
    /// Copies a file's bytes, its time of last change and whether it is executable. What stands at `to` goes to the
    /// trash once the copy is whole.
    pub(super) fn copy_file(
        &mut self,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<(usize, &Entry)>,
    ) -> Result<(), Trouble> {
        let file = self.storage.open(&source.path)?;
        if etag.is_some() && file.entry().etag != etag {
            return Err(ErrorCode::Changed.into());
        }
        let id = UploadId(random_bytes().map_err(StorageError::from)?);
        let staged = self.storage.stage(id)?;
        let copied = self.copy_bytes(&*file, &*staged);
        drop(staged);
        let placed = copied.and_then(|()| self.place_copy(id, file.entry(), to, replaced));
        // What is left of it would only be in the way: where it failed, or went to another file system. A start clears away
        // what this cannot.
        let _ = self.storage.unstage(id);
        placed
    }

    fn copy_bytes(&mut self, file: &dyn OpenFile, staged: &dyn Staged) -> Result<(), Trouble> {
        let size = file.entry().size;
        let mut at = 0;
        while at < size {
            self.look_up()?;
            match staged.copy_from(file, at, STEP_BYTES.min(size - at), at)? {
                0 => return Err(ErrorCode::Changed.into()),
                bytes => {
                    at += bytes;
                    self.count(0, bytes);
                }
            }
        }
        if file.entry().etag != Some(file.etag_now()?) {
            return Err(ErrorCode::Changed.into());
        }
        Ok(())
    }

    fn place_copy(
        &mut self,
        id: UploadId,
        source: &Entry,
        to: &VPath,
        replaced: Option<(usize, &Entry)>,
    ) -> Result<(), Trouble> {
        let old = replaced.map(|(index, there)| self.make_way(index, to, Some(there))).transpose()?;
        let attributes = Attributes {
            modified: Some(source.modified),
            executable: Some(source.executable),
            // What a move has copied, it removes where it was.
            durability: Durability::Strict,
        };
        match self.storage.publish(id, to, &Expected::Nothing, &attributes) {
            Ok(_) => {
                self.count(1, 0);
                Ok(())
            }
            Err(error) => Err(match old {
                Some(old) => self.put_back(old, to, error).into(),
                None => error.into(),
            }),
        }
    }
}
