//! The bodies, in the order in which a connection meets them. A field's number is never used again, only optional
//! fields are added, and a receiver ignores fields that it does not know.

use minicbor::{Decode, Encode};

use crate::entry::{ETag, Entry};
use crate::error::ErrorCode;
use crate::limits::{
    CAPABILITIES_MAX, CURSOR_BYTES_MAX, GET_ITEMS_MAX, LIST_LIMIT_MAX, SCOPE_ROOTS_MAX, TEXT_BYTES_MAX, WALK_PATHS_MAX,
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
}

/// LIST: a page of a folder.
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

/// PAGE: entries of a LIST or a WALK. Each answer has at least one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Page {
    /// In order.
    #[n(0)]
    pub entries: Vec<Entry>,
    /// LIST, first PAGE of the answer: how many entries the whole folder has.
    #[n(1)]
    pub total: Option<u64>,
    /// LIST, first PAGE of the answer: the listing's validator.
    #[n(2)]
    pub etag: Option<ETag>,
    /// LIST, last PAGE of the answer: where the next page starts, if there is one. WALK, any PAGE: where to go on
    /// after it.
    #[n(3)]
    pub next_cursor: Option<String>,
    /// WALK: what could not be read, and is left out.
    #[n(4)]
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
        check(self.scope.roots.iter().all(|root| root.name.len() <= TEXT_BYTES_MAX), "a root's name is too long")
    }
}

impl Bounded for List {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=LIST_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 10000")?;
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
        let get = Get { caller: caller.clone(), items: vec![item] };
        assert_eq!(decode::<Get>(&encode(&get)).unwrap(), get);
        let page = Page { entries: vec![entry()], total: Some(1), ..Page::default() };
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
