//! What the tasks of one download share.

use std::io;
use std::sync::Arc;

use shared::VPath;

use super::folders::Folders;
use super::plan::Mapping;
use crate::commands::connect::Session;
use crate::commands::failure::Failure;
use crate::commands::report::Report;

/// One download, shared by its tasks.
pub(super) struct Download {
    pub(super) session: Session,
    pub(super) report: Arc<Report>,
    pub(super) folders: Folders,
    pub(super) mappings: Vec<Mapping>,
    /// Whether files that differ are replaced.
    pub(super) force: bool,
    /// Whether files go on where an earlier download stopped.
    pub(super) resume: bool,
    /// Attempts in a row to reach the server.
    pub(super) retries: u32,
}

impl Download {
    /// The mapping of the SRC with that path.
    pub(super) fn mapping(&self, path: &VPath) -> Option<&Mapping> {
        self.mappings.iter().find(|mapping| &mapping.source == path)
    }
}

/// Returns `failure` as `Err` if `error` concerns all files: a full or read-only disk.
pub(super) fn check_fatal(error: &io::Error, failure: &Failure) -> Result<(), Failure> {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let fatal = matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem);
    if fatal { Err(failure.clone()) } else { Ok(()) }
}
