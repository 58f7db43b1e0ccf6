//! Uploads through the client: bytes arrive, survive crashes once acknowledged, and become files in one step or not at
//! all.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, ClientError, Commit, GetItem, Item, PutRange, Stage, Upload};
use backend::server::{Database, ServerConfig};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::wire::{Frame, Incoming, Key};
use bytes::Bytes;
use shared::wire::{End, FrameKind, Put, PutEnd, Store};
use shared::{Algorithm, Checksum, Conflict, ErrorCode, JobId, Rights, Scope, Timestamp, UploadId};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::raw_connection::{RawConnection, frame, stat};
use super::test_server::{TestServer, path, reader, small_tree, writer};

/// STAGE of an upload with this target and length.
pub(crate) fn stage(target: &str, length: Option<u64>) -> Stage {
    Stage { caller: writer(), target: Some(path(target)), length, resumable: true, ..Stage::default() }
}

/// COMMIT without fields of its own.
pub(crate) fn commit(upload: UploadId) -> Commit {
    Commit { caller: writer(), upload, target: None, conflict: None, if_match: None, blake3: None }
}

/// Puts bytes at `offset`.
pub(crate) async fn put(client: &Client, upload: UploadId, offset: u64, bytes: &[u8]) -> Result<Upload, ClientError> {
    let sent = PutRange { offset, length: Some(bytes.len() as u64), ..PutRange::default() };
    put_as(client, upload, sent, bytes).await
}

async fn put_as(client: &Client, upload: UploadId, sent: PutRange, bytes: &[u8]) -> Result<Upload, ClientError> {
    let mut sending = client.put(&writer(), upload, sent).await?;
    if !bytes.is_empty() {
        sending.send(Bytes::copy_from_slice(bytes)).await?;
    }
    sending.finish().await
}

/// The whole content of a file.
pub(crate) async fn content(client: &Client, text: &str) -> Result<Vec<u8>, ClientError> {
    let item = GetItem { path: path(text), range: None, if_etag: None };
    let mut transfer = client.get(&reader(), vec![item]).await?;
    match transfer.next_item().await? {
        Some(Item::Sending(_)) => {}
        Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(failure.into()),
        None => panic!("no item"),
    }
    let mut bytes = Vec::new();
    while let Some(piece) = transfer.piece().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The code of a failure.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    result.expect_err("success instead of an error").code
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

#[tokio::test]
async fn commit_publishes_the_bytes_in_one_step() {
    let server = TestServer::start().await;
    let bytes = pattern(20 << 20);
    let upload = server.client.stage(&stage("docs/new.bin", Some(bytes.len() as u64))).await.unwrap();
    assert_eq!((upload.offset, upload.length), (0, Some(bytes.len() as u64)));
    let (first, second) = bytes.split_at(9_000_001);
    assert_eq!(put(&server.client, upload.id, 0, first).await.unwrap().offset, 9_000_001);
    assert_eq!(code(server.client.stat(&reader(), &path("docs/new.bin")).await), ErrorCode::NotFound);
    assert_eq!(code(server.client.commit(&commit(upload.id)).await), ErrorCode::Incomplete);
    assert_eq!(put(&server.client, upload.id, 9_000_001, second).await.unwrap().offset, 20 << 20);
    let blake3 = Some(blake3::hash(&bytes).as_bytes().to_vec());
    let done = server.client.commit(&Commit { blake3: blake3.clone(), ..commit(upload.id) }).await.unwrap();
    let entry = done.entry.clone().unwrap();
    assert_eq!((entry.path, entry.size, done.replaced), (path("docs/new.bin"), 20 << 20, false));
    assert_eq!(done.digests.as_ref().unwrap().get(Algorithm::Blake3), blake3.as_deref());
    assert_eq!(content(&server.client, "docs/new.bin").await.unwrap(), bytes);
    // A second COMMIT gets the first answer.
    assert_eq!(server.client.commit(&commit(upload.id)).await.unwrap(), done);
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().entry, done.entry);
    server.stop().await;
}

