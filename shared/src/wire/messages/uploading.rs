//! How bytes come in: an upload in steps, or a small file in one exchange.

use minicbor::{Decode, Encode};

use super::Caller;
use crate::change::Conflict;
use crate::digest::{Checksum, Digests};
use crate::entry::{ETag, Entry, Timestamp};
use crate::id::{JobId, UploadId};
use crate::path::VPath;

/// STAGE: begin an upload. UPLOAD, END. Nothing is seen of it before COMMIT.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Stage {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// The file that it is to become, which takes CREATE, or REPLACE where one is there and may be replaced; none for a
    /// part of another upload.
    #[n(1)]
    pub target: Option<VPath>,
    /// How many bytes there will be in all; none where that is said later.
    #[n(2)]
    pub length: Option<u64>,
    /// What COMMIT is to do where something stands at the target, unless it says otherwise.
    #[n(3)]
    pub conflict: Conflict,
    /// COMMIT only if the target is in one of these states (RFC 9110 `If-Match`); none for any, or none at all. An
    /// empty list stands for `*`: it must be there.
    #[n(4)]
    pub if_match: Option<Vec<ETag>>,
    /// The time of last change that the file is to have; none for that of the COMMIT.
    #[n(5)]
    pub modified: Option<Timestamp>,
    /// The BLAKE3 digest that COMMIT must find.
    #[n(6)]
    pub blake3: Option<Vec<u8>>,
    /// Whether the file's owner may execute it; none for what the replaced file has, or no.
    #[n(7)]
    pub executable: Option<bool>,
    /// Kept for the client, and given back with the status.
    #[n(8)]
    pub metadata: String,
    /// The uploads that it is made of, whole and in that order; empty for one that bytes are put to.
    #[n(9)]
    pub parts: Vec<UploadId>,
    /// False for an upload that costs no record of its own: it ends with the server, and after
    /// [`crate::limits::UPLOAD_UNRECORDED_TIME`] without a request at work on it.
    #[n(10)]
    pub resumable: bool,
    /// True to make the folders on the way to the target.
    #[n(11)]
    pub make_parents: bool,
    /// A STAGE with a key that was used before answers with the upload of then.
    #[n(12)]
    pub key: Option<JobId>,
}

/// PUT: bytes of an upload. UPLOAD as soon as the server is ready; then the client sends DATA… PUT_END; then UPLOAD, END.
/// A newer PUT takes over from an older one, which ends with `canceled`.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Put {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which.
    #[n(1)]
    pub upload: UploadId,
    /// Where the first byte belongs; must be the durable offset.
    #[n(2)]
    pub offset: u64,
    /// How many bytes follow; none where that is not known. If fewer come, what came is kept.
    #[n(3)]
    pub length: Option<u64>,
    /// What these bytes come to: then they are kept all or not at all.
    #[n(4)]
    pub checksum: Option<Checksum>,
    /// How many bytes there will be in all, where that was not said before.
    #[n(5)]
    pub total: Option<u64>,
}

/// STORE: a whole small file in one exchange, which is a STAGE, a PUT and a COMMIT of an upload without a record. DATA…
/// PUT_END follow at once, without a word of the server between them; then UPLOAD with the file's entry, END. On failure
/// nothing is left of it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Store {
    /// The upload. Its length is said, is at most [`STORE_BYTES_MAX`](crate::limits::STORE_BYTES_MAX), and says how many
    /// bytes follow.
    #[n(0)]
    pub stage: Stage,
    /// What the bytes come to.
    #[n(1)]
    pub checksum: Option<Checksum>,
}

/// PUT_END: no more bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct PutEnd {
    /// True if the client's own source broke: what came is kept, but the announced length is not held against it.
    #[n(0)]
    pub broken: bool,
}

/// UPLOAD_STATUS: how an upload stands. UPLOAD, END. Waits for a writer that is at work to let go, which it is told to.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct UploadStatus {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which; none for all of the caller's, newest first, an UPLOAD for each.
    #[n(1)]
    pub upload: Option<UploadId>,
}

/// COMMIT: make an upload a file, whole and at once. UPLOAD with the file's entry, END. Again: the same answer.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Commit {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which.
    #[n(1)]
    pub upload: UploadId,
    /// Another target than STAGE said.
    #[n(2)]
    pub target: Option<VPath>,
    /// Another answer to what stands there.
    #[n(3)]
    pub conflict: Option<Conflict>,
    /// Another condition than STAGE said.
    #[n(4)]
    pub if_match: Option<Vec<ETag>>,
    /// The BLAKE3 digest that the content must have.
    #[n(5)]
    pub blake3: Option<Vec<u8>>,
}

/// ABORT: give an upload up, with its bytes. END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Abort {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which.
    #[n(1)]
    pub upload: UploadId,
}

/// UPLOAD: an upload as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Upload {
    /// Which.
    #[n(0)]
    pub id: UploadId,
    /// How many bytes, from the first, survive a crash.
    #[n(1)]
    pub offset: u64,
    /// How many there will be; none where nobody said yet.
    #[n(2)]
    pub length: Option<u64>,
    /// The file that it is to become; none for a part.
    #[n(3)]
    pub target: Option<VPath>,
    /// What the client left.
    #[n(4)]
    pub metadata: String,
    /// When it is given up, if nobody adds to it.
    #[n(5)]
    pub expires: Timestamp,
    /// The file that it became; the path is the one it has, be it by [`Conflict::KeepBoth`].
    #[n(6)]
    pub entry: Option<Entry>,
    /// What is known of the content, once it is whole.
    #[n(7)]
    pub digests: Option<Digests>,
    /// True where COMMIT put it in the place of a file.
    #[n(8)]
    pub replaced: bool,
    /// True where [`Conflict::Skip`] left the file that was there.
    #[n(9)]
    pub skipped: bool,
    /// The uploads that it is made of.
    #[n(10)]
    pub parts: Vec<UploadId>,
}
