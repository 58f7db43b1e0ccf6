//! What reads and changes nothing: listings, entries, the bytes of files, their digests, and what happens in a folder.

use minicbor::{Decode, Encode};

use super::{Caller, Failure};
use crate::digest::{Algorithm, Digests};
use crate::entry::{ETag, Entry};
use crate::error::ErrorCode;
use crate::event::EventId;
use crate::order::Order;
use crate::path::VPath;
use crate::range::ByteRange;

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
    /// At least one, at most [`GET_ITEMS_MAX`](crate::limits::GET_ITEMS_MAX).
    #[n(1)]
    pub items: Vec<GetItem>,
    /// True where a file may be lent instead of sent, if the connection agreed on [`PASS_FD`](crate::wire::PASS_FD).
    #[n(2)]
    pub pass_fd: Option<bool>,
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
    /// Where to start, in that order; at least one, at most [`WALK_PATHS_MAX`](crate::limits::WALK_PATHS_MAX).
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
