//! Uploads: in steps, or a small file in one request.

use minicbor::{Decode, Encode};

use super::bounds::{Bounded, check};
use super::call::Call;
use super::caller::Caller;
use super::common::Failure;
use crate::change::Conflict;
use crate::digest::{Checksum, Digests};
use crate::entry::{ETag, Entry, Timestamp};
use crate::id::{JobId, TrashId, UploadId};
use crate::limits::{STORE_BYTES_MAX, TEXT_BYTES_MAX, UPLOAD_METADATA_BYTES_MAX, UPLOAD_PARTS_MAX};
use crate::path::VPath;
use crate::wire::codec::{digest_bytes, known_variant};
use crate::wire::header::FrameKind;

/// STAGE: starts an upload, which stays invisible until COMMIT. Answer: UPLOAD, END.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Stage {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The destination: requires CREATE, and REPLACE to replace a file. `None` for a part of another upload.
    #[n(1)]
    pub target: Option<VPath>,
    /// The length of the file. `None` if it will be announced later.
    #[n(2)]
    pub length: Option<u64>,
    /// What COMMIT does if the destination exists, unless it has its own rule.
    #[n(3)]
    pub conflict: Conflict,
    /// COMMIT fails unless the destination has one of these entity tags (RFC 9110 §13.1.1, `If-Match`). `None` for no
    /// condition. An empty list means `*`: the destination must exist.
    #[n(4)]
    pub if_match: Option<Vec<ETag>>,
    /// The modification time of the file. `None` for the time of the COMMIT.
    #[n(5)]
    pub modified: Option<Timestamp>,
    /// The expected BLAKE3 digest of the content.
    #[cbor(n(6), with = "digest_bytes", has_nil)]
    pub blake3: Option<Vec<u8>>,
    /// Whether the file's owner may execute it. `None` keeps the permission of a replaced file; a new file has none.
    #[n(7)]
    pub executable: Option<bool>,
    /// Text of the client's own, returned with the status.
    #[n(8)]
    pub metadata: String,
    /// The complete uploads to concatenate, in order. Empty for an upload that receives bytes.
    #[n(9)]
    pub parts: Vec<UploadId>,
    /// False for an upload without a record in the database: it is lost when the server stops, and after
    /// [`crate::limits::UPLOAD_UNRECORDED_TIME`] without a request.
    #[n(10)]
    pub resumable: bool,
    /// True to make missing parents of the destination.
    #[n(11)]
    pub make_parents: bool,
    /// The idempotency key: a repeated STAGE gets the existing upload, and one with other fields fails with
    /// [`crate::ErrorCode::KeyReused`].
    #[n(12)]
    pub key: Option<JobId>,
    /// True for an upload that the server makes a file by itself once it is complete, also after a restart, without a
    /// COMMIT.
    #[n(13)]
    pub finish: Option<bool>,
}

impl Call for Stage {
    type Answer = Upload;
    const KIND: FrameKind = FrameKind::Stage;
    const ANSWER: FrameKind = FrameKind::Upload;
}

impl Bounded for Stage {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check(self.metadata.len() <= UPLOAD_METADATA_BYTES_MAX, "the metadata is too long")?;
        check(self.parts.len() <= UPLOAD_PARTS_MAX, "an upload has at most 1000 parts")?;
        check(self.if_match.as_ref().is_none_or(|etags| etags.len() <= TEXT_BYTES_MAX), "too many entity tags")?;
        check(self.length.is_none_or(|length| i64::try_from(length).is_ok()), "the length exceeds that of any file")?;
        check(self.target.as_ref().is_none_or(|target| !target.is_root()), "the target is the root")?;
        check(self.finish != Some(true) || self.target.is_some(), "an upload without a target becomes no file")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")
    }
}

/// PUT: appends bytes to an upload. The server answers UPLOAD when it is ready; the client sends DATA… PUT_END; the
/// server answers UPLOAD, END. A newer PUT takes over from an older one, which ends with `canceled`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Put {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The upload.
    #[n(1)]
    pub upload: UploadId,
    /// The offset of the first byte: must be the number of durable bytes.
    #[n(2)]
    pub offset: u64,
    /// The number of bytes that follow. `None` if unknown. If fewer arrive, they are kept.
    #[n(3)]
    pub length: Option<u64>,
    /// The checksum of these bytes. If it does not match, none of them are kept.
    #[cbor(n(4), decode_with = "known_variant")]
    pub checksum: Option<Checksum>,
    /// The length of the file, if it was not announced before.
    #[n(5)]
    pub total: Option<u64>,
    /// The expected BLAKE3 digest of the whole content, if these bytes complete the upload. It replaces that of STAGE.
    #[cbor(n(6), with = "digest_bytes", has_nil)]
    pub blake3: Option<Vec<u8>>,
}

impl Bounded for Put {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        let end = self.offset.checked_add(self.length.unwrap_or(0));
        check(end.is_some_and(|end| i64::try_from(end).is_ok()), "the length exceeds that of any file")?;
        check(self.total.is_none_or(|total| i64::try_from(total).is_ok()), "the length exceeds that of any file")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")?;
        let fits = |sum: &Checksum| sum.digest.len() == sum.algorithm.length();
        check(self.checksum.as_ref().is_none_or(fits), "the checksum has another length than its algorithm's")
    }
}