#[tokio::test]
async fn an_empty_upload_becomes_a_file() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&Stage { resumable: false, ..stage("nothing", Some(0)) }).await.unwrap();
    let done = server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(done.entry.unwrap().size, 0);
    assert!(content(&server.client, "nothing").await.unwrap().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn commit_after_restarts_reads_nothing_again() {
    let faults = Faults::seeded(1);
    let storage: Arc<dyn Storage> = Arc::new(FaultyStorage::new(small_tree(), Arc::clone(&faults)));
    let records = Arc::new(Database::in_memory().unwrap());
    let restart = || TestServer::with_database(Arc::clone(&storage), Arc::clone(&records), ServerConfig::default());
    let bytes = pattern(20 << 20);
    let server = restart().await;
    let upload = server.client.stage(&stage("new.bin", Some(bytes.len() as u64))).await.unwrap();
    server.stop().await;
    // Cuts within a chunk of BLAKE3, at the end of one, and within a DATA frame.
    let mut from = 0;
    for to in [1, 1024, 9_000_001, bytes.len()] {
        let server = restart().await;
        let put = put(&server.client, upload.id, from as u64, &bytes[from..to]).await.unwrap();
        assert_eq!(put.offset, to as u64);
        server.stop().await;
        from = to;
    }
    let server = restart().await;
    let whole = server.client.upload_status(&writer(), upload.id).await.unwrap();
    let before = faults.calls(Operation::Reread);
    let done = server.client.commit(&commit(upload.id)).await.unwrap();
    // The length is asked for; nothing is read.
    assert_eq!(faults.calls(Operation::Reread) - before, 1);
    let digests = done.digests.unwrap();
    assert_eq!(whole.digests.as_ref(), Some(&digests));
    assert_eq!(digests.get(Algorithm::Blake3), Some(blake3::hash(&bytes).as_bytes().as_slice()));
    assert_eq!(digests.get(Algorithm::Crc32), Some(crc32fast::hash(&bytes).to_be_bytes().as_slice()));
    assert_eq!(content(&server.client, "new.bin").await.unwrap(), bytes);
    server.stop().await;
}

#[tokio::test]
async fn an_upload_continues_after_a_restart() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let records = Arc::new(Database::in_memory().unwrap());
    let bytes = pattern(3 << 20);
    let server = TestServer::with_database(storage.clone(), records.clone(), ServerConfig::default()).await;
    let kept = server.client.stage(&stage("kept", Some(bytes.len() as u64))).await.unwrap();
    put(&server.client, kept.id, 0, &bytes[..1_000_000]).await.unwrap();
    let lost = server.client.stage(&Stage { resumable: false, ..stage("lost", Some(1)) }).await.unwrap();
    server.stop().await;
    // Bytes behind the durable offset are not part of the upload.
    storage.staged(kept.id).unwrap().write_at(b"torn", 1_000_000).unwrap();

    let server = TestServer::with_database(storage.clone(), records, ServerConfig::default()).await;
    assert_eq!(server.client.uploads(&writer()).await.unwrap()[0].offset, 1_000_000);
    assert_eq!(put(&server.client, kept.id, 1_000_000, &bytes[1_000_000..]).await.unwrap().offset, 3 << 20);
    let blake3 = Some(blake3::hash(&bytes).as_bytes().to_vec());
    server.client.commit(&Commit { blake3, ..commit(kept.id) }).await.unwrap();
    assert_eq!(content(&server.client, "kept").await.unwrap(), bytes);
    assert_eq!(code(server.client.upload_status(&writer(), lost.id).await), ErrorCode::NotFound);
    server.stop().await;
    assert!(storage.list_staged().unwrap().is_empty());
}

mod content_checks {
    use super::*;

