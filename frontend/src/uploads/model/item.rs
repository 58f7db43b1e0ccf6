//! One upload in the queue: the file, its stage, and how far it is.

use shared::{Conflict, ETag, Entry, UploadId, VPath};

use super::retry_policy::UploadError;

/// Index of an upload in the queue, which never changes.
pub type Id = usize;

/// Number of a group of files that the user selected together. An answer "for all" applies to one batch.
pub type Batch = u32;

/// A file that the user selected.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectedFile {
    /// Path at the server that the file is uploaded to.
    pub target: VPath,
    /// Bytes.
    pub size: u64,
    /// Time of the last change, in milliseconds since 1970.
    pub modified: i64,
}

/// The entry that exists at an upload's target.
#[derive(Clone, Debug, PartialEq)]
pub struct ExistingEntry {
    /// True unless the entry is a file. A file never replaces such an entry.
    pub folder: bool,
    /// Bytes.
    pub size: u64,
    /// Time of the last change, in milliseconds since 1970.
    pub modified: i64,
    /// Entity tag, so that only the state that the user saw is replaced.
    pub etag: Option<ETag>,
}

/// What the server does if an entry exists at the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OnExisting {
    /// Refuse the upload.
    #[default]
    Fail,
    /// Give the upload a numbered name.
    KeepBoth,
    /// Replace the entry, if it has this entity tag; `None` for any.
    Replace(Option<ETag>),
}

impl OnExisting {
    /// The server's rule.
    pub fn conflict(&self) -> Conflict {
        match self {
            Self::Fail => Conflict::Fail,
            Self::KeepBoth => Conflict::KeepBoth,
            Self::Replace(_) => Conflict::Replace,
        }
    }

    /// The entity tag that the replaced entry must have.
    pub fn if_match(&self) -> Option<ETag> {
        match self {
            Self::Replace(etag) => *etag,
            Self::Fail | Self::KeepBoth => None,
        }
    }
}

/// The stage of an upload.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The page looks up whether an entry exists at the target.
    Checking,
    /// A file of the same size exists at the target; both are hashed to find out whether they are identical.
    Comparing,
    /// Waits for a connection.
    Waiting,
    /// Sends bytes.
    Sending,
    /// Waits for the hash of the local file, by which the server verifies the upload.
    Verifying,
    /// Waits after a temporary failure until that time, in milliseconds.
    Backoff(f64),
    /// The user paused it.
    Paused,
    /// The user has to resolve the conflict with this entry.
    Conflict(ExistingEntry),
    /// The page was reloaded, and the user has to select the file again.
    FileMissing,
    /// Uploaded; true if the server's digest equals that of the local file.
    Done(bool),
    /// An identical file existed already.
    Identical,
    /// The user kept the existing entry instead.
    Skipped,
    /// Failed, until the user retries or dismisses it.
    Failed(UploadError),
    /// The user cancelled or dismissed it; no longer shown.
    Canceled,
}

/// A class of stages, by which the totals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageGroup {
    /// Continues without the user.
    Active,
    /// Paused by the user.
    Paused,
    /// Needs the user.
    NeedsUser,
    /// Uploaded.
    Done,
    /// Ended without an upload.
    NotNeeded,
    /// No longer shown.
    Removed,
}

/// One upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file.
    pub file: SelectedFile,
    /// The files that were selected together with it.
    pub batch: Batch,
    /// Its stage.
    pub stage: Stage,
    /// What the server does if an entry exists at the target.
    pub on_existing: OnExisting,
    /// The entry at the target when it was last looked up, until the conflict is resolved.
    pub existing: Option<ExistingEntry>,
    /// Id of the upload at the server, once it was created there.
    pub upload: Option<UploadId>,
    /// Bytes sent so far.
    pub sent: u64,
    /// Bytes that the server has made durable, where the next attempt continues.
    pub stored: u64,
    /// Bytes hashed so far, while comparing.
    pub hashed: u64,
    /// Failed attempts since the upload last made progress.
    pub failures: u32,
    /// Number of the current attempt. Events of earlier attempts are ignored.
    pub attempt: u32,
    /// True while an attempt runs.
    pub running: bool,
}

impl Item {
    pub(super) fn new(file: SelectedFile, batch: Batch) -> Self {
        Self {
            file,
            batch,
            stage: Stage::Checking,
            on_existing: OnExisting::Fail,
            existing: None,
            upload: None,
            sent: 0,
            stored: 0,
            hashed: 0,
            failures: 0,
            attempt: 0,
            running: false,
        }
    }

    /// The part that the progress bar shows, from 0 to 1.
    pub fn progress(&self) -> f64 {
        let part = |bytes: u64| if self.file.size == 0 { 0.0 } else { bytes as f64 / self.file.size as f64 };
        match self.stage {
            Stage::Done(_) | Stage::Identical | Stage::Skipped => 1.0,
            Stage::Comparing => part(self.hashed).min(1.0),
            _ => part(self.sent).min(1.0),
        }
    }
}

impl From<&Entry> for ExistingEntry {
    fn from(entry: &Entry) -> Self {
        Self { folder: !entry.is_file(), size: entry.size, modified: entry.modified.milliseconds(), etag: entry.etag }
    }
}

impl Stage {
    /// The stage's group.
    pub fn group(&self) -> StageGroup {
        match self {
            Self::Checking | Self::Comparing | Self::Waiting | Self::Sending | Self::Verifying | Self::Backoff(_) => {
                StageGroup::Active
            }
            Self::Paused => StageGroup::Paused,
            Self::Conflict(_) | Self::FileMissing | Self::Failed(_) => StageGroup::NeedsUser,
            Self::Done(_) => StageGroup::Done,
            Self::Identical | Self::Skipped => StageGroup::NotNeeded,
            Self::Canceled => StageGroup::Removed,
        }
    }

    /// True while the upload occupies one of the connections.
    pub fn uses_connection(&self) -> bool {
        matches!(self, Self::Sending | Self::Verifying)
    }

    /// True if the stage never changes again, except by removal from the list.
    pub fn is_final(&self) -> bool {
        matches!(self.group(), StageGroup::Done | StageGroup::NotNeeded | StageGroup::Removed)
    }

    /// True if the upload can be paused.
    pub fn can_pause(&self) -> bool {
        matches!(self, Self::Comparing | Self::Waiting | Self::Sending | Self::Verifying | Self::Backoff(_))
    }
}