/// STORE: uploads a small file in one request: STAGE, PUT and COMMIT of an upload without a record. The client sends
/// DATA… PUT_END without waiting. Answer: UPLOAD with the file's entry, END. A failed STORE leaves nothing behind.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Store {
    /// The upload. Its length is required, at most [`STORE_BYTES_MAX`], and the number
    /// of bytes that follow.
    #[n(0)]
    pub stage: Stage,
    /// The checksum of the bytes.
    #[cbor(n(1), decode_with = "known_variant")]
    pub checksum: Option<Checksum>,
}

impl Bounded for Store {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.stage.check_bounds()?;
        let fits = self.stage.length.is_some_and(|length| length <= STORE_BYTES_MAX);
        check(fits, "a STORE needs a length of at most 256 KiB")?;
        check(self.stage.target.is_some(), "a STORE needs a target")?;
        let plain = !self.stage.resumable && self.stage.parts.is_empty();
        check(plain, "a STORE has no record and no parts")?;
        let fits = |sum: &Checksum| sum.digest.len() == sum.algorithm.length();
        check(self.checksum.as_ref().is_none_or(fits), "the checksum has another length than its algorithm's")
    }
}

/// PUT_END: ends the bytes of a PUT or a STORE.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct PutEnd {
    /// True if the client's own source failed: the bytes are kept, and fewer than announced are no error.
    #[n(0)]
    pub broken: bool,
}

/// UPLOAD_STATUS: reads the state of an upload. Ends a PUT that is running, and waits for it. Answer: UPLOAD, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct UploadStatus {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The upload. `None` for the uploads of the caller, with an UPLOAD for each: those that are no files yet, then the
    /// newest.
    #[n(1)]
    pub upload: Option<UploadId>,
}

impl Bounded for UploadStatus {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

/// COMMIT: makes a complete upload a file, atomically. Idempotent. Answer: UPLOAD with the file's entry, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Commit {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The upload.
    #[n(1)]
    pub upload: UploadId,
    /// Replaces the destination of STAGE.
    #[n(2)]
    pub target: Option<VPath>,
    /// Replaces the conflict rule of STAGE.
    #[cbor(n(3), decode_with = "known_variant")]
    pub conflict: Option<Conflict>,
    /// Replaces the condition of STAGE.
    #[n(4)]
    pub if_match: Option<Vec<ETag>>,
    /// The expected BLAKE3 digest of the content.
    #[cbor(n(5), with = "digest_bytes", has_nil)]
    pub blake3: Option<Vec<u8>>,
}

impl Call for Commit {
    type Answer = Upload;
    const KIND: FrameKind = FrameKind::Commit;
    const ANSWER: FrameKind = FrameKind::Upload;
}

impl Bounded for Commit {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check(self.if_match.as_ref().is_none_or(|etags| etags.len() <= TEXT_BYTES_MAX), "too many entity tags")?;
        check(self.target.as_ref().is_none_or(|target| !target.is_root()), "the target is the root")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")
    }
}

/// ABORT: deletes an upload. Answer: END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Abort {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The upload.
    #[n(1)]
    pub upload: UploadId,
}

impl Bounded for Abort {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

/// UPLOAD: the state of an upload.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Upload {
    /// The upload.
    #[n(0)]
    pub id: UploadId,
    /// The number of durable bytes.
    #[n(1)]
    pub offset: u64,
    /// The length of the file. `None` if not announced yet.
    #[n(2)]
    pub length: Option<u64>,
    /// The destination. `None` for a part.
    #[n(3)]
    pub target: Option<VPath>,
    /// The client's own text.
    #[n(4)]
    pub metadata: String,
    /// When it expires without progress.
    #[n(5)]
    pub expires: Timestamp,
    /// The file, after COMMIT. Its path differs from the destination after [`Conflict::KeepBoth`].
    #[n(6)]
    pub entry: Option<Entry>,
    /// Digests of the content, once it is complete.
    #[n(7)]
    pub digests: Option<Digests>,
    /// True if COMMIT replaced a file.
    #[n(8)]
    pub replaced: bool,
    /// True if [`Conflict::Skip`] kept an existing file.
    #[n(9)]
    pub skipped: bool,
    /// The uploads that it is concatenated from.
    #[n(10)]
    pub parts: Vec<UploadId>,
    /// After COMMIT made a new file: an entry beside it whose name differs from its name only in letter case, or in
    /// composed and decomposed letters (see [`crate::name_key::equivalence_key`]).
    #[n(11)]
    pub similar: Option<VPath>,
    /// The item of the trash that keeps the file that COMMIT replaced. `None` also if the file could not be kept.
    #[n(12)]
    pub trash: Option<TrashId>,
    /// Why the last attempt to make the complete upload a file failed. The server tries no more by itself; a COMMIT
    /// does.
    #[n(13)]
    pub refused: Option<Failure>,
}