    #[tokio::test]
    async fn bytes_past_the_end_are_dropped() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
        let announced = |length| PutRange { length, ..PutRange::default() };
        let result = put_as(&server.client, upload.id, announced(Some(4)), b"123456").await;
        assert_eq!(code(result), ErrorCode::LengthMismatch);
        let stands = server.client.upload_status(&writer(), upload.id).await.unwrap();
        assert_eq!(stands.offset, 4);
        // Fewer bytes than announced are kept, and reported.
        let result =
            put_as(&server.client, upload.id, PutRange { offset: 4, length: Some(6), ..PutRange::default() }, b"56")
                .await;
        assert_eq!(code(result), ErrorCode::LengthMismatch);
        let result = put_as(&server.client, upload.id, PutRange { offset: 6, ..PutRange::default() }, b"7890123").await;
        assert_eq!(code(result), ErrorCode::LengthMismatch);
        server.client.commit(&commit(upload.id)).await.unwrap();
        assert_eq!(content(&server.client, "new").await.unwrap(), b"1234567890");
        server.stop().await;
    }

    #[tokio::test]
    async fn put_requires_the_present_offset() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", None)).await.unwrap();
        put(&server.client, upload.id, 0, b"1234").await.unwrap();
        for offset in [0, 3, 5, u64::MAX >> 1] {
            let sent = PutRange { offset, ..PutRange::default() };
            assert_eq!(
                code(put_as(&server.client, upload.id, sent, b"x").await),
                ErrorCode::OffsetMismatch,
                "{offset}"
            );
        }
        for (offset, length, total) in [(u64::MAX, None, None), (4, Some(u64::MAX), None), (4, None, Some(u64::MAX))] {
            let sent = PutRange { offset, length, total, checksum: None };
            assert_eq!(code(put_as(&server.client, upload.id, sent, b"x").await), ErrorCode::BadRequest, "{offset}");
        }
        assert_eq!(code(server.client.stage(&stage("big", Some(u64::MAX))).await), ErrorCode::BadRequest);
        assert_eq!(code(server.client.commit(&commit(upload.id)).await), ErrorCode::Incomplete);
        let last = PutRange { offset: 4, total: Some(4), ..PutRange::default() };
        put_as(&server.client, upload.id, last, b"").await.unwrap();
        server.client.commit(&commit(upload.id)).await.unwrap();
        server.stop().await;
    }

    #[tokio::test]
    async fn put_with_a_checksum_keeps_all_bytes_or_none() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(4))).await.unwrap();
        let sum = |digest: &[u8]| Some(Checksum { algorithm: Algorithm::Crc32, digest: digest.to_vec() });
        let wrong = PutRange { length: Some(4), checksum: sum(&[1, 2, 3, 4]), ..PutRange::default() };
        assert_eq!(code(put_as(&server.client, upload.id, wrong, b"1234").await), ErrorCode::ChecksumMismatch);
        assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 0);
        let right = PutRange { length: Some(4), checksum: sum(&0x9be3_e0a3_u32.to_be_bytes()), ..PutRange::default() };
        assert_eq!(put_as(&server.client, upload.id, right, b"1234").await.unwrap().offset, 4);
        let short = PutRange {
            checksum: Some(Checksum { algorithm: Algorithm::Sha1, digest: vec![0; 4] }),
            ..PutRange::default()
        };
        assert_eq!(code(put_as(&server.client, upload.id, short, b"").await), ErrorCode::BadRequest);
        // Without the digest that the client named, the bytes do not become a file.
        let blake3 = Some(vec![7; 32]);
        assert_eq!(
            code(server.client.commit(&Commit { blake3, ..commit(upload.id) }).await),
            ErrorCode::ChecksumMismatch
        );
        assert_eq!(code(server.client.stat(&reader(), &path("new")).await), ErrorCode::NotFound);
        // A later COMMIT without a digest is held to the named one, too.
        assert_eq!(code(server.client.commit(&commit(upload.id)).await), ErrorCode::ChecksumMismatch);
        let blake3 = Some(blake3::hash(b"1234").as_bytes().to_vec());
        server.client.commit(&Commit { blake3, ..commit(upload.id) }).await.unwrap();
        assert_eq!(content(&server.client, "new").await.unwrap(), b"1234");
        server.stop().await;
    }
}

mod commits {
    use super::*;

