//! What is known of an upload, as it is written down; and whose it is.

use shared::wire::{Caller, Stage, Upload};
use shared::{Digests, JobId, Timestamp, UploadId, VPath};

use crate::server::authority::Owner;

/// An upload.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct UploadRecord {
    /// Which.
    pub id: UploadId,
    /// Whose.
    pub owner: Owner,
    /// By which key its client finds it again.
    pub key: Option<JobId>,
    /// When it began.
    pub created: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// How many bytes there will be, as far as that is said.
    pub length: Option<u64>,
    /// How many survive a crash.
    pub durable: u64,
    /// The STAGE that began it, without its caller.
    pub request: Stage,
    /// The path in the storage that a COMMIT was about to give it.
    pub target: Option<Vec<u8>>,
    /// What its COMMIT answered.
    pub answer: Option<Upload>,
}

impl UploadRecord {
    /// An upload that begins.
    pub(in crate::server) fn new(
        id: UploadId,
        owner: Owner,
        mut request: Stage,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        request.caller = Caller::default();
        let (key, length) = (request.key, request.length);
        Self { id, owner, key, created: now, expires, length, durable: 0, request, target: None, answer: None }
    }

    /// True where it is joined of others, and takes no bytes of its own.
    pub(in crate::server) fn is_joined(&self) -> bool {
        !self.request.parts.is_empty()
    }

    /// As its client is told.
    pub(in crate::server) fn describe(&self, digests: Option<Digests>) -> Upload {
        if let Some(answer) = &self.answer {
            return Upload { expires: self.expires, ..answer.clone() };
        }
        Upload {
            id: self.id,
            offset: if self.is_joined() { self.length.unwrap_or(0) } else { self.durable },
            length: self.length,
            target: self.request.target.clone(),
            metadata: self.request.metadata.clone(),
            expires: self.expires,
            entry: None,
            digests,
            replaced: false,
            skipped: false,
            parts: self.request.parts.clone(),
        }
    }

    /// The path that COMMIT was about to give it.
    pub(in crate::server) fn target_path(&self) -> Option<VPath> {
        self.target.as_deref().and_then(|bytes| VPath::from_bytes(bytes).ok())
    }
}
