//! What the tasks of one upload share.

use std::path::Path;
use std::sync::Arc;

use shared::{Conflict, ErrorCode};

use super::resume_file::ResumeFiles;
use crate::client::{self, ClientError};
use crate::commands::connect::Session;
use crate::commands::failure::{Exit, Failure};
use crate::commands::format;
use crate::commands::report::Report;

/// One upload, shared by its tasks.
pub(super) struct Upload {
    pub(super) session: Session,
    pub(super) report: Arc<Report>,
    pub(super) resume_files: ResumeFiles,
    pub(super) conflict: Conflict,
    /// Whether files go on where an earlier upload stopped.
    pub(super) resume: bool,
    /// Attempts in a row to reach the server.
    pub(super) retries: u32,
}

/// A local path for messages: characters that a terminal cannot show are percent-encoded.
pub(super) fn shown(local: &Path) -> String {
    format::name(local.as_os_str().as_encoded_bytes())
}

/// Warns that people take the new file for another one beside it.
pub(super) fn report_similar(report: &Report, done: &client::Upload) {
    if let (Some(entry), Some(similar)) = (&done.entry, &done.similar) {
        let other = format::name(similar.name());
        let sentence =
            format!("beside it is {other}, whose name differs only in letter case or in the form of a letter");
        report.note(&Failure::new(Exit::Done, "similar_name", sentence).about(&entry.path));
    }
}

/// The error for an answer to COMMIT that lacks the entry of the new file.
pub(super) fn missing_entry() -> ClientError {
    ClientError::new(ErrorCode::Protocol, "the answer to the commit has no entry")
}
