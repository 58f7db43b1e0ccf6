//! Messages: round trips, golden bytes, and messages that must be refused.

use minicbor::{Decode, Encode};

use super::*;
use crate::entry::{ETag, Entry, Kind, Link, Timestamp};
use crate::error::ErrorCode;
use crate::limits::TEXT_BYTES_MAX;
use crate::path::VPath;
use crate::range::ByteRange;
use crate::rights::Rights;
use crate::scope::Scope;
use crate::wire::{decode, encode};

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
    let item = GetItem {
        path: entry().path,
        range: Some(ByteRange::Suffix(9)),
        if_etag: Some(ETag([1; 16])),
        if_prefix: None,
    };
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
fn unknown_fields_are_ignored() {
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
fn bytes_after_a_message_are_refused() {
    assert!(decode::<End>(&[0xa0, 0x00]).is_err());
    assert!(decode::<End>(&[]).is_err());
}

#[test]
fn a_path_with_a_dot_segment_is_refused() {
    let stat = Stat { caller: Caller::default(), path: VPath::parse("ab").unwrap(), for_reading: None };
    let mut bytes = encode(&stat);
    let at = bytes.windows(2).position(|window| window == b"ab").unwrap();
    bytes[at..at + 2].copy_from_slice(b"..");
    assert!(decode::<Stat>(&bytes).is_err());
}

/// A key whose id has the most bytes has a principal that a request can name.
#[test]
fn a_principal_is_as_long_as_that_of_any_key() {
    let named = |bytes: usize| Caller { principal: Some("p".repeat(bytes)), ..Caller::default() };
    assert_eq!(named("k:".len() + TEXT_BYTES_MAX).check_bounds(), Ok(()));
    assert!(named("k:".len() + TEXT_BYTES_MAX + 1).check_bounds().is_err());
}
