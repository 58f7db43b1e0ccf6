//! Requests that change nothing: listings, entries, content and digests of files, events of a folder.

use minicbor::{Decode, Encode};

use super::bounds::{Bounded, check};
use super::call::Call;
use super::caller::Caller;
use super::common::Failure;
use crate::digest::{Algorithm, Digests};
use crate::entry::{ETag, Entry};
use crate::error::ErrorCode;
use crate::event::EventId;
use crate::limits::{CURSOR_BYTES_MAX, GET_ITEMS_MAX, LIST_LIMIT_MAX, PATH_BYTES_MAX, TEXT_BYTES_MAX, WALK_PATHS_MAX};
use crate::order::Order;
use crate::path::VPath;
use crate::range::ByteRange;
use crate::wire::codec::known_variant;
use crate::wire::header::FrameKind;

/// LIST: lists a page of a folder. Answer: COLUMNS…, END. The last block of rows is marked.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct List {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The folder.
    #[n(1)]
    pub path: VPath,
    /// The order of the entries.
    #[n(2)]
    pub order: Order,
    /// The cursor. `None` for the first page.
    #[n(3)]
    pub cursor: Option<String>,
    /// Maximum number of entries in the answer.
    #[n(4)]
    pub limit: u32,
}

impl Bounded for List {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=LIST_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 1000000")?;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "the cursor is too long")
    }
}

/// STAT: reads one entry. Answer: META, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Stat {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The entry.
    #[n(1)]
    pub path: VPath,
    /// True to require READ instead of LIST and to refuse what a GET refuses, for a client that asks what a GET would
    /// send.
    #[n(2)]
    pub for_reading: Option<bool>,
}

impl Call for Stat {
    type Answer = Meta;
    const KIND: FrameKind = FrameKind::Stat;
    const ANSWER: FrameKind = FrameKind::Meta;
}

impl Bounded for Stat {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

/// HEALTH: asks whether requests can be served at present. Answer: END, with the failure that requests would meet.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Health {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// True if the caller also changes files.
    #[n(1)]
    pub for_changes: Option<bool>,
}

impl Bounded for Health {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

/// GET: reads files, in the given order.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Get {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The files: 1 to [`GET_ITEMS_MAX`].
    #[n(1)]
    pub items: Vec<GetItem>,
    /// True if the server may pass a file descriptor instead of bytes, on a connection with the capability
    /// [`PASS_FD`](crate::wire::PASS_FD).
    #[n(2)]
    pub pass_fd: Option<bool>,
}

impl Bounded for Get {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=GET_ITEMS_MAX).contains(&self.items.len()), "a GET has 1 to 1024 files")
    }
}

/// One file of a GET.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct GetItem {
    /// The file.
    #[n(0)]
    pub path: VPath,
    /// The range. `None` for the whole file.
    #[cbor(n(1), decode_with = "known_variant")]
    pub range: Option<ByteRange>,
    /// Fails the item with `changed` unless this is the file's entity tag.
    #[n(2)]
    pub if_etag: Option<ETag>,
    /// Also accepts a file that is longer by now and begins as this tells. The item has a range within the beginning.
    #[n(3)]
    pub if_prefix: Option<Prefix>,
}

/// The beginning of a file, which a file that has only grown since still has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Prefix {
    /// Its length in bytes: the size of the file at that time.
    #[n(0)]
    pub length: u64,
    /// Differs if the file is another one, or if one of the last 64 KiB before `length` is. Opaque.
    #[n(1)]
    pub tag: ETag,
}

/// WALK: lists everything below some paths: parents before children, siblings in the order of their bytes. Links to
/// folders are listed, but not followed. Answer: PAGE…, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Walk {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The paths, in the order of the answer: 1 to [`WALK_PATHS_MAX`].
    #[n(1)]
    pub paths: Vec<VPath>,
    /// `next_cursor` of the last received page. `None` to start.
    #[n(2)]
    pub cursor: Option<String>,
}

impl Bounded for Walk {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=WALK_PATHS_MAX).contains(&self.paths.len()), "a WALK has 1 to 1024 paths")?;
        // The cursor of a WALK contains a percent-encoded path.
        let longest = 3 * PATH_BYTES_MAX + TEXT_BYTES_MAX;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= longest), "the cursor is too long")
    }
}

/// PAGE: entries of a WALK. Each answer has at least one PAGE.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Page {
    /// The entries, in order.
    #[n(0)]
    pub entries: Vec<Entry>,
    /// The cursor after this page.
    #[n(1)]
    pub next_cursor: Option<String>,
    /// Entries that the server may not read. Files among them are not in `entries`.
    #[n(2)]
    pub skipped: Option<Vec<Skipped>>,
    /// Files that may be growing, among the entries of this PAGE and the next ones.
    #[n(3)]
    pub growing: Option<Vec<Growing>>,
}

/// A file of a WALK that was changed a short time ago, such as a log.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Growing {
    /// The path.
    #[n(0)]
    pub path: VPath,
    /// How it begins, for [`GetItem::if_prefix`].
    #[n(1)]
    pub prefix: Prefix,
}

/// An entry that a WALK could not read.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Skipped {
    /// The path.
    #[n(0)]
    pub path: VPath,
    /// The reason.
    #[n(1)]
    pub code: ErrorCode,
}

/// META: an entry and, in a GET, the range of the bytes that follow.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Meta {
    /// The entry, as of now.
    #[n(0)]
    pub entry: Entry,
    /// In a GET: the offset of the first byte.
    #[n(1)]
    pub offset: u64,
    /// In a GET: the number of bytes.
    #[n(2)]
    pub length: u64,
}

/// ITEM_END: ends one file of a GET. Without `error`, all bytes that META announced were sent, and the file did not
/// change meanwhile. The next item follows in either case.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct ItemEnd {
    /// Why the item was not sent completely.
    #[n(0)]
    pub error: Option<Failure>,
}

/// DIGEST: computes digests of a file; requires READ. Answer: DIGESTS*, END. The last DIGESTS has all requested
/// digests.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Digest {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The file.
    #[n(1)]
    pub path: VPath,
    /// The algorithms, at least one.
    #[n(2)]
    pub algorithms: Vec<Algorithm>,
    /// True to return only stored digests, without reading the file.
    #[n(3)]
    pub known_only: bool,
}

impl Bounded for Digest {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=Algorithm::ALL.len()).contains(&self.algorithms.len()), "a DIGEST has 1 to 4 algorithms")
    }
}

/// DIGESTS: digests, or the progress of computing them.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct DigestsKnown {
    /// The file, at the time of reading.
    #[n(0)]
    pub entry: Entry,
    /// The number of bytes read so far.
    #[n(1)]
    pub bytes: u64,
    /// Digests of the whole content. Empty until it is read.
    #[n(2)]
    pub digests: Digests,
}

/// WATCH: watches a folder, not the folders below. Answer: EVENT (a [`crate::Event`])…, until CANCEL.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Watch {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The folder.
    #[n(1)]
    pub folder: VPath,
    /// The last event that the client knows. Later events follow, or a `resync` if some are no longer kept.
    #[n(2)]
    pub after: Option<EventId>,
}

impl Bounded for Watch {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}
