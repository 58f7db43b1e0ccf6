//! One upload as the queue knows it: what it is, how far it is, and what stands in its way.

use shared::{ETag, UploadId, VPath};

use super::retry_policy::Trouble;

/// Which upload of this page: its place in the queue, which never changes.
pub type Id = usize;

/// What was chosen together, and is asked about together.
pub type Batch = u32;

/// A file that somebody chose.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The file that it is to become.
    pub target: VPath,
    /// Bytes.
    pub size: u64,
    /// Time of last change, in milliseconds since 1970.
    pub modified: i64,
}

/// The file that stands where an upload is to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Theirs {
    /// True for a folder, which no file can replace.
    pub folder: bool,
    /// Bytes.
    pub size: u64,
    /// Time of last change, in milliseconds since 1970.
    pub modified: i64,
    /// Its state, so that only what was seen is replaced.
    pub etag: Option<ETag>,
}

/// What to do where something stands at the target.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Rule {
    /// Nothing was there: if something is by then, ask.
    #[default]
    New,
    /// Choose a free name beside it.
    KeepBoth,
    /// Replace it, if it still is in the state that was seen; none for any state.
    Replace(Option<ETag>),
}

/// Where an upload stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// What stands at its target is being looked up.
    Planned,
    /// There is a file of the same size: both are hashed, to see whether they are the same.
    Comparing,
    /// Waits for its turn.
    Waiting,
    /// Its bytes are on their way.
    Sending,
    /// Nothing but the hash of the file here is waited for, so that the server can find out whether the bytes are right.
    Verifying,
    /// Something failed that may pass; it is tried again at that time, in milliseconds.
    Resting(f64),
    /// Somebody paused it.
    Paused,
    /// Somebody has to say what to do about what stands there.
    Asking(Theirs),
    /// The page was loaded again since, and the browser no longer has the file.
    Absent,
    /// It is a file of the server; true where that was proved to be the same as the one here.
    Done(bool),
    /// The very same file was there already.
    Identical,
    /// Somebody said to leave what was there.
    Skipped,
    /// It failed, and stays until somebody retries or dismisses it.
    Failed(Trouble),
    /// Somebody gave it up. It is no longer shown.
    Canceled,
}

/// What kind of stage it is; what the totals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Goes on by itself.
    Moving,
    /// Rests until somebody says otherwise.
    Paused,
    /// Needs a person.
    Stuck,
    /// Is a file of the server now.
    Done,
    /// Needed no sending.
    Spared,
    /// Was given up.
    Gone,
}

/// One upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What was chosen.
    pub chosen: Chosen,
    /// With what.
    pub batch: Batch,
    /// Where it stands.
    pub stage: Stage,
    /// What to do about what stands at the target.
    pub rule: Rule,
    /// What stood there when somebody last looked, until it is dealt with.
    pub theirs: Option<Theirs>,
    /// Its address at the server, once it has one.
    pub upload: Option<UploadId>,
    /// Bytes handed over so far.
    pub sent: u64,
    /// Of these, bytes that the server has said to keep: where the next attempt goes on.
    pub kept: u64,
    /// Bytes hashed so far, while comparing.
    pub hashed: u64,
    /// Tries in vain since it last moved.
    pub tries: u32,
    /// Counts the attempts: what an earlier one still reports is not listened to.
    pub run: u32,
    /// An attempt is at work.
    pub busy: bool,
}

impl Item {
    pub(super) fn new(chosen: Chosen, batch: Batch) -> Self {
        Self {
            chosen,
            batch,
            stage: Stage::Planned,
            rule: Rule::New,
            theirs: None,
            upload: None,
            sent: 0,
            kept: 0,
            hashed: 0,
            tries: 0,
            run: 0,
            busy: false,
        }
    }

    /// How much of it the progress bar shows, from 0 to 1.
    pub fn progress(&self) -> f64 {
        let part = |bytes: u64| if self.chosen.size == 0 { 0.0 } else { bytes as f64 / self.chosen.size as f64 };
        match self.stage {
            Stage::Done(_) | Stage::Identical | Stage::Skipped => 1.0,
            Stage::Comparing => part(self.hashed).min(1.0),
            _ => part(self.sent).min(1.0),
        }
    }
}

impl Stage {
    /// What kind of stage it is.
    pub fn group(&self) -> Group {
        match self {
            Self::Planned | Self::Comparing | Self::Waiting | Self::Sending | Self::Verifying | Self::Resting(_) => {
                Group::Moving
            }
            Self::Paused => Group::Paused,
            Self::Asking(_) | Self::Absent | Self::Failed(_) => Group::Stuck,
            Self::Done(_) => Group::Done,
            Self::Identical | Self::Skipped => Group::Spared,
            Self::Canceled => Group::Gone,
        }
    }

    /// True while it holds one of the connections.
    pub fn holds_lane(&self) -> bool {
        matches!(self, Self::Sending | Self::Verifying)
    }

    /// True if nothing more will happen to it.
    pub fn is_over(&self) -> bool {
        matches!(self.group(), Group::Done | Group::Spared | Group::Gone)
    }

    /// True if it can be paused.
    pub fn can_pause(&self) -> bool {
        matches!(self, Self::Comparing | Self::Waiting | Self::Sending | Self::Verifying | Self::Resting(_))
    }
}
