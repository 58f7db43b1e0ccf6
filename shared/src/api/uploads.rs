//! Uploads beyond what tus says: the list of one's own, the commit that did not come by itself, digests.
//!
//! The upload resource itself speaks tus 1.0.0 (`/uploads`, `/uploads/<id>`). Its `Upload-Metadata` keys are `path` (the
//! canonical text of a [`VPath`], percent-encoded) or `filename` (one name, raw), `mtime` (milliseconds since 1970),
//! `blake3` (64 hexadecimal digits), `conflict` (as in [`Conflict`]'s JSON) and whatever else the client wants back;
//! `If-Match` and `If-None-Match: *` of the creation are conditions of the commit. The PATCH that brings the last byte
//! commits; where that fails the bytes stay, and [`CommitUpload`] tries again.

use serde::{Deserialize, Serialize};

use super::{Endpoint, Method};
use crate::change::Conflict;
use crate::digest::{Algorithm, Digests};
use crate::entry::{ETag, Entry};
use crate::id::UploadId;
use crate::path::VPath;

/// `GET /uploads`: the caller's uploads, newest first, those that became files of late too.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListUploads {}

/// The answer to [`ListUploads`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Uploads {
    /// Newest first.
    pub uploads: Vec<UploadState>,
}

/// An upload as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UploadState {
    /// Which: the last segment of its address.
    pub id: UploadId,
    /// How many bytes survive a crash.
    pub offset: u64,
    /// How many there will be.
    #[serde(default)]
    pub length: Option<u64>,
    /// The file that it is to become.
    #[serde(default)]
    pub path: Option<VPath>,
    /// When it is given up, in milliseconds since 1970.
    pub expires: i64,
    /// The file that it became.
    #[serde(default)]
    pub entry: Option<Entry>,
    /// What is known of the content.
    #[serde(default)]
    pub digests: Option<Digests>,
    /// True where it took the place of a file.
    #[serde(default)]
    pub replaced: bool,
    /// True where the file that was there stayed.
    #[serde(default)]
    pub skipped: bool,
}

/// `POST /uploads/<id>/commit`: make a whole upload a file, with another answer to what stood in its way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommitUpload {
    /// Which.
    #[serde(skip)]
    pub id: UploadId,
    /// Another target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<VPath>,
    /// What to do where something stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Only if the file there is in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<ETag>,
    /// Only if the content has a digest of this `Repr-Digest` field (RFC 9530).
    #[serde(skip)]
    pub repr_digest: Option<String>,
}

/// `GET /uploads/<id>`: how an upload stands. Asking changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadUpload {
    /// Which.
    #[serde(skip)]
    pub id: UploadId,
}

/// `GET /digest/<path>?algorithm=…`: digests of a file's content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadDigest {
    /// Which file.
    pub path: VPath,
    /// By which algorithm.
    pub algorithm: Algorithm,
}

/// The answer to [`ReadDigest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileDigests {
    /// The file that was read.
    pub entry: Entry,
    /// Of its content.
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
