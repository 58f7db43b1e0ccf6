//! STAGE, PUT and COMMIT, across restarts and expiry.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Commit, Stage};
use backend::server::{Database, ServerConfig};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Faults, FaultyStorage, Operation};
use shared::{Algorithm, ErrorCode, JobId};

use super::fixtures::{commit, error_code, pattern, put, stage};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, reader, small_tree, writer};

#[tokio::test]
async fn commit_publishes_the_bytes_in_one_step() {
    let server = TestServer::start().await;
    let bytes = pattern(20 << 20);
    let upload = server.client.stage(&stage("docs/new.bin", Some(bytes.len() as u64))).await.unwrap();
    assert_eq!((upload.offset, upload.length), (0, Some(bytes.len() as u64)));
    let (first, second) = bytes.split_at(9_000_001);
    assert_eq!(put(&server.client, upload.id, 0, first).await.unwrap().offset, 9_000_001);
    assert_eq!(error_code(server.client.stat(&reader(), &path("docs/new.bin")).await), ErrorCode::NotFound);
    assert_eq!(error_code(server.client.commit(&commit(upload.id)).await), ErrorCode::Incomplete);
    assert_eq!(put(&server.client, upload.id, 9_000_001, second).await.unwrap().offset, 20 << 20);
    let blake3 = Some(blake3::hash(&bytes).as_bytes().to_vec());
    let done = server.client.commit(&Commit { blake3: blake3.clone(), ..commit(upload.id) }).await.unwrap();
    let entry = done.entry.clone().unwrap();
    assert_eq!((entry.path, entry.size, done.replaced), (path("docs/new.bin"), 20 << 20, false));
    assert_eq!(done.digests.as_ref().unwrap().get(Algorithm::Blake3), blake3.as_deref());
    assert_eq!(read_file(&server.client, "docs/new.bin").await.unwrap(), bytes);
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
    assert!(read_file(&server.client, "nothing").await.unwrap().is_empty());
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
    assert_eq!(read_file(&server.client, "new.bin").await.unwrap(), bytes);
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
    storage.staged(kept.id, None).unwrap().write_at(b"torn", 1_000_000).unwrap();

    let server = TestServer::with_database(storage.clone(), records, ServerConfig::default()).await;
    assert_eq!(server.client.uploads(&writer()).await.unwrap()[0].offset, 1_000_000);
    assert_eq!(put(&server.client, kept.id, 1_000_000, &bytes[1_000_000..]).await.unwrap().offset, 3 << 20);
    let blake3 = Some(blake3::hash(&bytes).as_bytes().to_vec());
    server.client.commit(&Commit { blake3, ..commit(kept.id) }).await.unwrap();
    assert_eq!(read_file(&server.client, "kept").await.unwrap(), bytes);
    assert_eq!(error_code(server.client.upload_status(&writer(), lost.id).await), ErrorCode::NotFound);
    server.stop().await;
    assert!(storage.list_staged().unwrap().is_empty());
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
    assert_eq!(error_code(server.client.commit(&commit(parts[0])).await), ErrorCode::BadRequest);
    let whole = server.client.stage(&Stage { parts: parts.clone(), ..stage("joined", None) }).await.unwrap();
    assert_eq!((whole.offset, whole.length), (13, Some(13)));
    assert_eq!(error_code(put(&server.client, whole.id, 13, b"x").await), ErrorCode::BadRequest);
    let done = server.client.commit(&commit(whole.id)).await.unwrap();
    let expected = blake3::hash(b"one two three");
    assert_eq!(done.digests.unwrap().get(Algorithm::Blake3), Some(&expected.as_bytes()[..]));
    assert_eq!(read_file(&server.client, "joined").await.unwrap(), b"one two three");
    assert_eq!(error_code(server.client.upload_status(&writer(), parts[1]).await), ErrorCode::NotFound);
    let short = server.client.stage(&Stage { target: None, ..stage("x", Some(9)) }).await.unwrap();
    assert_eq!(
        error_code(server.client.stage(&Stage { parts: vec![short.id], ..stage("y", None) }).await),
        ErrorCode::Incomplete
    );
    server.stop().await;
}

#[tokio::test]
async fn idle_uploads_expire() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let config = ServerConfig {
        upload_expiry: Duration::from_millis(20),
        sweep_time: Duration::from_millis(5),
        clock_steady_time: Duration::ZERO,
        ..ServerConfig::default()
    };
    let server = TestServer::with_config(storage.clone(), config).await;
    let upload = server.client.stage(&stage("new", Some(1))).await.unwrap();
    crate::raw_connection::within(async {
        while !storage.list_staged().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let gone = error_code(server.client.upload_status(&writer(), upload.id).await);
    assert!(matches!(gone, ErrorCode::Gone | ErrorCode::NotFound), "{gone}");
    server.stop().await;
}

/// Each step of the reading is a turn, after which others may go first.
#[tokio::test]
async fn a_joined_upload_is_read_in_turns() {
    let bytes = pattern(9 << 20);
    let (first, second) = bytes.split_at(5_000_001);
    for finish in [None, Some(true)] {
        let config = ServerConfig { reading_turn_bytes: 1, ..ServerConfig::default() };
        let server = TestServer::with_config(Arc::new(small_tree()), config).await;
        let mut parts = Vec::new();
        for part in [first, b"", second] {
            let begun = Stage { target: None, ..stage("part", Some(part.len() as u64)) };
            parts.push(server.client.stage(&begun).await.unwrap().id);
            put(&server.client, parts[parts.len() - 1], 0, part).await.unwrap();
        }
        let begun = Stage { parts, finish, ..stage("joined", None) };
        let joined = server.client.stage(&begun).await.unwrap().id;
        let upload = server.client.commit(&commit(joined)).await.unwrap();
        assert_eq!(upload.digests.unwrap().get(Algorithm::Blake3), Some(blake3::hash(&bytes).as_bytes().as_slice()));
        assert!(read_file(&server.client, "joined").await.unwrap() == bytes);
        server.stop().await;
    }
}
