//! Uploads that the server makes files by itself (`finish` of STAGE).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backend::client::{Client, Commit, PutRange, Stage, Upload};
use backend::server::{Database, ServerConfig};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use bytes::Bytes;
use shared::{Conflict, ETag, ErrorCode, JobId, UploadId};
use tokio::time::timeout;

use super::fixtures::{commit, error_code, put, put_as, stage, store_request};
use crate::reading::read_file;
use crate::test_gateway::TEST_TIMEOUT;
use crate::test_server::{TestServer, path, small_tree, writer};

fn finishing(target: &str, length: u64) -> Stage {
    Stage { finish: Some(true), ..stage(target, Some(length)) }
}

fn refusal(upload: &Upload) -> Option<ErrorCode> {
    upload.refused.as_ref().map(|failure| failure.code)
}

/// A complete part.
async fn part(client: &Client, bytes: &[u8]) -> UploadId {
    let id = client.stage(&Stage { target: None, ..stage("x", Some(bytes.len() as u64)) }).await.unwrap().id;
    put(client, id, 0, bytes).await.unwrap();
    id
}

#[tokio::test]
async fn the_last_byte_makes_the_file() {
    let server = TestServer::start().await;
    let client = &server.client;
    let id = client.stage(&finishing("new", 4)).await.unwrap().id;
    assert_eq!(put(client, id, 0, b"12").await.unwrap().entry, None);
    let done = put(client, id, 2, b"34").await.unwrap();
    assert_eq!(done.entry.as_ref().unwrap().path, path("new"));
    assert_eq!(client.commit(&commit(id)).await.unwrap().entry, done.entry);
    // The length that a PUT without bytes announces completes an upload, too.
    let id = client.stage(&Stage { length: None, ..finishing("announced", 0) }).await.unwrap().id;
    put(client, id, 0, b"1234").await.unwrap();
    let end = PutRange { offset: 4, length: Some(0), total: Some(4), ..PutRange::default() };
    assert_eq!(put_as(client, id, end, b"").await.unwrap().entry.unwrap().path, path("announced"));
    // Without `finish`, a COMMIT decides.
    let id = client.stage(&stage("later", Some(1))).await.unwrap().id;
    assert_eq!(put(client, id, 0, b"1").await.unwrap().entry, None);
    client.commit(&commit(id)).await.unwrap();
    server.stop().await;
}

/// The client is gone before it has sent PUT_END, and never returns.
#[tokio::test]
async fn the_last_byte_makes_the_file_of_a_client_that_is_gone() {
    let server = TestServer::start().await;
    let id = server.client.stage(&finishing("left", 4)).await.unwrap().id;
    let mut sending = server.client.put(&writer(), id, PutRange::default()).await.unwrap();
    sending.send(Bytes::from_static(b"1234")).await.unwrap();
    drop(sending);
    let waiting = async {
        while read_file(&server.client, "left").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, waiting).await.expect("the upload does not become a file");
    server.stop().await;
}

#[tokio::test]
async fn an_upload_that_is_complete_at_once_becomes_a_file_at_once() {
    let server = TestServer::start().await;
    let client = &server.client;
    let empty = client.stage(&finishing("nothing", 0)).await.unwrap().id;
    assert!(client.finished_upload(&writer(), empty).await.unwrap().entry.is_some());
    let parts = vec![part(client, b"12").await, part(client, b"34").await];
    let joined = Stage { length: None, parts, ..finishing("joined", 0) };
    let joined = client.stage(&joined).await.unwrap().id;
    assert!(client.finished_upload(&writer(), joined).await.unwrap().entry.is_some());
    assert_eq!(read_file(client, "joined").await.unwrap(), b"1234");
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_is_answered_until_a_commit_succeeds() {
    let server = TestServer::start().await;
    let client = &server.client;
    let wrong = PutRange { length: Some(4), blake3: Some(vec![7; 32]), ..PutRange::default() };
    let id = client.stage(&finishing("new", 4)).await.unwrap().id;
    assert_eq!(refusal(&put_as(client, id, wrong, b"1234").await.unwrap()), Some(ErrorCode::ChecksumMismatch));
    assert_eq!(refusal(&client.upload_status(&writer(), id).await.unwrap()), Some(ErrorCode::ChecksumMismatch));
    assert_eq!(error_code(client.commit(&commit(id)).await), ErrorCode::ChecksumMismatch);
    let right = Commit { blake3: Some(blake3::hash(b"1234").as_bytes().to_vec()), ..commit(id) };
    let done = client.commit(&right).await.unwrap();
    assert_eq!(refusal(&done), None);
    assert_eq!(client.upload_status(&writer(), id).await.unwrap().entry, done.entry);
    server.stop().await;
}

/// The file is there, and only its answer was lost.
#[tokio::test]
async fn a_failure_after_the_effect_is_no_refusal() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    // The records fail once the file is there.
    let failing = Arc::new(AtomicBool::new(true));
    let (fails, seen) = (Arc::clone(&failing), Arc::clone(&storage));
    let works = move || !fails.load(Ordering::Relaxed) || seen.stat(&path("new")).is_err();
    let records = Arc::new(Database::in_memory_while(works).unwrap());
    let server = TestServer::with_database(storage, records, ServerConfig::default()).await;
    let client = &server.client;
    let id = client.stage(&finishing("new", 4)).await.unwrap().id;
    assert_eq!(refusal(&put(client, id, 0, b"1234").await.unwrap()), None);
    assert_eq!(read_file(client, "new").await.unwrap(), b"1234");
    failing.store(false, Ordering::Relaxed);
    assert_eq!(client.commit(&commit(id)).await.unwrap().entry.unwrap().path, path("new"));
    server.stop().await;
}

