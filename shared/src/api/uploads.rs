//! Uploads beyond tus: listing uploads, committing one again, digests.
//!
//! The upload resource itself speaks tus 1.0.0 (`/uploads`, `/uploads/<id>`). Its `Upload-Metadata` keys are `path`
//! (the canonical text of a [`VPath`]) or `filename` (one name, not encoded), `mtime` (milliseconds since 1970),
//! `blake3` (64 hexadecimal digits), `conflict` (the JSON of [`Conflict`]) and keys of the client's own, which are
//! returned unchanged. `If-Match` and `If-None-Match: *` of the creation are conditions of the file. The last byte makes
//! the file. If that fails, the bytes stay, and [`CommitUpload`] tries again.

use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, Method};
use crate::change::Conflict;
use crate::digest::{Algorithm, Digests};
use crate::entry::{ETag, Entry};
use crate::id::{TrashId, UploadId};
use crate::path::VPath;

/// `GET /uploads`: lists the caller's uploads, newest first, including those committed recently.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListUploads {}

/// The answer to [`ListUploads`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Uploads {
    /// Newest first.
    pub uploads: Vec<UploadState>,
}

/// The state of an upload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadState {
    /// The upload: the last segment of its URL.
    pub id: UploadId,
    /// The number of durable bytes.
    pub offset: u64,
    /// The length of the file, if known.
    #[serde(default)]
    pub length: Option<u64>,
    /// The destination.
    #[serde(default)]
    pub path: Option<VPath>,
    /// When it expires, in milliseconds since 1970.
    pub expires: i64,
    /// The file, after the commit.
    #[serde(default)]
    pub entry: Option<Entry>,
    /// The known digests of the content.
    #[serde(default)]
    pub digests: Option<Digests>,
    /// True if it replaced a file.
    #[serde(default)]
    pub replaced: bool,
    /// The item of the trash that keeps the replaced file, if it could be kept.
    #[serde(default)]
    pub trash: Option<TrashId>,
    /// True if the destination existed and was kept.
    #[serde(default)]
    pub skipped: bool,
    /// The name of the error code for which the complete upload is no file.
    #[serde(default)]
    pub refused: Option<String>,
}

/// `POST /uploads/<id>/commit`: commits a complete upload, with another destination or conflict rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommitUpload {
    /// The upload.
    #[serde(skip)]
    pub id: UploadId,
    /// Another destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<VPath>,
    /// Another rule for an existing destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Commits only if the destination has this entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<ETag>,
    /// Commits only if the content matches this `Repr-Digest` field (RFC 9530).
    #[serde(skip)]
    pub repr_digest: Option<String>,
}

/// `GET /uploads/<id>`: reads the state of an upload at once; a tus `HEAD` waits while the server makes the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadUpload {
    /// The upload.
    #[serde(skip)]
    pub id: UploadId,
}

/// `GET /digest/<path>?algorithm=…`: reads digests of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadDigest {
    /// The file.
    pub path: VPath,
    /// The algorithm.
    pub algorithm: Algorithm,
}

/// The answer to [`ReadDigest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileDigests {
    /// The file at the time of reading.
    pub entry: Entry,
    /// The digests of its content.
    pub digests: Digests,
}

impl Endpoint for ListUploads {
    type Answer = Uploads;

    fn target(&self) -> String {
        "/uploads".into()
    }
}

impl Endpoint for CommitUpload {
    type Answer = UploadState;

    const METHOD: Method = Method::Post;

    fn target(&self) -> String {
        format!("/uploads/{}/commit", self.id)
    }

    fn repr_digest(&self) -> Option<&str> {
        self.repr_digest.as_deref()
    }
}

impl Endpoint for ReadUpload {
    type Answer = UploadState;

    fn target(&self) -> String {
        format!("/uploads/{}", self.id)
    }
}

impl Endpoint for ReadDigest {
    type Answer = FileDigests;

    fn target(&self) -> String {
        format!("/digest/{}?algorithm={}", self.path, self.algorithm.tus_name())
    }
}
