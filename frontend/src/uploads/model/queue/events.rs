//! The queue's input and output: events of attempts, effects to perform, and whether the server answers.

use shared::{ETag, UploadId};

use super::super::item::{ExistingEntry, Id};
use super::super::retry_policy::Remedy;

/// An effect for the controller to perform.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Abort the file's attempt.
    Abort(Id),
    /// Delete the upload at the server, and forget it in the browser's storage.
    Delete(UploadId),
    /// Save the upload in the browser's storage, so that it continues after a reload.
    Save(Id),
    /// Forget the upload in the browser's storage.
    Forget(UploadId),
    /// Release the browser's file.
    Release(Id),
}

/// An event of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEvent {
    /// The server created an upload with this id.
    Created(UploadId),
    /// Bytes sent in total.
    Sent(u64),
    /// Bytes that the server has made durable in total.
    Stored(u64),
    /// Bytes hashed in total.
    Hashed(u64),
    /// The attempt waits for the local hash.
    Verifying,
    /// The comparison ended; true if the files are identical.
    Compared(bool),
    /// The upload is complete; true if the server's digest equals that of the local file.
    Done(bool),
    /// An entry exists at the target, and the user has to resolve the conflict.
    Conflict(ExistingEntry),
    /// The entry to replace is gone from the target.
    TargetFree,
    /// The server published the file with another digest than that of the local file; with its entity tag.
    Damaged(Option<ETag>),
    /// The attempt failed.
    Failed(Remedy),
}

/// Whether the server answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Connectivity {
    /// The server answers.
    Online,
    /// The server does not answer.
    Lost {
        /// Failed attempts to reach it.
        failures: u32,
        /// Time of the next attempt, in milliseconds; infinite while the browser has no network.
        retry_at: f64,
    },
    /// One upload probes whether the server answers.
    Probing {
        /// Failed attempts to reach it.
        failures: u32,
    },
}