    #[tokio::test]
    async fn an_upload_is_hidden_from_other_owners() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(1))).await.unwrap();
        let named = Caller { principal: Some("eve".into()), ..writer() };
        let mut elsewhere = writer();
        elsewhere.scope.roots[0].folder = path("docs");
        for eve in [named, elsewhere] {
            assert_eq!(code(server.client.upload_status(&eve, upload.id).await), ErrorCode::NotFound);
            assert_eq!(
                code(server.client.put(&eve, upload.id, PutRange::default()).await.map(drop)),
                ErrorCode::NotFound
            );
            assert_eq!(
                code(server.client.commit(&Commit { caller: eve.clone(), ..commit(upload.id) }).await),
                ErrorCode::NotFound
            );
            assert_eq!(code(server.client.abort(&eve, upload.id).await), ErrorCode::NotFound);
            let joined = Stage { caller: eve.clone(), parts: vec![upload.id], ..stage("x", None) };
            assert_eq!(code(server.client.stage(&joined).await), ErrorCode::NotFound);
            assert!(server.client.uploads(&eve).await.unwrap().is_empty());
        }
        assert_eq!(code(server.client.upload_status(&reader(), upload.id).await), ErrorCode::Forbidden);
        assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().id, upload.id);
        server.client.abort(&writer(), upload.id).await.unwrap();
        assert_eq!(code(server.client.upload_status(&writer(), upload.id).await), ErrorCode::NotFound);
        server.stop().await;
    }

    #[tokio::test]
    async fn create_without_replace_replaces_no_file() {
        let server = TestServer::start().await;
        let creator = Caller { scope: Scope::whole(Rights::CREATE), ..Caller::default() };
        let replace = Stage { caller: creator.clone(), conflict: Conflict::Replace, ..stage("hello.txt", Some(0)) };
        assert_eq!(code(server.client.stage(&replace).await), ErrorCode::Forbidden);
        let upload = server.client.stage(&Stage { target: Some(path("fresh")), ..replace }).await.unwrap();
        let onto = Commit { caller: creator, target: Some(path("hello.txt")), ..commit(upload.id) };
        assert_eq!(code(server.client.commit(&onto).await), ErrorCode::Forbidden);
        assert_eq!(content(&server.client, "hello.txt").await.unwrap(), b"hello, world\n");
        assert_eq!(
            code(server.client.stage(&Stage { caller: reader(), ..stage("x", None) }).await),
            ErrorCode::Forbidden
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn one_of_two_concurrent_commits_to_a_name_succeeds() {
        let server = TestServer::start().await;
        let first = server.client.stage(&stage("same", Some(1))).await.unwrap();
        let second = server.client.stage(&stage("same", Some(1))).await.unwrap();
        put(&server.client, first.id, 0, b"1").await.unwrap();
        put(&server.client, second.id, 0, b"2").await.unwrap();
        let (first_commit, second_commit) = (commit(first.id), commit(second.id));
        let (one, two) = tokio::join!(server.client.commit(&first_commit), server.client.commit(&second_commit));
        let lost = match (one, two) {
            (Ok(_), Err(error)) => (error, second.id),
            (Err(error), Ok(_)) => (error, first.id),
            both => panic!("{both:?}"),
        };
        assert_eq!(lost.0.code, ErrorCode::AlreadyExists);
        // The bytes are still there, for a COMMIT with another conflict.
        let beside = Commit { conflict: Some(Conflict::KeepBoth), ..commit(lost.1) };
        assert_eq!(server.client.commit(&beside).await.unwrap().entry.unwrap().path, path("same%20%282%29"));
        server.stop().await;
    }
}

#[tokio::test]
async fn conditions_are_checked_against_the_target() {
    let server = TestServer::start().await;
    let client = &server.client;
    let there = client.stat(&reader(), &path("hello.txt")).await.unwrap();
    assert_eq!(code(client.stage(&stage("hello.txt", Some(0))).await), ErrorCode::AlreadyExists);
    assert_eq!(code(client.stage(&stage("no/where", Some(0))).await), ErrorCode::ParentMissing);
    assert_eq!(code(client.stage(&stage("empty/in", Some(0))).await), ErrorCode::NotFolder);
    assert_eq!(code(client.stage(&stage(".Passerelle/x", Some(0))).await), ErrorCode::NameRefused);
    let over_folder = Stage { conflict: Conflict::Replace, ..stage("docs", Some(0)) };
    assert_eq!(code(client.stage(&over_folder).await), ErrorCode::IsFolder);
    let must = |etags| Stage { if_match: Some(etags), ..stage("hello.txt", Some(0)) };
    assert_eq!(code(client.stage(&must(vec![shared::ETag([1; 16])])).await), ErrorCode::PreconditionFailed);
    assert_eq!(
        code(client.stage(&Stage { if_match: Some(vec![]), ..stage("x", None) }).await),
        ErrorCode::PreconditionFailed
    );
    let matched = client.stage(&must(vec![there.etag.unwrap()])).await.unwrap();
    let replaced = client.commit(&commit(matched.id)).await.unwrap();
    assert!(replaced.replaced);
    let again = client.stage(&must(vec![replaced.entry.unwrap().etag.unwrap()])).await.unwrap();
    let racer = Stage { conflict: Conflict::Replace, ..stage("hello.txt", Some(0)) };
    let racer = client.stage(&racer).await.unwrap();
    client.commit(&commit(racer.id)).await.unwrap();
    assert_eq!(code(client.commit(&commit(again.id)).await), ErrorCode::PreconditionFailed);
    let skip = Stage { conflict: Conflict::Skip, ..stage("hello.txt", Some(0)) };
    let skip = client.stage(&skip).await.unwrap();
    let skipped = client.commit(&commit(skip.id)).await.unwrap();
    assert_eq!((skipped.skipped, skipped.entry), (true, None));
    let deep = Stage { make_parents: true, modified: Some(Timestamp(5)), ..stage("new/folders/file", Some(0)) };
    let deep = client.stage(&deep).await.unwrap();
    assert_eq!(client.commit(&commit(deep.id)).await.unwrap().entry.unwrap().modified, Timestamp(5));
    server.stop().await;
}

/// STORE of these bytes at this target.
fn store_request(target: &str, bytes: &[u8]) -> Store {
    let length = Some(bytes.len() as u64);
    Store { stage: Stage { resumable: false, ..stage(target, length) }, checksum: None }
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
        assert_eq!(content(client, &name).await.unwrap(), bytes);
    }
    let conflicting = |conflict| Store {
        stage: Stage { conflict, modified: Some(Timestamp(5)), ..store_request("hello.txt", b"new").stage },
        checksum: None,
    };
    assert_eq!(code(client.store(&conflicting(Conflict::Fail), b"new").await), ErrorCode::AlreadyExists);
    let skipped = client.store(&conflicting(Conflict::Skip), b"new").await.unwrap();
    assert_eq!((skipped.skipped, skipped.entry, skipped.digests), (true, None, None));
    let beside = client.store(&conflicting(Conflict::KeepBoth), b"new").await.unwrap().entry.unwrap();
    assert_eq!((beside.path, beside.modified), (path("hello%20%282%29.txt"), Timestamp(5)));
    let replaced = client.store(&conflicting(Conflict::Replace), b"new").await.unwrap();
    assert!(replaced.replaced);
    let present = |etag| Store {
        stage: Stage { if_match: Some(vec![etag]), ..store_request("hello.txt", b"newer").stage },
        checksum: None,
    };
    let etag = replaced.entry.unwrap().etag.unwrap();
    client.store(&present(etag), b"newer").await.unwrap();
    assert_eq!(code(client.store(&present(etag), b"newer").await), ErrorCode::PreconditionFailed);
    assert_eq!(content(client, "hello.txt").await.unwrap(), b"newer");
    let deep = store_request("new/folders/file", b"deep");
    assert_eq!(code(client.store(&deep, b"deep").await), ErrorCode::ParentMissing);
    let deep = Store { stage: Stage { make_parents: true, ..deep.stage }, checksum: None };
    client.store(&deep, b"deep").await.unwrap();
    assert_eq!(content(client, "new/folders/file").await.unwrap(), b"deep");
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
    let keyed = Store { stage: Stage { key: Some(JobId([1; 16])), ..request.stage.clone() }, checksum: None };
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
        (&keyed, b"12345", ended.clone(), ErrorCode::BadRequest),
        (&resumable, b"12345", ended.clone(), ErrorCode::BadRequest),
        (&hidden, b"12345", ended.clone(), ErrorCode::NameRefused),
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
        raw.is_usable().await;
    }
    assert_eq!(code(server.client.stat(&reader(), &path("new")).await), ErrorCode::NotFound);
    assert!(storage.list_staged().unwrap().is_empty());
    let right = Store { checksum: sum(&[0xcb, 0xf5, 0x3a, 0x1c]), ..request };
    raw.send(FrameKind::Store, 99, &right).await;
    raw.send_body(FrameKind::Data, 99, b"12").await;
    raw.send_body(FrameKind::Data, 99, b"345").await;
    raw.send(FrameKind::PutEnd, 99, &ended).await;
    assert_eq!(raw.end(99).await, None);
    assert_eq!(content(&server.client, "new").await.unwrap(), b"12345");
    server.stop().await;
}

