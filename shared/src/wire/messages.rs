//! The bodies, in the order in which a connection meets them. A field's number is never used again, only optional
//! fields are added, and a receiver ignores fields that it does not know.

use minicbor::{Decode, Encode};

use crate::change::{Change, Conflict, Trashed};
use crate::digest::{Algorithm, Checksum, Digests};
use crate::entry::{ETag, Entry, Timestamp};
use crate::error::ErrorCode;
use crate::event::EventId;
use crate::id::{JobId, UploadId};
use crate::limits::{
    CAPABILITIES_MAX, CHANGE_ITEMS_MAX, CURSOR_BYTES_MAX, GET_ITEMS_MAX, LIST_LIMIT_MAX, SCOPE_ROOTS_MAX,
    STORE_BYTES_MAX, TEXT_BYTES_MAX, TRASH_LIMIT_MAX, UPLOAD_METADATA_BYTES_MAX, UPLOAD_PARTS_MAX, WALK_PATHS_MAX,
};
use crate::order::Order;
use crate::path::VPath;
use crate::range::ByteRange;
use crate::scope::{Rights, Scope};

/// HELLO: the first frame, from the client.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// [`super::MAGIC`].
    #[n(0)]
    pub magic: String,
    /// Lowest version that the client speaks.
    #[n(1)]
    pub min_version: u16,
    /// Highest version that the client speaks.
    #[n(2)]
    pub max_version: u16,
    /// What else the client can do; unknown ones are ignored.
    #[n(3)]
    pub capabilities: Vec<String>,
    /// Random, new for every connection.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

/// HELLO_ACK: the server's choice.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct HelloAck {
    /// The version that both speak from here on.
    #[n(0)]
    pub version: u16,
    /// What else the server can do, of what the client named.
    #[n(1)]
    pub capabilities: Vec<String>,
    /// Random, new for every connection.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

/// AUTH: the client proves its key.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Auth {
    /// Which key.
    #[n(0)]
    pub key_id: String,
    /// HMAC-SHA256 under the key, over [`super::CLIENT_PROOF_LABEL`] and every byte of the handshake so far.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// Largest DATA payload that the client takes, in bytes; none for [`crate::limits::DATA_BYTES_MAX`].
    #[n(2)]
    pub max_data: Option<u32>,
}

/// AUTH_OK: the server proves its key, and says what it allows.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct AuthOk {
    /// HMAC-SHA256 under the key, over [`super::SERVER_PROOF_LABEL`] and every byte of the handshake so far.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// Largest DATA payload on this connection, in bytes.
    #[n(1)]
    pub max_data: u32,
    /// The server closes a connection on which nothing happens for so many milliseconds.
    #[n(2)]
    pub idle_timeout_ms: u32,
    /// What this key may do at most.
    #[n(3)]
    pub rights: Rights,
}

/// What every request carries.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Caller {
    /// What the caller may do.
    #[n(0)]
    pub scope: Scope,
    /// Which of the scope's roots the request's paths are relative to.
    #[n(1)]
    pub root: u16,
    /// How long the caller waits for the first answer frame, in milliseconds; none for no bound.
    #[n(2)]
    pub deadline_ms: Option<u32>,
    /// What ties log lines of the two tiers together.
    #[n(3)]
    pub trace_id: Option<String>,
    /// Who that is, where the gateway knows: uploads and changes belong to it, and nobody else sees or stops them.
    #[n(4)]
    pub principal: Option<String>,
}

/// LIST: a page of a folder. COLUMNS…, END: blocks of rows, the last of which says that it is.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct List {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// The folder.
    #[n(1)]
    pub path: VPath,
    /// How its entries are sorted.
    #[n(2)]
    pub order: Order,
    /// Where to go on; none for the first page.
    #[n(3)]
    pub cursor: Option<String>,
    /// Most entries in the answer.
    #[n(4)]
    pub limit: u32,
}

/// STAT: one entry.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Stat {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which.
    #[n(1)]
    pub path: VPath,
    /// True where the question is what a GET would send: then it takes the right to read instead of that to list.
    #[n(2)]
    pub for_reading: Option<bool>,
}

/// GET: the bytes of chosen files, in that order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Get {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// At least one, at most [`GET_ITEMS_MAX`].
    #[n(1)]
    pub items: Vec<GetItem>,
    /// True where a file may be lent instead of sent, if the connection agreed on [`super::LEND`].
    #[n(2)]
    pub lend: Option<bool>,
}

