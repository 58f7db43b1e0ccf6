//! A copy of a file that has no name yet.

use std::sync::Arc;

use shared::{Entry, UploadId};

use crate::storage::{Copied, Storage};

/// A copy that is published by one step, and again where that fails because of what stands at its target. Dropping it
/// removes it.
pub(super) struct StagedCopy {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) id: UploadId,
    /// The file as it was copied.
    pub(super) source: Entry,
    pub(super) copied: Option<Copied>,
}

impl Drop for StagedCopy {
    fn drop(&mut self) {
        // The staged file is left after a failure, and after a publication that copies to another file system. If it
        // cannot be removed now, the next start removes it.
        let _ = self.storage.unstage(self.id);
    }
}