#[tokio::test]
async fn stage_with_a_known_key_finds_the_upload() {
    let server = TestServer::start().await;
    for resumable in [true, false] {
        let keyed = Stage { key: Some(JobId([u8::from(resumable); 16])), resumable, ..stage("new", Some(5)) };
        let first = server.client.stage(&keyed).await.unwrap();
        put(&server.client, first.id, 0, b"12").await.unwrap();
        let again = server.client.stage(&keyed).await.unwrap();
        assert_eq!((again.id, again.offset), (first.id, 2));
    }
    server.stop().await;
}

#[tokio::test]
async fn commit_joins_parts_in_their_order() {
    let server = TestServer::start().await;
    let mut parts = Vec::new();
    for text in ["one ", "two ", "three"] {
        let part = Stage { target: None, ..stage("x", Some(text.len() as u64)) };
        let part = server.client.stage(&part).await.unwrap();
        put(&server.client, part.id, 0, text.as_bytes()).await.unwrap();
        parts.push(part.id);
    }
    assert_eq!(code(server.client.commit(&commit(parts[0])).await), ErrorCode::BadRequest);
    let whole = server.client.stage(&Stage { parts: parts.clone(), ..stage("joined", None) }).await.unwrap();
    assert_eq!((whole.offset, whole.length), (13, Some(13)));
    assert_eq!(code(put(&server.client, whole.id, 13, b"x").await), ErrorCode::BadRequest);
    let done = server.client.commit(&commit(whole.id)).await.unwrap();
    let expected = blake3::hash(b"one two three");
    assert_eq!(done.digests.unwrap().get(Algorithm::Blake3), Some(&expected.as_bytes()[..]));
    assert_eq!(content(&server.client, "joined").await.unwrap(), b"one two three");
    assert_eq!(code(server.client.upload_status(&writer(), parts[1]).await), ErrorCode::NotFound);
    let short = server.client.stage(&Stage { target: None, ..stage("x", Some(9)) }).await.unwrap();
    assert_eq!(
        code(server.client.stage(&Stage { parts: vec![short.id], ..stage("y", None) }).await),
        ErrorCode::Incomplete
    );
    server.stop().await;
}