/// One file of a GET.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct GetItem {
    /// Which file.
    #[n(0)]
    pub path: VPath,
    /// Which of its bytes; none for all.
    #[n(1)]
    pub range: Option<ByteRange>,
    /// Send it only if this is its validator now, else end the item with `changed`.
    #[n(2)]
    pub if_etag: Option<ETag>,
}

/// WALK: everything below chosen paths, parents before children, siblings by the bytes of their names. Links to
/// folders are named, not entered.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Walk {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Where to start, in that order; at least one, at most [`WALK_PATHS_MAX`].
    #[n(1)]
    pub paths: Vec<VPath>,
    /// `next_cursor` of the page after which to go on; none to start.
    #[n(2)]
    pub cursor: Option<String>,
}

/// PAGE: entries of a WALK. Each answer has at least one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Page {
    /// In order.
    #[n(0)]
    pub entries: Vec<Entry>,
    /// Where to go on after it.
    #[n(1)]
    pub next_cursor: Option<String>,
    /// What could not be read, and is left out.
    #[n(2)]
    pub skipped: Option<Vec<Skipped>>,
}

/// Something that a WALK had to leave out.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Skipped {
    /// What.
    #[n(0)]
    pub path: VPath,
    /// Why.
    #[n(1)]
    pub code: ErrorCode,
}

/// META: one entry and, in a GET, which of its bytes follow.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Meta {
    /// As it is now.
    #[n(0)]
    pub entry: Entry,
    /// GET: the first byte that follows.
    #[n(1)]
    pub offset: u64,
    /// GET: how many bytes follow.
    #[n(2)]
    pub length: u64,
}

/// ITEM_END: the end of one file of a GET. Without `error` every byte that META promised was sent, and the file was the
/// same to the end. With it, the next item follows all the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct ItemEnd {
    /// Why the item was not sent, or not to its end.
    #[n(0)]
    pub error: Option<Failure>,
}

/// STAGE: begin an upload. UPLOAD, END. Nothing is seen of it before COMMIT.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
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
    /// The upload. Its length is said, is at most [`STORE_BYTES_MAX`], and says how many bytes follow.
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

/// DIGEST: digests of a file's content, which takes READ. DIGESTS*, END; the last has all that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Digest {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which file.
    #[n(1)]
    pub path: VPath,
    /// By which algorithms, at least one.
    #[n(2)]
    pub algorithms: Vec<Algorithm>,
    /// True to answer with what is known already, and read nothing.
    #[n(3)]
    pub known_only: bool,
}

/// DIGESTS: digests, or how far they are.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct DigestsKnown {
    /// The file that was read.
    #[n(0)]
    pub entry: Entry,
    /// How many of its bytes were read.
    #[n(1)]
    pub bytes: u64,
    /// Of the whole content; empty until it is read.
    #[n(2)]
    pub digests: Digests,
}

/// CHANGE: change what is there. JOB…, END: the change as it stands once it is done or `wait_ms` have passed; it goes on
/// whether or not anybody waits. Again with the same key: the job of then. A JOB whose outcomes do not fit is followed by
/// others with the next ones.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ChangeRequest {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// The idempotency key.
    #[n(1)]
    pub key: JobId,
    /// What to do; at most [`CHANGE_ITEMS_MAX`] items.
    #[n(2)]
    pub change: Change,
    /// How long to wait for the end.
    #[n(3)]
    pub wait_ms: u32,
}

/// JOB_STATUS: how a change stands. JOB…, END, as for CHANGE.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct JobStatus {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which; none for all of the caller's, newest first, a JOB for each, without outcomes.
    #[n(1)]
    pub job: Option<JobId>,
    /// The version that the client knows.
    #[n(2)]
    pub seen: u64,
    /// How long to wait for a newer one.
    #[n(3)]
    pub wait_ms: u32,
}

/// CANCEL_JOB: stop a change after the entry that it is at. JOB…, END, as for CHANGE.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CancelJob {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which.
    #[n(1)]
    pub job: JobId,
}

/// LIST_TRASH: what was below the caller's root, newest first. TRASH_PAGE*, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ListTrash {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Where to go on; none for the first page.
    #[n(1)]
    pub cursor: Option<String>,
    /// Most items in the answer.
    #[n(2)]
    pub limit: u32,
}

