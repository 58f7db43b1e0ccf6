//! Fields of requests whose values a server could take for others.

use std::sync::Arc;

use backend::client::{Commit, PutRange, Stage};
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use bytes::Bytes;
use shared::limits::{LIST_LIMIT_MAX, LIST_PAGE_MAX};
use shared::wire::{Caller, FrameKind, List, Page, PutEnd, Stat, Store, Walk, encode};
use shared::{Checksum, Conflict, ErrorCode, Order, Rights, Scope, VPath};

use super::captured_log::CapturedLog;
use super::raw_connection::{RawConnection, serve_pipe};
use super::test_server::{TestServer, path, reader, small_tree, writer};
use super::uploads::{commit, error_code, put, stage, store_request};

/// A caller in CBOR, with the head of the map of a request with `fields` fields.
fn request(fields: u8, caller: &shared::wire::Caller, rest: &[u8]) -> Vec<u8> {
    [&[0xa0 + fields, 0x00][..], &encode(caller), rest].concat()
}

async fn check(kind: FrameKind, body: &[u8], expected: Option<ErrorCode>) {
    let (mut raw, server) = serve_pipe(std::sync::Arc::new(small_tree()), Default::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    raw.send_body(kind, 1, body).await;
    assert_eq!(raw.end(1).await, expected, "{kind:?} {body:02x?}");
    raw.assert_usable().await;
}

/// A receiver that read it as an absent field would send the whole file, or replace one that was to stay.
#[tokio::test]
async fn an_unknown_variant_in_a_request_is_refused() {
    let get = |range: &[u8]| request(2, &reader(), &[&b"\x01\x81\xa2\x00\x49hello.txt\x01"[..], range].concat());
    check(FrameKind::Get, &get(b"\x82\x00\x81\x05"), None).await;
    check(FrameKind::Get, &get(b"\xf6"), None).await;
    check(FrameKind::Get, &get(b"\x82\x03\x81\x05"), Some(ErrorCode::BadRequest)).await;
    check(FrameKind::Get, &get(b"\x82\x09\x80"), Some(ErrorCode::BadRequest)).await;
    check(FrameKind::Get, &get(b"\x82\x20\x81\x05"), Some(ErrorCode::BadRequest)).await;
    let id = b"\x01\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let commit = |rest: &[u8]| [&request(4, &writer(), id)[..], rest].concat();
    check(FrameKind::Commit, &commit(b"\x03\x02\x02\xf6"), Some(ErrorCode::NotFound)).await;
    check(FrameKind::Commit, &commit(b"\x03\x04\x02\xf6"), Some(ErrorCode::BadRequest)).await;
    // The end of a map of indefinite length, and a later field, behind the unknown variant.
    let commit = [&b"\xbf"[..], &request(3, &writer(), id)[1..], b"\x03\x04\x18\xc8\x01\xff"].concat();
    check(FrameKind::Commit, &commit, Some(ErrorCode::BadRequest)).await;
    let put = |checksum: &[u8]| [&request(4, &writer(), id)[..], b"\x02\x00\x04", checksum].concat();
    check(FrameKind::Put, &put(b"\xa2\x00\x01\x01\x44abcd"), Some(ErrorCode::NotFound)).await;
    check(FrameKind::Put, &put(b"\xa2\x00\x04\x01\x44abcd"), Some(ErrorCode::BadRequest)).await;
    let list = |order: &[u8]| request(4, &reader(), &[&b"\x01\x40\x04\x01\x02"[..], order].concat());
    check(FrameKind::List, &list(b"\xa2\x00\x02\x01\x01"), None).await;
    check(FrameKind::List, &list(b"\xa2\x00\x03\x01\x01"), Some(ErrorCode::BadRequest)).await;
    check(FrameKind::List, &list(b"\xa2\x00\x02\x01\x02"), Some(ErrorCode::BadRequest)).await;
}

/// A missing root is the lesser fault.
#[tokio::test]
async fn an_undecodable_change_is_refused_below_a_missing_root_as_elsewhere() {
    for (folder, missing) in [("", None), ("missing", Some(ErrorCode::NotFound))] {
        let caller = Caller { scope: Scope::below(path(folder), Rights::ALL), ..writer() };
        let change = |change: &[u8]| {
            request(4, &caller, &[&b"\x01\x50\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"[..], change, b"\x03\x00"].concat())
        };
        check(FrameKind::Change, &change(b"\x81\x03"), Some(ErrorCode::BadRequest)).await;
        check(FrameKind::Change, &change(b"\x82\x00\x82\x81\x41a\xf4"), missing).await;
    }
}

/// The document has bytes; earlier servers took an array of numbers only.
#[tokio::test]
async fn a_digest_is_taken_as_bytes_and_as_numbers() {
    let server = TestServer::start().await;
    let blake3 = *blake3::hash(b"12345").as_bytes();
    let as_bytes = [&b"\x58\x20"[..], &blake3].concat();
    let as_numbers = blake3.iter().fold(b"\x98\x20".to_vec(), |all, byte| [&all[..], &[0x18, *byte]].concat());
    let mut raw = RawConnection::open(&server).await;
    for (number, digest) in [as_bytes, as_numbers].into_iter().enumerate() {
        let upload = server.client.stage(&stage(&format!("file-{number}"), Some(5))).await.unwrap();
        put(&server.client, upload.id, 0, b"12345").await.unwrap();
        let rest = [&b"\x01\x50"[..], &upload.id.0, b"\x05", &digest].concat();
        raw.send_body(FrameKind::Commit, 1, &request(3, &writer(), &rest)).await;
        assert_eq!(raw.end(1).await, None, "{number}");
    }
    let sent = encode(&shared::wire::Commit { blake3: Some(blake3.to_vec()), ..commit(shared::UploadId([0; 16])) });
    assert!(sent.ends_with(&[&b"\x05\x58\x20"[..], &blake3].concat()), "it is sent as bytes");
    let known = Checksum { algorithm: shared::Algorithm::Crc32, digest: vec![1, 2, 3, 4] };
    assert_eq!(encode(&known), b"\xa2\x00\x01\x01\x44\x01\x02\x03\x04");
    server.stop().await;
}

/// A right that is missing is not taken for a condition of the client: STAGE, COMMIT and STORE agree.
#[tokio::test]
async fn replacing_what_does_not_exist_without_create_is_forbidden() {
    let server = TestServer::start().await;
    let replacer = || Caller { scope: Scope::whole(Rights::REPLACE), ..Caller::default() };
    let ask = |target: &str, if_match| Stage {
        caller: replacer(),
        conflict: Conflict::Replace,
        if_match,
        ..stage(target, Some(5))
    };
    let store = async |stage| {
        let stored = Store { stage: Stage { resumable: false, ..stage }, checksum: None };
        server.client.store(&stored, b"12345").await
    };
    assert_eq!(error_code(server.client.stage(&ask("new", None)).await), ErrorCode::Forbidden);
    assert_eq!(error_code(store(ask("new", None)).await), ErrorCode::Forbidden);
    assert_eq!(error_code(server.client.stage(&ask("new", Some(Vec::new()))).await), ErrorCode::PreconditionFailed);
    assert_eq!(error_code(store(ask("new", Some(Vec::new()))).await), ErrorCode::PreconditionFailed);
    let upload = server.client.stage(&ask("hello.txt", None)).await.unwrap();
    let mut sending = server.client.put(&replacer(), upload.id, PutRange::default()).await.unwrap();
    sending.send(Bytes::from_static(b"12345")).await.unwrap();
    sending.finish().await.unwrap();
    let elsewhere = Commit { caller: replacer(), target: Some(path("new")), ..commit(upload.id) };
    assert_eq!(error_code(server.client.commit(&elsewhere).await), ErrorCode::Forbidden);
    let done = server.client.commit(&Commit { caller: replacer(), ..commit(upload.id) }).await.unwrap();
    assert!(done.replaced);
    server.stop().await;
}

/// A validator on a later block would be taken for that of the page, although it covers that block's rows only.
#[tokio::test]
async fn an_answer_of_more_rows_than_a_page_has_no_validator_in_any_block() {
    let storage = MemoryStorage::new();
    for number in 0..=LIST_PAGE_MAX {
        storage.add_file(format!("{number:06}"), "").unwrap();
    }
    let (mut raw, server) = serve_pipe(std::sync::Arc::new(storage), Default::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    for (id, limit) in [(1, LIST_PAGE_MAX), (2, LIST_PAGE_MAX + 1), (3, LIST_LIMIT_MAX)] {
        let list = List { caller: reader(), path: VPath::root(), order: Order::default(), cursor: None, limit };
        raw.send(FrameKind::List, id, &list).await;
        let mut validated = Vec::new();
        loop {
            let block = raw.next().await.unwrap();
            if block.kind() != Some(FrameKind::Columns) {
                break;
            }
            validated.push(block.body[6] & 2 != 0);
        }
        let expected = (0..validated.len()).map(|block| limit == LIST_PAGE_MAX && block == 0);
        assert!(validated.len() > 1 && validated.iter().copied().eq(expected), "{limit}: {validated:?}");
    }
}

/// A client that was disconnected after the last PAGE has nothing left to receive.
#[tokio::test]
async fn a_walk_that_continues_at_its_end_has_no_page() {
    let (mut raw, server) = serve_pipe(std::sync::Arc::new(small_tree()), Default::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    let walk = |cursor| Walk { caller: reader(), paths: vec![path("empty")], cursor };
    raw.send(FrameKind::Walk, 1, &walk(None)).await;
    let page: Page = raw.next().await.unwrap().message().unwrap();
    assert_eq!((page.entries.len(), raw.end(1).await), (1, None));
    raw.send(FrameKind::Walk, 2, &walk(page.next_cursor)).await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::End));
    raw.assert_usable().await;
}

/// What `for_reading` answers is what a GET answers, for everything that a folder can hold.
#[cfg(unix)]
#[tokio::test]
async fn stat_for_reading_refuses_what_get_refuses() {
    use std::os::unix::fs::symlink;

    use backend::client::{GetItem, Item};
    use backend::storage::local::LocalStorage;

    let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |name: &str| place.path().join(name);
    std::fs::write(at("file"), "file").unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    symlink("file", at("link")).unwrap();
    symlink("folder", at("link-to-folder")).unwrap();
    symlink("pipe", at("link-to-pipe")).unwrap();
    symlink(outside.path().join("secret"), at("link-out")).unwrap();
    symlink("nothing", at("broken")).unwrap();
    let server = TestServer::with_storage(LocalStorage::open(place.path(), None).unwrap().into()).await;
    let check = async |name: &str, expected: Option<ErrorCode>| {
        let path = if name.is_empty() { VPath::root() } else { path(name) };
        let stat = server.client.stat_for_reading(&reader(), &path).await;
        assert_eq!(stat.err().map(|error| error.code), expected, "STAT {name}");
        let item = GetItem { path: path.clone(), range: None, if_etag: None, if_prefix: None };
        let mut transfer = server.client.get(&reader(), vec![item]).await.unwrap();
        let got = match transfer.next_item().await.unwrap().unwrap() {
            Item::Refused(failure) => Some(failure.code),
            _ => None,
        };
        assert_eq!(got, expected, "GET {name}");
    };
    check("file", None).await;
    check("link", None).await;
    check("", Some(ErrorCode::IsFolder)).await;
    check("folder", Some(ErrorCode::IsFolder)).await;
    check("link-to-folder", Some(ErrorCode::IsFolder)).await;
    check("pipe", Some(ErrorCode::NotRegular)).await;
    check("link-to-pipe", Some(ErrorCode::NotRegular)).await;
    check("link-out", Some(ErrorCode::LinkEscapes)).await;
    check("broken", Some(ErrorCode::LinkBroken)).await;
    check("none", Some(ErrorCode::NotFound)).await;
    let looked_up = Stat { caller: reader(), path: path("folder"), for_reading: Some(false) };
    let mut raw = RawConnection::open(&server).await;
    raw.send(FrameKind::Stat, 1, &looked_up).await;
    assert_eq!(raw.end(1).await, None);
    server.stop().await;
}

/// The trace id joins the log of a gateway with the log of its file server.
#[tokio::test]
async fn the_log_has_the_trace_id_of_a_request() {
    let (log, _guard) = CapturedLog::start(tracing::Level::DEBUG);
    let faults = Faults::seeded(1);
    let storage = FaultyStorage::new(small_tree(), Arc::clone(&faults));
    let (mut raw, server) = serve_pipe(Arc::new(storage), Default::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    let caller = |id: &str| Caller { trace_id: Some(id.into()), ..writer() };
    let stat = |id: &str, at: &str| Stat { caller: caller(id), path: path(at), for_reading: None };
    raw.send(FrameKind::Stat, 1, &stat("t-found", "hello.txt")).await;
    assert_eq!(raw.end(1).await, None);
    raw.send(FrameKind::Stat, 2, &stat("t-missing", "gone")).await;
    assert_eq!(raw.end(2).await, Some(ErrorCode::NotFound));
    let store = store_request("new", b"");
    let store = Store { stage: Stage { caller: caller("t-stored"), ..store.stage }, checksum: None };
    raw.send(FrameKind::Store, 3, &store).await;
    raw.send(FrameKind::PutEnd, 3, &PutEnd { broken: false }).await;
    assert_eq!(raw.end(3).await, None);
    faults.at(Operation::List, faults.calls(Operation::List) + 1, Fault::Fail(ErrorCode::Io));
    let list = List { caller: caller("t-failed"), path: path(""), order: Order::default(), cursor: None, limit: 9 };
    raw.send(FrameKind::List, 4, &list).await;
    assert_eq!(raw.end(4).await, Some(ErrorCode::Io));
    let text = log.text();
    for (level, id) in [("DEBUG", "t-found"), ("DEBUG", "t-missing"), ("DEBUG", "t-stored"), ("WARN", "t-failed")] {
        let id = format!("trace_id=\"{id}\"");
        assert!(text.lines().any(|line| line.contains(level) && line.contains(&id)), "{id}: {text}");
    }
}
