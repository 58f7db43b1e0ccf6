//! STORE.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Stage};
use backend::server::ServerConfig;
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use shared::change::RestoreItem;
use shared::limits::STORE_BODY_TIME;
use shared::wire::{FrameKind, PRINCIPAL_UNKNOWN, PutEnd, Store};
use shared::{Algorithm, Change, Checksum, Conflict, ErrorCode, JobId, Outcome, Timestamp};
use tokio::time::Instant;

use super::fixtures::{error_code, pattern, store_request};
use crate::raw_connection::{RawConnection, serve_pipe};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, reader, small_tree, writer};

#[tokio::test]
async fn one_principal_does_not_displace_what_is_kept_of_another() {
    let caller = |principal: &str| Caller { principal: Some(principal.into()), ..writer() };
    what_one_keeps_stays_while_another_replaces(&caller("quiet"), &caller("busy")).await;
}

#[tokio::test]
async fn one_client_without_an_account_does_not_displace_what_is_kept_of_another() {
    let caller = |client: &str| {
        let (principal, client) = (Some(PRINCIPAL_UNKNOWN.into()), Some(client.into()));
        Caller { principal, client, ..writer() }
    };
    what_one_keeps_stays_while_another_replaces(&caller("192.0.2.1"), &caller("192.0.2.2")).await;
}

async fn what_one_keeps_stays_while_another_replaces(quiet: &Caller, busy: &Caller) {
    const BYTES: [u8; 100] = [7; 100];
    const BYTES_MAX: u64 = 8 * BYTES.len() as u64;
    let config = ServerConfig { trash_bytes_max: BYTES_MAX, ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(MemoryStorage::new()), config).await;
    let replace = async |caller: &Caller, name: &str| {
        let request = store_request(name, &BYTES);
        let stage = Stage { caller: caller.clone(), conflict: Conflict::Replace, ..request.stage };
        server.client.store(&Store { stage, ..request }, &BYTES).await.unwrap().trash
    };
    assert_eq!(replace(quiet, "one").await, None);
    let kept = replace(quiet, "one").await.unwrap();
    for _ in 0..30 {
        replace(busy, "other").await;
    }
    // The sweeps run beside the requests.
    let items = loop {
        let items = server.client.list_trash(&writer(), None, 100).await.unwrap().items;
        if items.iter().map(|item| item.entry.size).sum::<u64>() <= BYTES_MAX {
            break items;
        }
        tokio::task::yield_now().await;
    };
    assert!(items.iter().any(|item| item.id == kept), "{items:?}");
    server.stop().await;
}

/// A client whose answer was lost learns which file it has replaced.
#[tokio::test]
async fn a_repeated_store_with_a_key_has_the_first_answer() {
    let server = TestServer::with_storage(Arc::new(MemoryStorage::new())).await;
    let store = async |key: Option<u8>, bytes: &[u8]| {
        let request = store_request("file", bytes);
        let key = key.map(|key| JobId([key; 16]));
        let stage = Stage { conflict: Conflict::Replace, key, ..request.stage };
        server.client.store(&Store { stage, ..request }, bytes).await
    };
    store(None, b"old").await.unwrap();
    let first = store(Some(1), b"new").await.unwrap();
    assert!(first.trash.is_some());
    let (one, two) = tokio::join!(store(Some(1), b"new"), store(Some(1), b"new"));
    assert_eq!([one.unwrap(), two.unwrap()], [first.clone(), first.clone()]);
    assert_eq!(server.client.list_trash(&writer(), None, 10).await.unwrap().total, Some(1));
    assert_eq!(error_code(store(Some(1), b"other").await), ErrorCode::KeyReused);
    assert_ne!(store(Some(2), b"new").await.unwrap().trash, first.trash);
    server.stop().await;
}

