//! What a COMMIT left that a crash interrupted: its file, if that is at the target already. Blocks.

use shared::{Algorithm, Digests, ErrorCode, TrashId, UploadId, VPath};

use super::registry::Uploads;
use crate::server::records::uploads::UploadRecord;
use crate::storage::{Kept, OpenFile, Published, StorageError, TrashItem};

/// The state of an upload whose COMMIT may have been interrupted.
pub(super) enum Interrupted {
    /// It is no file yet. Its bytes are staged, or there were none to lose.
    Staged,
    /// It is the file at `path`, with these digests.
    Published { published: Published, path: VPath, digests: Digests },
}

impl Uploads {
    /// The state of an upload whose COMMIT may have been interrupted. A file at the target counts as the upload only if
    /// its content is that of the upload, so `digests_of` reads it.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`] for an upload that has lost its bytes; as `digests_of`.
    pub(super) fn interrupted<E: From<StorageError>>(
        &self,
        record: &UploadRecord,
        digests_of: impl Fn(&dyn OpenFile) -> Result<Digests, E>,
    ) -> Result<Interrupted, E> {
        if let Some((path, published)) = self.maybe_published(record)? {
            let file = match self.below_base_of(&record.owner).open(&path) {
                // Publishing needs no right to read what it replaces.
                Err(_) if !self.is_unstaged(record)? => return Ok(Interrupted::Staged),
                file => file?,
            };
            let digests = digests_of(&*file)?;
            let found = digests.get(Algorithm::Blake3);
            let is_same_file = file.entry().etag == published.entry.etag;
            if is_same_file && found.is_some() && found == content(record).as_deref() {
                return Ok(Interrupted::Published { published, path, digests });
            }
        }
        if record.target.is_some() && record.durable > 0 && self.is_unstaged(record)? {
            return Err(StorageError::new(ErrorCode::Gone, "the upload has lost its bytes").into());
        }
        Ok(Interrupted::Staged)
    }

    /// The file that an interrupted COMMIT may have made: a file of its length is at its target. Its bytes may be staged,
    /// too, after a copy to another disk.
    pub(super) fn maybe_published(&self, record: &UploadRecord) -> Result<Option<(VPath, Published)>, StorageError> {
        let Some(path) = record.target_path() else { return Ok(None) };
        match self.below_base_of(&record.owner).stat(&path) {
            Ok(entry) if entry.is_file() && Some(entry.size) == record.length => {
                let kept = self.kept_before(record.id)?;
                // An exchange of names that a crash has prevented: the file is still the old one.
                let is_old = kept.as_ref().is_some_and(|item| item.entry.etag == entry.etag);
                let kept = kept.map(|item| Kept { id: item.id, bytes: item.entry.size, disk: item.disk });
                Ok((!is_old).then_some((path, Published { entry, replaced: kept.is_some(), kept })))
            }
            Ok(_) => Ok(None),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            // Publishing tells what is wrong with the target.
            Err(_) if !self.is_unstaged(record)? => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// True if the staged file of an upload is gone.
    ///
    /// # Errors
    /// [`ErrorCode::DiskAbsent`] if it may be on a disk that is not connected.
    pub(super) fn is_unstaged(&self, record: &UploadRecord) -> Result<bool, StorageError> {
        match self.staged(record) {
            Ok(_) => Ok(false),
            Err(error) if error.code == ErrorCode::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The file in the trash that an upload has replaced.
    fn kept_before(&self, id: UploadId) -> Result<Option<TrashItem>, StorageError> {
        match self.storage.stat_trash(TrashId(id.0)) {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.code == ErrorCode::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The BLAKE3 digest of the content of an upload, if it is known without its bytes.
fn content(record: &UploadRecord) -> Option<Vec<u8>> {
    let computed = || {
        let digests = record.length.and_then(|length| record.digests_at(length))?.digests();
        digests.get(Algorithm::Blake3).map(<[u8]>::to_vec)
    };
    record.content.clone().or_else(computed)
}