/// TRASH_PAGE: items of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct TrashPage {
    /// In order.
    #[n(0)]
    pub items: Vec<Trashed>,
    /// Last TRASH_PAGE of the answer: where the next page starts, if there is one.
    #[n(1)]
    pub next_cursor: Option<String>,
    /// First TRASH_PAGE of the answer: how many items there are in all.
    #[n(2)]
    pub total: Option<u64>,
}

/// WATCH: tell what happens in a folder, not below. EVENT (a [`crate::Event`])…, until CANCEL.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Watch {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// The folder.
    #[n(1)]
    pub folder: VPath,
    /// What the client heard last: what came after it is told, or that it is no longer known.
    #[n(2)]
    pub after: Option<EventId>,
}

/// END: the end of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct End {
    /// None on success.
    #[n(0)]
    pub error: Option<Failure>,
}

/// Why something failed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Failure {
    /// The reason; its class is its hundreds.
    #[n(0)]
    pub code: ErrorCode,
    /// One sentence for the log.
    #[n(1)]
    pub message: String,
    /// True if the same request may succeed later.
    #[n(2)]
    pub retryable: bool,
    /// How long to wait before that, in milliseconds.
    #[n(3)]
    pub retry_after_ms: Option<u32>,
}

/// GOODBYE: this connection is over.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Goodbye {
    /// Why, where something went wrong.
    #[n(0)]
    pub error: Option<Failure>,
}

impl Failure {
    /// A failure with the code's own word on whether to try again.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: code.retryable(), retry_after_ms: None }
    }
}

/// What a decoded request must still satisfy before it is acted on.
pub trait Bounded {
    /// # Errors
    /// A sentence that says which bound is broken.
    fn check_bounds(&self) -> Result<(), &'static str>;
}

fn check(holds: bool, sentence: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(sentence) }
}

impl Bounded for Hello {
    fn check_bounds(&self) -> Result<(), &'static str> {
        check(self.magic == super::MAGIC, "the magic is not this protocol's")?;
        check(self.min_version <= self.max_version, "the versions are upside down")?;
        check(self.capabilities.len() <= CAPABILITIES_MAX, "too many capabilities")?;
        check(self.capabilities.iter().all(|name| name.len() <= TEXT_BYTES_MAX), "a capability's name is too long")
    }
}

impl Bounded for Caller {
    fn check_bounds(&self) -> Result<(), &'static str> {
        check(self.scope.roots.len() <= SCOPE_ROOTS_MAX, "too many roots in the scope")?;
        check(self.trace_id.as_ref().is_none_or(|id| id.len() <= TEXT_BYTES_MAX), "the trace id is too long")?;
        check(self.principal.as_ref().is_none_or(|name| name.len() <= TEXT_BYTES_MAX), "the principal is too long")?;
        check(self.scope.roots.iter().all(|root| root.name.len() <= TEXT_BYTES_MAX), "a root's name is too long")
    }
}

impl Bounded for List {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=LIST_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 1000000")?;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "the cursor is too long")
    }
}

impl Bounded for Stat {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for Get {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=GET_ITEMS_MAX).contains(&self.items.len()), "a GET names 1 to 1024 files")
    }
}

impl Bounded for Walk {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=WALK_PATHS_MAX).contains(&self.paths.len()), "a WALK names 1 to 1024 paths")?;
        // A walk's cursor is a whole path, percent-encoded.
        let longest = 3 * crate::limits::PATH_BYTES_MAX + TEXT_BYTES_MAX;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= longest), "the cursor is too long")
    }
}

impl Bounded for Stage {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check(self.metadata.len() <= UPLOAD_METADATA_BYTES_MAX, "the metadata is too long")?;
        check(self.parts.len() <= UPLOAD_PARTS_MAX, "an upload is joined of at most 1000 parts")?;
        check(self.if_match.as_ref().is_none_or(|etags| etags.len() <= TEXT_BYTES_MAX), "too many validators")?;
        check(self.length.is_none_or(|length| i64::try_from(length).is_ok()), "no file is so long")?;
        check(self.target.as_ref().is_none_or(|target| !target.is_root()), "the root is no file")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")
    }
}

impl Bounded for Put {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        let end = self.offset.checked_add(self.length.unwrap_or(0));
        check(end.is_some_and(|end| i64::try_from(end).is_ok()), "no file is so long")?;
        check(self.total.is_none_or(|total| i64::try_from(total).is_ok()), "no file is so long")?;
        let fits = |sum: &Checksum| sum.digest.len() == sum.algorithm.length();
        check(self.checksum.as_ref().is_none_or(fits), "the checksum is not as long as its algorithm's")
    }
}