mod failing_disks {
    use super::*;

    async fn server() -> (TestServer, Arc<Faults>) {
        let faults = Faults::seeded(1);
        let storage = FaultyStorage::new(MemoryStorage::new(), Arc::clone(&faults));
        (TestServer::with_storage(Arc::new(storage)).await, faults)
    }

    #[tokio::test]
    async fn a_full_disk_keeps_what_is_durable() {
        let (server, faults) = server().await;
        let upload = server.client.stage(&stage("new", Some(8))).await.unwrap();
        put(&server.client, upload.id, 0, b"1234").await.unwrap();
        let next = faults.calls(Operation::Write) + 1;
        faults.at(Operation::Write, next, Fault::Fail(ErrorCode::NoSpace));
        assert_eq!(code(put(&server.client, upload.id, 4, b"5678").await), ErrorCode::NoSpace);
        assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 4);
        put(&server.client, upload.id, 4, b"5678").await.unwrap();
        server.client.commit(&commit(upload.id)).await.unwrap();
        assert_eq!(content(&server.client, "new").await.unwrap(), b"12345678");
        server.stop().await;
    }

    #[tokio::test]
    async fn bytes_of_a_failed_sync_are_not_durable() {
        let (server, faults) = server().await;
        let upload = server.client.stage(&stage("new", Some(8))).await.unwrap();
        put(&server.client, upload.id, 0, b"1234").await.unwrap();
        let next = faults.calls(Operation::Sync) + 1;
        faults.at(Operation::Sync, next, Fault::Fail(ErrorCode::Io));
        assert_eq!(code(put(&server.client, upload.id, 4, b"5678").await), ErrorCode::Io);
        assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 4);
        put(&server.client, upload.id, 4, b"5678").await.unwrap();
        server.client.commit(&commit(upload.id)).await.unwrap();
        assert_eq!(content(&server.client, "new").await.unwrap(), b"12345678");
        server.stop().await;
    }

    #[tokio::test]
    async fn a_repeated_commit_gets_the_lost_answer() {
        let (server, faults) = server().await;
        let upload = server.client.stage(&stage("new", Some(4))).await.unwrap();
        put(&server.client, upload.id, 0, b"1234").await.unwrap();
        faults.at(Operation::Published, 1, Fault::Fail(ErrorCode::Io));
        assert_eq!(code(server.client.commit(&commit(upload.id)).await), ErrorCode::Io);
        let done = server.client.commit(&commit(upload.id)).await.unwrap();
        assert_eq!(done.entry.unwrap().path, path("new"));
        server.stop().await;
    }

    #[tokio::test]
    async fn a_server_without_records_is_read_only() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let storage = Arc::new(small_tree());
        let key = Key::generate().unwrap();
        let server = TestServer::on_listener_with_database(listener, key, storage, None, ServerConfig::default()).await;
        assert_eq!(code(server.client.stage(&stage("new", Some(1))).await), ErrorCode::ReadOnly);
        assert_eq!(code(server.client.store(&store_request("new", b"1"), b"1").await), ErrorCode::ReadOnly);
        assert_eq!(content(&server.client, "hello.txt").await.unwrap(), b"hello, world\n");
        server.stop().await;
    }
}

