//! `docs/PROTOCOL.md` matches the code: its examples byte for byte, its tables line by line.

use std::collections::HashMap;

use backend::wire::{Frame, Key, Transcript};
use shared::columns::{Builder, Columns, Head, Row};
use shared::limits::{CURSOR_BYTES_MAX, DATA_BYTES_MAX, FRAME_CONTROL_BYTES_MAX, FRAME_HANDSHAKE_BYTES_MAX};
use shared::wire::{
    Auth, AuthOk, Caller, End, Failure, FrameKind, Get, GetItem, Goodbye, Hello, HelloAck, ItemEnd, List, MAGIC, Meta,
    VERSION, decode, encode,
};
use shared::{ByteRange, ETag, Entry, ErrorCode, Kind, Link, Order, Rights, Scope, Timestamp, hex};

use super::raw_connection::{frame, frame_bytes};
use super::test_server::path;

const DOCUMENT: &str = include_str!("../../../docs/PROTOCOL.md");

/// The bytes of the document's hexadecimal examples, by their names.
fn blocks() -> HashMap<&'static str, Vec<u8>> {
    let mut blocks = HashMap::new();
    for block in DOCUMENT.split("```hex ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let (lines, _) = rest.split_once("```").unwrap();
        let digits: String = lines.lines().map(|line| line.split('#').next().unwrap()).collect();
        let digits: String = digits.chars().filter(char::is_ascii_hexdigit).collect();
        let bytes = hex::decode(digits.as_bytes()).unwrap();
        assert!(blocks.insert(name, bytes).is_none(), "duplicate example {name}");
    }
    blocks
}

/// The cells of each row of the table with this header.
fn table(header: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = DOCUMENT.split_once(header).expect("the table exists");
    let lines = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[track_caller]
fn check(blocks: &mut HashMap<&str, Vec<u8>>, name: &str, expected: &[u8]) {
    let written = blocks.remove(name).unwrap_or_default();
    assert_eq!(hex::encode(&written), hex::encode(expected), "{name}");
}

fn example_key() -> Key {
    let (_, rest) = DOCUMENT.split_once("```key\n").unwrap();
    rest.split_once("```").unwrap().0.parse().unwrap()
}

fn entry(text: &str, kind: Kind, size: u64, etag: u8) -> Entry {
    let modified = Timestamp::from_parts(1_700_000_002, 0);
    Entry { path: path(text), kind, size, modified, executable: false, link: None, etag: Some(ETag([etag; 16])) }
}

#[test]
fn the_handshake_matches_the_document() {
    let mut blocks = blocks();
    let key = example_key();
    let mut transcript = Transcript::default();
    let nonce = |first: u8| std::array::from_fn(|index| first + index as u8);
    let hello = Hello {
        magic: MAGIC.into(),
        min_version: VERSION,
        max_version: VERSION,
        capabilities: Vec::new(),
        nonce: nonce(0xa0),
    };
    let hello = frame(FrameKind::Hello, 0, &hello);
    check(&mut blocks, "hello", &frame_bytes(&hello));
    let ack = HelloAck { version: VERSION, capabilities: Vec::new(), nonce: nonce(0xc0) };
    let ack = frame(FrameKind::HelloAck, 0, &ack);
    check(&mut blocks, "hello-ack", &frame_bytes(&ack));
    transcript.add(&hello);
    transcript.add(&ack);
    let proof = transcript.client_proof(&key);
    check(&mut blocks, "client-proof", &proof);
    let auth = Auth { key_id: key.id().into(), proof, max_data: Some(DATA_BYTES_MAX as u32) };
    let auth = frame(FrameKind::Auth, 0, &auth);
    check(&mut blocks, "auth", &frame_bytes(&auth));
    transcript.add(&auth);
    let proof = transcript.server_proof(&key);
    check(&mut blocks, "server-proof", &proof);
    let ok = AuthOk { proof, max_data: DATA_BYTES_MAX as u32, idle_timeout_ms: 120_000, rights: Rights::READ_ONLY };
    check(&mut blocks, "auth-ok", &frame_bytes(&frame(FrameKind::AuthOk, 0, &ok)));
}