/// Equal bytes at the target are no proof that they are those of the upload.
#[tokio::test]
async fn the_file_of_another_is_never_reported_as_created() {
    let server = TestServer::start().await;
    let client = &server.client;
    let id = client.stage(&finishing("new", 4)).await.unwrap().id;
    client.store(&store_request("new", b"1234"), b"1234").await.unwrap();
    assert_eq!(refusal(&put(client, id, 0, b"1234").await.unwrap()), Some(ErrorCode::AlreadyExists));
    // A COMMIT that expects another file is refused as well, and is no proof either.
    let elsewhere = Commit { if_match: Some(vec![ETag([0; 16])]), ..commit(id) };
    assert_eq!(error_code(client.commit(&elsewhere).await), ErrorCode::PreconditionFailed);
    for _ in 0..2 {
        assert_eq!(error_code(client.commit(&commit(id)).await), ErrorCode::AlreadyExists);
    }
    server.stop().await;
}

/// A client that sent more than it announced may not mean these bytes.
#[tokio::test]
async fn bytes_past_the_end_are_a_refusal() {
    let server = TestServer::start().await;
    let client = &server.client;
    let id = client.stage(&finishing("new", 4)).await.unwrap().id;
    assert_eq!(error_code(put_as(client, id, PutRange::default(), b"12345").await), ErrorCode::LengthMismatch);
    assert_eq!(refusal(&client.upload_status(&writer(), id).await.unwrap()), Some(ErrorCode::LengthMismatch));
    client.commit(&commit(id)).await.unwrap();
    server.stop().await;
}

/// A refusal is final until a client asks again: its user may have put the file elsewhere since.
#[tokio::test]
async fn a_start_does_not_finish_what_was_refused() {
    let faults = Faults::seeded(1);
    let storage: Arc<dyn Storage> = Arc::new(FaultyStorage::new(small_tree(), Arc::clone(&faults)));
    let records = Arc::new(Database::in_memory().unwrap());
    let server = TestServer::with_database(Arc::clone(&storage), Arc::clone(&records), ServerConfig::default()).await;
    let refused = server.client.stage(&finishing("hello.txt", 4)).await;
    assert_eq!(error_code(refused), ErrorCode::AlreadyExists);
    let refused = server.client.stage(&finishing("taken", 4)).await.unwrap().id;
    server.client.store(&store_request("taken", b"mine"), b"mine").await.unwrap();
    put(&server.client, refused, 0, b"1234").await.unwrap();
    let full = server.client.stage(&finishing("full", 4)).await.unwrap().id;
    faults.at(Operation::Publish, faults.calls(Operation::Publish) + 1, Fault::Fail(ErrorCode::AccessDenied));
    assert_eq!(refusal(&put(&server.client, full, 0, b"1234").await.unwrap()), Some(ErrorCode::AccessDenied));
    server.stop().await;

    let server = TestServer::with_database(storage, records, ServerConfig::default()).await;
    for (id, code) in [(refused, ErrorCode::AlreadyExists), (full, ErrorCode::AccessDenied)] {
        let upload = server.client.finished_upload(&writer(), id).await.unwrap();
        assert_eq!((upload.entry.is_none(), refusal(&upload)), (true, Some(code)));
    }
    let beside = Commit { conflict: Some(Conflict::KeepBoth), ..commit(refused) };
    assert!(server.client.commit(&beside).await.unwrap().entry.is_some());
    server.stop().await;
}