#[tokio::test]
async fn idle_uploads_expire() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let config = ServerConfig {
        upload_expiry: Duration::from_millis(20),
        sweep_time: Duration::from_millis(5),
        ..ServerConfig::default()
    };
    let server = TestServer::with_config(storage.clone(), config).await;
    let upload = server.client.stage(&stage("new", Some(1))).await.unwrap();
    super::raw_connection::within(async {
        while !storage.list_staged().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let gone = code(server.client.upload_status(&writer(), upload.id).await);
    assert!(matches!(gone, ErrorCode::Gone | ErrorCode::NotFound), "{gone}");
    server.stop().await;
}

mod connections {
    use super::*;

    /// A sender that is dropped within a frame gives its connection up, so no later request uses it.
    #[tokio::test]
    async fn a_sender_dropped_within_a_frame_does_not_affect_later_requests() {
        let server = TestServer::start().await;
        let length = 256 << 20;
        let upload = server.client.stage(&stage("new", Some(length))).await.unwrap();
        for _ in 0..4 {
            let offset = server.client.upload_status(&writer(), upload.id).await.unwrap().offset;
            let sent = PutRange { offset, length: Some(length - offset), ..PutRange::default() };
            let mut sending = server.client.put(&writer(), upload.id, sent).await.unwrap();
            let piece = bytes::Bytes::from(vec![7; 32 << 20]);
            // On one thread the server reads nothing meanwhile: the socket is full somewhere within a frame.
            assert!(futures_util::FutureExt::now_or_never(sending.send(piece)).is_none());
            drop(sending);
            // Time for the dropped connection to return to the pool, if it does.
            for _ in 0..50 {
                server.client.upload_status(&writer(), upload.id).await.unwrap();
            }
        }
        server.stop().await;
    }

    fn put_of(upload: UploadId, offset: u64) -> Put {
        Put { caller: writer(), upload, offset, length: None, checksum: None, total: None }
    }

    fn data(request_id: u32, length: usize) -> Vec<u8> {
        super::super::raw_connection::bytes(&Frame::new(FrameKind::Data, request_id, vec![7; length]))
    }

    /// A connection on which a PUT waits for bytes.
    async fn open_put(server: &TestServer, upload: UploadId, offset: u64) -> RawConnection {
        let mut raw = RawConnection::open(server).await;
        raw.send(FrameKind::Put, 1, &put_of(upload, offset)).await;
        assert_eq!(raw.next().await.expect("UPLOAD").kind(), Some(FrameKind::Upload));
        raw
    }

    #[tokio::test]
    async fn a_newer_put_takes_over_from_a_dead_connection() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(300_000))).await.unwrap();
        let mut dead = open_put(&server, upload.id, 0).await;
        dead.send_bytes(&data(1, 100_000)).await;
        // The PONG shows that everything before its PING was read.
        dead.send_body(FrameKind::Ping, 9, b"").await;
        assert_eq!(dead.next().await.unwrap().kind(), Some(FrameKind::Pong));
        assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 100_000);
        assert_eq!(dead.end(1).await, Some(ErrorCode::Canceled));
        dead.send_bytes(&super::super::raw_connection::bytes(&frame(FrameKind::PutEnd, 1, &PutEnd { broken: true })))
            .await;
        dead.is_usable().await;
        put(&server.client, upload.id, 100_000, &[7; 200_000]).await.unwrap();
        server.client.commit(&commit(upload.id)).await.unwrap();
        server.stop().await;
    }

    #[tokio::test]
    async fn bytes_before_a_broken_connection_are_kept() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(1_000_000))).await.unwrap();
        let mut raw = open_put(&server, upload.id, 0).await;
        raw.send_bytes(&data(1, 500_000)).await;
        // The PONG shows that everything before its PING was read.
        raw.send_body(FrameKind::Ping, 9, b"").await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
        raw.send_bytes(&data(1, 400_000)[..200_000]).await;
        raw.writer.shutdown().await.unwrap();
        drop(raw);
        assert!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset >= 500_000);
        server.stop().await;
    }

    #[tokio::test]
    async fn data_outside_a_put_ends_the_connection() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
        let mut raw = RawConnection::open(&server).await;
        raw.send_bytes(&data(1, 5)).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
        let mut raw = RawConnection::open(&server).await;
        let early = server.client.stage(&stage("early", Some(10))).await.unwrap();
        raw.send_bytes(
            &[super::super::raw_connection::bytes(&frame(FrameKind::Put, 1, &put_of(early.id, 0))), data(1, 5)]
                .concat(),
        )
        .await;
        // The server may or may not be ready yet; both cases have to be harmless.
        let _ = raw.incoming().await;
        drop(raw);
        let mut raw = open_put(&server, upload.id, 0).await;
        raw.send_bytes(&data(2, 5)).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
        let mut raw = open_put(&server, upload.id, 0).await;
        raw.send(FrameKind::Stat, 2, &stat("")).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
        let mut raw = RawConnection::open(&server).await;
        raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: false }).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
        let mut raw = RawConnection::open(&server).await;
        raw.send(FrameKind::Put, 1, &put_of(UploadId([9; 16]), 0)).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::NotFound));
        raw.is_usable().await;
        raw.send_bytes(&data(1, 5)).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
        server.stop().await;
    }

    #[tokio::test]
    async fn a_failed_put_keeps_the_connection() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
        let mut raw = open_put(&server, upload.id, 0).await;
        raw.send_bytes(&data(1, 200_000)).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::LengthMismatch));
        raw.send_bytes(&data(1, 1_000)).await;
        raw.send_body(FrameKind::Ping, 5, b"").await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
        raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: true }).await;
        raw.is_usable().await;
        assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 10);
        // A client that sends too much after the failure is disconnected.
        let other = server.client.stage(&stage("other", Some(1))).await.unwrap();
        let mut raw = open_put(&server, other.id, 0).await;
        for _ in 0..8 {
            raw.send_bytes(&data(1, 400_000)).await;
        }
        assert_eq!(raw.end(1).await, Some(ErrorCode::LengthMismatch));
        let goodbye = raw.next().await;
        assert!(goodbye.is_none_or(|frame| frame.kind() == Some(FrameKind::Goodbye)));
        server.stop().await;
    }

    #[tokio::test]
    async fn pings_and_cancels_are_answered_during_a_put() {
        let server = TestServer::start().await;
        let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
        let mut raw = open_put(&server, upload.id, 0).await;
        raw.send_body(FrameKind::Ping, 3, b"").await;
        assert_eq!(raw.next().await.unwrap().header.request_id, 3);
        raw.send_bytes(&data(1, 5)).await;
        raw.send_body(FrameKind::Cancel, 1, b"").await;
        loop {
            match raw.incoming().await.unwrap() {
                Some(Incoming::Message(frame)) if frame.kind() == Some(FrameKind::End) => {
                    let error = frame.message::<End>().unwrap().error.unwrap();
                    break assert_eq!(error.code, ErrorCode::Canceled);
                }
                Some(_) => {}
                None => panic!("no END"),
            }
        }
        raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: true }).await;
        raw.is_usable().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn digests_are_computed_once_and_then_known() {
    let server = TestServer::start().await;
    let digest = |known_only| {
        let algorithms = vec![Algorithm::Blake3, Algorithm::Sha256];
        let client = server.client.clone();
        async move { client.digest(&reader(), &path("docs/deep/er/file.bin"), algorithms, known_only).await.unwrap() }
    };
    assert!(digest(true).await.digests.known.is_empty());
    let read = digest(false).await;
    let expected = blake3::hash(&vec![7; 300_000]);
    assert_eq!(read.digests.get(Algorithm::Blake3), Some(&expected.as_bytes()[..]));
    // The tree in memory is of 2023, so its digests are kept.
    assert_eq!(digest(true).await.digests.known.len(), 2);
    let folder = server.client.digest(&reader(), &path("docs"), vec![Algorithm::Crc32], false).await;
    assert_eq!(code(folder), ErrorCode::IsFolder);
    let lister = Caller { scope: Scope::whole(Rights::LIST), ..Caller::default() };
    let unread = server.client.digest(&lister, &path("hello.txt"), vec![Algorithm::Crc32], false).await;
    assert_eq!(code(unread), ErrorCode::Forbidden);
    server.stop().await;
}