#[test]
fn the_other_examples_match_the_document() {
    let mut blocks = blocks();
    for name in ["hello", "hello-ack", "client-proof", "auth", "server-proof", "auth-ok"] {
        blocks.remove(name);
    }
    let caller = Caller { scope: Scope::whole(Rights::READ_ONLY), ..Caller::default() };
    let list = List { caller: caller.clone(), path: path("docs"), order: Order::default(), cursor: None, limit: 100 };
    check(&mut blocks, "list", &frame_bytes(&frame(FrameKind::List, 1, &list)));
    let file = Entry { executable: true, ..entry("docs/a%20b.txt", Kind::File, 6, 0x22) };
    let link = Some(Link::Inside(b"../hello.txt".to_vec()));
    let entries =
        [entry("docs/deep", Kind::Folder, 0, 0x11), file, Entry { link, ..entry("docs/l%E9", Kind::File, 13, 0x44) }];
    let mut builder = Builder::new();
    entries.iter().for_each(|entry| assert!(builder.push(&Row::of(entry))));
    let head = Head { total: 3, etag: Some(ETag([0x33; 16])), last: true, next_cursor: None };
    let block = builder.finish(&head);
    assert_eq!(Columns::parse(&block).unwrap().head(), head);
    check(&mut blocks, "columns", &frame_bytes(&Frame::new(FrameKind::Columns, 1, block)));
    check(&mut blocks, "end", &frame_bytes(&frame(FrameKind::End, 1, &End::default())));

    let some = GetItem { path: path("hello.txt"), range: Some(ByteRange::Between(0, 4)), if_etag: None };
    let gone = GetItem { path: path("gone"), range: None, if_etag: None };
    check(
        &mut blocks,
        "get",
        &frame_bytes(&frame(FrameKind::Get, 2, &Get { caller, items: vec![some, gone], pass_fd: None })),
    );
    let meta = Meta { entry: entry("hello.txt", Kind::File, 13, 0x44), offset: 0, length: 5 };
    check(&mut blocks, "meta", &frame_bytes(&frame(FrameKind::Meta, 2, &meta)));
    check(&mut blocks, "data", &frame_bytes(&Frame::new(FrameKind::Data, 2, b"hello".to_vec())));
    check(&mut blocks, "item-end", &frame_bytes(&frame(FrameKind::ItemEnd, 2, &ItemEnd::default())));
    let failure = Failure::new(ErrorCode::NotFound, "looking for an entry");
    let refused = ItemEnd { error: Some(failure) };
    check(&mut blocks, "item-end-refused", &frame_bytes(&frame(FrameKind::ItemEnd, 2, &refused)));
    check(&mut blocks, "get-end", &frame_bytes(&frame(FrameKind::End, 2, &End::default())));

    check(&mut blocks, "ping", &frame_bytes(&Frame::new(FrameKind::Ping, 0, Vec::new())));
    check(&mut blocks, "pong", &frame_bytes(&Frame::new(FrameKind::Pong, 0, Vec::new())));
    check(&mut blocks, "cancel", &frame_bytes(&Frame::new(FrameKind::Cancel, 2, Vec::new())));
    let failure = Failure { retry_after_ms: Some(1_000), ..Failure::new(ErrorCode::TooManyConnections, "full") };
    check(&mut blocks, "goodbye", &frame_bytes(&frame(FrameKind::Goodbye, 0, &Goodbye { error: Some(failure) })));
    assert!(blocks.is_empty(), "unchecked blocks: {:?}", blocks.keys());
}

#[test]
fn the_table_lists_exactly_the_error_codes() {
    let written: Vec<_> = table("| Code | Name | Retryable | Meaning |")
        .iter()
        .map(|cells| format!("{} {} {}", cells[0], cells[1].trim_matches('`'), cells[2]))
        .collect();
    let retryable = |code: &ErrorCode| if code.retryable() { "yes" } else { "no" };
    let coded: Vec<_> =
        ErrorCode::ALL.iter().map(|code| format!("{} {} {}", code.number(), code.name(), retryable(code))).collect();
    assert_eq!(written, coded);
}