impl Bounded for Store {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.stage.check_bounds()?;
        let fits = self.stage.length.is_some_and(|length| length <= STORE_BYTES_MAX);
        check(fits, "a STORE says its length, at most 256 KiB")?;
        check(self.stage.target.is_some(), "a STORE says what it is to become")?;
        let plain = !self.stage.resumable && self.stage.key.is_none() && self.stage.parts.is_empty();
        check(plain, "a STORE has no record, no key and no parts")?;
        let fits = |sum: &Checksum| sum.digest.len() == sum.algorithm.length();
        check(self.checksum.as_ref().is_none_or(fits), "the checksum is not as long as its algorithm's")
    }
}

impl Bounded for UploadStatus {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for Commit {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check(self.if_match.as_ref().is_none_or(|etags| etags.len() <= TEXT_BYTES_MAX), "too many validators")?;
        check(self.target.as_ref().is_none_or(|target| !target.is_root()), "the root is no file")?;
        check(self.blake3.as_ref().is_none_or(|digest| digest.len() == 32), "a BLAKE3 digest has 32 bytes")
    }
}

impl Bounded for Abort {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for Digest {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=Algorithm::ALL.len()).contains(&self.algorithms.len()), "a DIGEST names 1 to 4 algorithms")
    }
}

impl Bounded for ChangeRequest {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=CHANGE_ITEMS_MAX).contains(&self.change.len()), "a change has 1 to 1000 items")
    }
}

impl Bounded for JobStatus {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for CancelJob {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

impl Bounded for ListTrash {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=TRASH_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 1000")?;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "the cursor is too long")
    }
}

impl Bounded for Watch {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;
    use crate::entry::{Kind, Link, Timestamp};

    fn entry() -> Entry {
        Entry {
            path: VPath::parse("a/%FF").unwrap(),
            kind: Kind::File,
            size: u64::MAX,
            modified: Timestamp(-1),
            executable: true,
            link: Some(Link::Inside(b"../x".to_vec())),
            etag: Some(ETag([7; 16])),
        }
    }

    #[test]
    fn messages_read_back() {
        let caller = Caller { scope: Scope::whole(Rights::READ_ONLY), ..Caller::default() };
        let item = GetItem { path: entry().path, range: Some(ByteRange::Suffix(9)), if_etag: Some(ETag([1; 16])) };
        let get = Get { caller: caller.clone(), items: vec![item], lend: None };
        assert_eq!(decode::<Get>(&encode(&get)).unwrap(), get);
        let page = Page { entries: vec![entry()], next_cursor: Some("0.a".into()), ..Page::default() };
        assert_eq!(decode::<Page>(&encode(&page)).unwrap(), page);
        let end = End { error: Some(Failure::new(ErrorCode::NotFound, "gone")) };
        assert_eq!(decode::<End>(&encode(&end)).unwrap(), end);
    }

    #[test]
    fn golden_bytes_of_an_end() {
        assert_eq!(encode(&End::default()), [0xa0]);
        let end = End { error: Some(Failure::new(ErrorCode::NotFound, "gone")) };
        assert_eq!(encode(&end), b"\xa1\x00\xa3\x00\x18\xc8\x01\x64gone\x02\xf4");
    }

    #[test]
    fn an_old_reader_takes_what_a_newer_writer_adds() {
        #[derive(Encode, Decode)]
        #[cbor(map)]
        struct NewerEnd {
            #[n(0)]
            error: Option<Failure>,
            #[n(9)]
            later: Vec<u8>,
        }
        let bytes = encode(&NewerEnd { error: None, later: vec![1, 2, 3] });
        assert_eq!(decode::<End>(&bytes).unwrap(), End::default());
    }

    #[test]
    fn what_follows_a_message_is_refused() {
        assert!(decode::<End>(&[0xa0, 0x00]).is_err());
        assert!(decode::<End>(&[]).is_err());
    }

    #[test]
    fn a_path_that_climbs_cannot_be_decoded() {
        let stat = Stat { caller: Caller::default(), path: VPath::parse("ab").unwrap(), for_reading: None };
        let mut bytes = encode(&stat);
        let at = bytes.windows(2).position(|window| window == b"ab").unwrap();
        bytes[at..at + 2].copy_from_slice(b"..");
        assert!(decode::<Stat>(&bytes).is_err());
    }
}
