//! The bodies. A field's number is never used again, only optional fields are added, and a receiver ignores fields that it
//! does not know. Here are those of every connection: the handshake, who asks, and how things end.

mod bounds;
mod changing;
mod reading;
mod uploading;

use minicbor::{Decode, Encode};

use crate::error::ErrorCode;
use crate::scope::{Rights, Scope};

pub use bounds::Bounded;
pub use changing::*;
pub use reading::*;
pub use uploading::*;

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

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;
    use crate::entry::{ETag, Entry, Kind, Link, Timestamp};
    use crate::path::VPath;
    use crate::range::ByteRange;

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
        let get = Get { caller: caller.clone(), items: vec![item], pass_fd: None };
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