/// Another file of the same length at the target is not the upload.
#[tokio::test]
async fn an_upload_whose_bytes_are_lost_is_never_reported_as_created() {
    for resumable in [true, false] {
        let storage = Arc::new(MemoryStorage::new());
        storage.add_file("taken", b"mine".to_vec()).unwrap();
        let server = TestServer::with_storage(Arc::clone(&storage) as Arc<dyn Storage>).await;
        let begun = Stage { resumable, conflict: Conflict::KeepBoth, ..stage("taken", Some(4)) };
        let id = server.client.stage(&begun).await.unwrap().id;
        put(&server.client, id, 0, b"his!").await.unwrap();
        let onto = Commit { conflict: Some(Conflict::Fail), ..commit(id) };
        assert_eq!(error_code(server.client.commit(&onto).await), ErrorCode::AlreadyExists);
        storage.unstage(id).unwrap();
        for conflict in [Conflict::Fail, Conflict::Replace] {
            let onto = Commit { conflict: Some(conflict), ..commit(id) };
            assert_eq!(error_code(server.client.commit(&onto).await), ErrorCode::Gone, "{conflict:?}");
        }
        assert_eq!(read_file(&server.client, "taken").await.unwrap(), b"mine");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_part_is_not_finished_without_a_target() {
    let server = TestServer::start().await;
    let finished = Stage { target: None, finish: Some(true), ..stage("part", Some(4)) };
    assert_eq!(error_code(server.client.stage(&finished).await), ErrorCode::BadRequest);
    assert!(server.client.stage(&Stage { finish: Some(false), ..finished }).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_key_belongs_to_one_stage() {
    let server = TestServer::start().await;
    for resumable in [true, false] {
        let key = Some(JobId([u8::from(resumable); 16]));
        let first = Stage { key, resumable, ..stage("new", Some(4)) };
        let id = server.client.stage(&first).await.unwrap().id;
        assert_eq!(server.client.stage(&first).await.unwrap().id, id);
        let others = [
            Stage { target: Some(path("other")), ..first.clone() },
            Stage { length: Some(5), ..first.clone() },
            Stage { conflict: Conflict::Replace, ..first.clone() },
            Stage { metadata: "other".into(), ..first.clone() },
            Stage { blake3: Some(vec![1; 32]), ..first.clone() },
            Stage { executable: Some(true), ..first.clone() },
            Stage { finish: Some(true), ..first.clone() },
            Stage { resumable: !resumable, ..first.clone() },
        ];
        for other in others {
            assert_eq!(error_code(server.client.stage(&other).await), ErrorCode::KeyReused, "{other:?}");
        }
        let explicit = Stage { finish: Some(false), ..first.clone() };
        assert_eq!(server.client.stage(&explicit).await.unwrap().id, id);
        // The digest that a COMMIT named in vain does not make it another one.
        put(&server.client, id, 0, b"1234").await.unwrap();
        let wrong = Commit { blake3: Some(vec![7; 32]), ..commit(id) };
        assert_eq!(error_code(server.client.commit(&wrong).await), ErrorCode::ChecksumMismatch);
        assert_eq!(server.client.stage(&first).await.unwrap().id, id);
        server.client.abort(&writer(), id).await.unwrap();
        assert_ne!(server.client.stage(&first).await.unwrap().id, id);
    }
    let parts = vec![part(&server.client, b"1").await];
    let key = Some(JobId([9; 16]));
    let joined = Stage { key, parts, ..stage("joined", None) };
    let id = server.client.stage(&joined).await.unwrap().id;
    assert_eq!(server.client.stage(&Stage { length: Some(1), ..joined.clone() }).await.unwrap().id, id);
    let waiting = server.client.stage(&joined);
    assert_eq!(timeout(TEST_TIMEOUT, waiting).await.unwrap().unwrap().id, id);
    server.stop().await;
}

/// The file has its name, and only the sync after that has failed.
#[tokio::test]
async fn a_file_whose_last_sync_has_failed_is_no_refusal() {
    let faults = Faults::seeded(1);
    let storage: Arc<dyn Storage> = Arc::new(FaultyStorage::new(small_tree(), Arc::clone(&faults)));
    let records = Arc::new(Database::in_memory().unwrap());
    let server = TestServer::with_database(Arc::clone(&storage), Arc::clone(&records), ServerConfig::default()).await;
    let fail_next = || {
        let next = faults.calls(Operation::Published) + 1;
        faults.at(Operation::Published, next, Fault::Fail(ErrorCode::Io));
    };
    let mut uploads = Vec::new();
    for (target, conflict) in [("new", Conflict::Fail), ("hello.txt", Conflict::Replace), ("new", Conflict::KeepBoth)] {
        let id = server.client.stage(&Stage { conflict, ..finishing(target, 4) }).await.unwrap().id;
        fail_next();
        let answer = put(&server.client, id, 0, b"1234").await.unwrap();
        assert_eq!((refusal(&answer), answer.entry), (None, None), "{target}");
        uploads.push(id);
    }
    // The name has to become durable before the answer says that there is a file.
    fail_next();
    assert_eq!(error_code(server.client.commit(&commit(uploads[0])).await), ErrorCode::Io);
    let done = server.client.commit(&commit(uploads[0])).await.unwrap();
    assert_eq!((refusal(&done), done.entry.map(|entry| entry.path)), (None, Some(path("new"))));
    server.stop().await;

    // The next start finds the other files, and makes no second ones.
    let server = TestServer::with_database(storage, records, ServerConfig::default()).await;
    for (id, at) in [(uploads[1], "hello.txt"), (uploads[2], "new%20%282%29")] {
        let upload = timeout(TEST_TIMEOUT, decided(&server.client, id)).await.unwrap();
        assert_eq!((refusal(&upload), upload.entry.map(|entry| entry.path)), (None, Some(path(at))));
    }
    server.stop().await;
}

/// The upload once the start of the server has made it a file or refused it.
async fn decided(client: &Client, id: UploadId) -> Upload {
    loop {
        let upload = client.finished_upload(&writer(), id).await.unwrap();
        if upload.entry.is_some() || upload.refused.is_some() {
            return upload;
        }
    }
}