#[test]
fn the_table_lists_exactly_the_frame_kinds() {
    let written: Vec<_> = table("| Type | Name | Direction | Body | |")
        .iter()
        .map(|cells| (cells[0].to_owned(), cells[1].replace('_', "").to_lowercase()))
        .collect();
    let coded: Vec<_> = FrameKind::ALL
        .iter()
        .map(|kind| (format!("{:#04x}", *kind as u8), format!("{kind:?}").to_lowercase()))
        .collect();
    assert_eq!(written, coded);
}

#[test]
fn the_documented_limits_match_the_code() {
    use shared::limits::{CANCELS_PER_MINUTE_MAX, GET_ITEMS_MAX, LIST_LIMIT_MAX, PATH_BYTES_MAX, SCOPE_ROOTS_MAX};
    let rows = table("| What | How much | Otherwise |");
    let check = |what: &str, number: usize| {
        let row = rows.iter().find(|cells| cells[0].starts_with(what)).expect(what);
        assert!(row[1].split([' ', ',']).any(|word| word == number.to_string()), "{what}: {}", row[1]);
    };
    check("frame, in the handshake", FRAME_HANDSHAKE_BYTES_MAX);
    check("frame, afterwards", FRAME_CONTROL_BYTES_MAX);
    check("DATA body", DATA_BYTES_MAX);
    check("path", PATH_BYTES_MAX);
    check("items of a GET", GET_ITEMS_MAX);
    check("roots of a scope", SCOPE_ROOTS_MAX);
    check("entries in the answer", LIST_LIMIT_MAX as usize);
    check("cursor of a LIST", CURSOR_BYTES_MAX);
    check("CANCELs", CANCELS_PER_MINUTE_MAX as usize);
}

/// Receivers must accept encodings that this server itself never sends.
#[test]
fn bodies_are_decoded_as_leniently_as_documented() {
    #[track_caller]
    fn check(body: &[u8], expected: Option<Failure>) {
        assert_eq!(decode::<End>(body).unwrap().error, expected, "{body:02x?}");
    }
    let failure = |code, message: &str| Some(Failure { retryable: false, ..Failure::new(code, message) });
    check(b"\xa0", None);
    check(b"\xa1\x00\xf6", None);
    check(b"\xbf\xff", None);
    check(b"\xbf\x00\xbf\x02\xf4\x01\x60\x00\x18\xc8\xff\xff", failure(ErrorCode::NotFound, ""));
    check(b"\xa1\x18\x00\xa3\x00\x1b\0\0\0\0\0\0\0\xc8\x01\x78\x01x\x02\xf4", failure(ErrorCode::NotFound, "x"));
    // Of duplicate fields the last one counts.
    check(b"\xa2\x00\xa3\x00\x01\x01\x60\x02\xf4\x00\xf6", None);
    // Unknown fields of every CBOR type, one of them deeply nested, are skipped.
    check(
        b"\xa3\x18\xc8\x9f\x82\x01\xa1\x61a\x9f\xff\xff\x19\x10\x00\xfb\0\0\0\0\0\0\0\0\x20\xd8\x20\x5f\x41a\xff",
        None,
    );
    let deep = [&b"\xa1\x09"[..], &[0x81; 60_000], b"\x00"].concat();
    check(&deep, None);
    for body in [
        &b"\xa1\x00\xa2\x00\x18\xc8\x02\xf4"[..],
        b"\xa1\x00\xa3\x00\x18\xc8\x01\x7f\x61a\xff\x02\xf4",
        b"\xa1\x00\xa3\x00\xfa\0\0\0\0\x01\x60\x02\xf4",
        b"\xa0\x00",
        b"",
        b"\x80",
    ] {
        assert!(decode::<End>(body).is_err(), "{body:02x?}");
    }
    // A range of an unknown kind is decoded as `None`.
    let item = decode::<GetItem>(b"\xa2\x00\x41a\x01\x82\x09\x82\x01\x02").unwrap();
    assert_eq!(item, GetItem { path: path("a"), range: None, if_etag: None });
    assert_eq!(encode(&ByteRange::From(1)), b"\x82\x00\x81\x01");
    assert_eq!(encode(&Link::Escapes), b"\x82\x01\x80");
    assert_eq!(encode(&Link::Broken), b"\x82\x02\x80");
}