#[tokio::test]
async fn store_publishes_a_small_file_in_one_exchange() {
    let server = TestServer::start().await;
    let client = &server.client;
    for bytes in [pattern(262_144), Vec::new(), pattern(4_096)] {
        let name = format!("docs/{}", bytes.len());
        let stored = client.store(&store_request(&name, &bytes), &bytes).await.unwrap();
        let entry = stored.entry.unwrap();
        assert_eq!((entry.path, entry.size, stored.replaced), (path(&name), bytes.len() as u64, false));
        let blake3 = blake3::hash(&bytes);
        assert_eq!(stored.digests.unwrap().get(Algorithm::Blake3), Some(&blake3.as_bytes()[..]));
        assert_eq!(read_file(client, &name).await.unwrap(), bytes);
    }
    let conflicting = |conflict| Store {
        stage: Stage { conflict, modified: Some(Timestamp(5)), ..store_request("hello.txt", b"new").stage },
        checksum: None,
    };
    assert_eq!(error_code(client.store(&conflicting(Conflict::Fail), b"new").await), ErrorCode::AlreadyExists);
    let skipped = client.store(&conflicting(Conflict::Skip), b"new").await.unwrap();
    assert_eq!((skipped.skipped, skipped.entry, skipped.digests), (true, None, None));
    let beside = client.store(&conflicting(Conflict::KeepBoth), b"new").await.unwrap().entry.unwrap();
    assert_eq!((beside.path, beside.modified), (path("hello%20%282%29.txt"), Timestamp(5)));
    let replaced = client.store(&conflicting(Conflict::Replace), b"new").await.unwrap();
    assert!(replaced.replaced);
    // The old file is in the trash, and takes its place again while the new one is kept in turn.
    let items = vec![RestoreItem { id: replaced.trash.unwrap(), to: None }];
    let undo = Change::Restore { items, conflict: Conflict::Replace };
    let undone = client.change(&writer(), JobId([3; 16]), undo, Duration::from_secs(10)).await.unwrap();
    assert_ne!(read_file(client, "hello.txt").await.unwrap(), b"new");
    let [Outcome::Done { replaced, .. }] = undone.outcomes.as_slice() else { panic!("{undone:?}") };
    let redo = Change::Restore { items: vec![RestoreItem { id: replaced[0], to: None }], conflict: Conflict::Replace };
    client.change(&writer(), JobId([4; 16]), redo, Duration::from_secs(10)).await.unwrap();
    assert_eq!(read_file(client, "hello.txt").await.unwrap(), b"new");
    let present = |etag| Store {
        stage: Stage { if_match: Some(vec![etag]), ..store_request("hello.txt", b"newer").stage },
        checksum: None,
    };
    let etag = client.stat(&reader(), &path("hello.txt")).await.unwrap().etag.unwrap();
    client.store(&present(etag), b"newer").await.unwrap();
    assert_eq!(error_code(client.store(&present(etag), b"newer").await), ErrorCode::PreconditionFailed);
    assert_eq!(read_file(client, "hello.txt").await.unwrap(), b"newer");
    let deep = store_request("new/folders/file", b"deep");
    assert_eq!(error_code(client.store(&deep, b"deep").await), ErrorCode::ParentMissing);
    let deep = Store { stage: Stage { make_parents: true, ..deep.stage }, checksum: None };
    client.store(&deep, b"deep").await.unwrap();
    assert_eq!(read_file(client, "new/folders/file").await.unwrap(), b"deep");
    assert!(client.uploads(&writer()).await.unwrap().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn store_refuses_other_bytes_than_announced_and_keeps_the_connection() {
    let storage = Arc::new(small_tree());
    let server = TestServer::with_storage(storage.clone()).await;
    let mut raw = RawConnection::open(&server).await;
    let request = store_request("new", b"12345");
    let sum = |digest: &[u8]| Some(Checksum { algorithm: Algorithm::Crc32, digest: digest.into() });
    let wrong = Store { checksum: sum(&[1, 2, 3, 4]), ..request.clone() };
    let spoilt = Store { stage: Stage { blake3: Some(vec![7; 32]), ..request.stage.clone() }, checksum: None };
    let too_long = Store { stage: Stage { length: Some(262_145), ..request.stage.clone() }, checksum: None };
    let resumable = Store { stage: Stage { resumable: true, ..request.stage.clone() }, checksum: None };
    let hidden =
        Store { stage: Stage { target: Some(path(".passerelle/x")), ..request.stage.clone() }, checksum: None };
    let as_reader = Store { stage: Stage { caller: reader(), ..request.stage.clone() }, checksum: None };
    let ended = PutEnd { broken: false };
    for (number, (request, bytes, end, expected)) in [
        (&request, b"1234".as_slice(), ended.clone(), ErrorCode::LengthMismatch),
        (&request, b"123456", ended.clone(), ErrorCode::LengthMismatch),
        (&request, b"12345", PutEnd { broken: true }, ErrorCode::Canceled),
        (&wrong, b"12345", ended.clone(), ErrorCode::ChecksumMismatch),
        (&spoilt, b"12345", ended.clone(), ErrorCode::ChecksumMismatch),
        (&too_long, b"12345", ended.clone(), ErrorCode::BadRequest),
        (&resumable, b"12345", ended.clone(), ErrorCode::BadRequest),
        (&hidden, b"12345", ended.clone(), ErrorCode::NameReserved),
        (&as_reader, b"12345", ended.clone(), ErrorCode::Forbidden),
    ]
    .into_iter()
    .enumerate()
    {
        let id = number as u32 + 1;
        raw.send(FrameKind::Store, id, request).await;
        raw.send_body(FrameKind::Data, id, bytes).await;
        raw.send(FrameKind::PutEnd, id, &end).await;
        assert_eq!(raw.end(id).await, Some(expected), "{number}");
        raw.assert_usable().await;
    }
    assert_eq!(error_code(server.client.stat(&reader(), &path("new")).await), ErrorCode::NotFound);
    assert!(storage.list_staged().unwrap().is_empty());
    let right = Store { checksum: sum(&[0xcb, 0xf5, 0x3a, 0x1c]), ..request };
    raw.send(FrameKind::Store, 99, &right).await;
    raw.send_body(FrameKind::Data, 99, b"12").await;
    raw.send_body(FrameKind::Data, 99, b"345").await;
    raw.send(FrameKind::PutEnd, 99, &ended).await;
    assert_eq!(raw.end(99).await, None);
    assert_eq!(read_file(&server.client, "new").await.unwrap(), b"12345");
    server.stop().await;
}

/// A client that sends a part of a file gives up its memory in time, and keeps its connection.
#[tokio::test(start_paused = true)]
async fn the_bytes_of_a_store_arrive_in_time() {
    let (mut raw, server) = serve_pipe(Arc::new(MemoryStorage::new()), ServerConfig::default(), 1 << 16);
    raw.handshake(&server.key, None).await;
    let started = Instant::now();
    raw.send(FrameKind::Store, 1, &store_request("slow", b"12345")).await;
    raw.send_body(FrameKind::Data, 1, b"123").await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::DeadlineExceeded));
    assert_eq!(started.elapsed().as_secs(), STORE_BODY_TIME.as_secs());
    raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: true }).await;
    raw.assert_usable().await;
}
