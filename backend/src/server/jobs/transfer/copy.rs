//! The copy of one file: staged whole, then published in one step, so that no part of it is ever visible alone.

use shared::{ETag, Entry, ErrorCode, UploadId, VPath};

use crate::random::random_bytes;
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::{Attributes, Durability, Expected, OpenFile, Staged, StorageError};

/// Bytes that are copied in one step: a client that cancels waits no longer than that.
const STEP_BYTES: u64 = 64 << 20;

impl JobRunner {
    /// Copies a file's bytes, its time of last change and its executable bit. The entry at `to` goes into the trash
    /// once the copy is whole.
    pub(super) fn copy_file(
        &mut self,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<(usize, &Entry)>,
    ) -> Result<(), ItemError> {
        let file = self.storage.open(&source.path)?;
        if etag.is_some() && file.entry().etag != etag {
            return Err(ErrorCode::Changed.into());
        }
        let id = UploadId(random_bytes().map_err(StorageError::from)?);
        let staged = self.storage.stage(id)?;
        let copied = self.copy_bytes(&*file, &*staged);
        drop(staged);
        let published = copied.and_then(|()| self.publish_copy(id, file.entry(), to, replaced));
        // Something is left of it after a failure, and where publishing copies to another file system. What this cannot
        // remove, the next start does.
        let _ = self.storage.unstage(id);
        published
    }

    fn copy_bytes(&mut self, file: &dyn OpenFile, staged: &dyn Staged) -> Result<(), ItemError> {
        let size = file.entry().size;
        let mut at = 0;
        while at < size {
            self.check_cancelled()?;
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

    fn publish_copy(
        &mut self,
        id: UploadId,
        source: &Entry,
        to: &VPath,
        replaced: Option<(usize, &Entry)>,
    ) -> Result<(), ItemError> {
        let old = replaced.map(|(index, present)| self.make_room(index, to, Some(present))).transpose()?;
        let attributes = Attributes {
            modified: Some(source.modified),
            executable: Some(source.executable),
            // A move removes the source of the copy.
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
