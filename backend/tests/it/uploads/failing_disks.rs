//! Uploads on disks that fail or are full, and lost answers.

use std::sync::Arc;

use backend::client::{Commit, Stage};
use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::wire::Key;
use shared::{Conflict, ErrorCode};
use tokio::net::TcpListener;

use super::fixtures::{commit, error_code, put, stage, store_request};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, small_tree, writer};

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
    assert_eq!(error_code(put(&server.client, upload.id, 4, b"5678").await), ErrorCode::NoSpace);
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 4);
    put(&server.client, upload.id, 4, b"5678").await.unwrap();
    server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(read_file(&server.client, "new").await.unwrap(), b"12345678");
    server.stop().await;
}

#[tokio::test]
async fn bytes_of_a_failed_sync_are_not_durable() {
    let (server, faults) = server().await;
    let upload = server.client.stage(&stage("new", Some(8))).await.unwrap();
    put(&server.client, upload.id, 0, b"1234").await.unwrap();
    let next = faults.calls(Operation::Sync) + 1;
    faults.at(Operation::Sync, next, Fault::Fail(ErrorCode::Io));
    assert_eq!(error_code(put(&server.client, upload.id, 4, b"5678").await), ErrorCode::Io);
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 4);
    put(&server.client, upload.id, 4, b"5678").await.unwrap();
    server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(read_file(&server.client, "new").await.unwrap(), b"12345678");
    server.stop().await;
}

#[tokio::test]
async fn a_repeated_commit_gets_the_lost_answer() {
    let (server, faults) = server().await;
    let upload = server.client.stage(&stage("new", Some(4))).await.unwrap();
    put(&server.client, upload.id, 0, b"1234").await.unwrap();
    faults.at(Operation::Published, 1, Fault::Fail(ErrorCode::Io));
    assert_eq!(error_code(server.client.commit(&commit(upload.id)).await), ErrorCode::Io);
    let elsewhere = Commit { target: Some(path("elsewhere")), ..commit(upload.id) };
    assert_eq!(error_code(server.client.commit(&elsewhere).await), ErrorCode::KeyReused);
    let done = server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(done.entry.unwrap().path, path("new"));
    // The name beside a target is that of its COMMIT, too.
    let beside = Stage { conflict: Conflict::KeepBoth, ..stage("new", Some(4)) };
    let upload = server.client.stage(&beside).await.unwrap();
    put(&server.client, upload.id, 0, b"5678").await.unwrap();
    let next = faults.calls(Operation::Published) + 1;
    faults.at(Operation::Published, next, Fault::Fail(ErrorCode::Io));
    assert_eq!(error_code(server.client.commit(&commit(upload.id)).await), ErrorCode::Io);
    let done = server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(done.entry.unwrap().path, path("new%20%282%29"));
    server.stop().await;
}

#[tokio::test]
async fn a_server_without_records_is_read_only() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let storage = Arc::new(small_tree());
    let key = Key::generate().unwrap();
    let server = TestServer::on_listener_with_database(listener, key, storage, None, ServerConfig::default()).await;
    assert_eq!(error_code(server.client.stage(&stage("new", Some(1))).await), ErrorCode::ReadOnly);
    assert_eq!(error_code(server.client.store(&store_request("new", b"1"), b"1").await), ErrorCode::ReadOnly);
    assert_eq!(read_file(&server.client, "hello.txt").await.unwrap(), b"hello, world\n");
    server.stop().await;
}

/// What cannot fit is refused before its bytes are sent or copied, with the number of missing bytes.
#[tokio::test]
async fn a_disk_without_enough_space_says_how_much_is_missing() {
    let (server, faults) = server().await;
    let client = &server.client;
    let part = client.stage(&Stage { target: None, ..stage("x", Some(6)) }).await.unwrap().id;
    put(client, part, 0, b"123456").await.unwrap();
    let joined = Stage { parts: vec![part], ..stage("joined", None) };
    let waiting = client.stage(&joined).await.unwrap().id;
    let open_ended = client.stage(&stage("open", None)).await.unwrap().id;
    faults.leave_space(4);
    let missing = |error: backend::client::ClientError| (error.code, error.missing_bytes);
    for length in [5, 4 + (1 << 40)] {
        let expected = (ErrorCode::NoSpace, Some(length - 4));
        assert_eq!(missing(client.stage(&stage("new", Some(length))).await.unwrap_err()), expected);
    }
    let two = (ErrorCode::NoSpace, Some(2));
    assert_eq!(missing(client.stage(&joined).await.unwrap_err()), two);
    assert_eq!(missing(client.commit(&commit(waiting)).await.unwrap_err()), two);
    assert_eq!(missing(put(client, open_ended, 0, b"123456").await.unwrap_err()), two);
    faults.leave_space(6);
    client.commit(&commit(waiting)).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_copy_that_cannot_fit_is_refused_after_its_first_step() {
    let faults = Faults::seeded(1);
    let storage = small_tree();
    storage.add_file("large", vec![1; 70 << 20]).unwrap();
    let server = TestServer::with_storage(Arc::new(FaultyStorage::new(storage, Arc::clone(&faults)))).await;
    let pair = |to: &str| shared::change::PathPair { from: path("large"), to: path(to), if_etag: None };
    let copy = |to: &str| shared::Change::Copy { items: vec![pair(to)], conflict: Conflict::Fail };
    let wait = std::time::Duration::from_secs(30);
    faults.leave_space(5 << 20);
    let job = server.client.change(&writer(), shared::JobId([1; 16]), copy("full"), wait).await.unwrap();
    let failed = matches!(job.outcomes[0], shared::Outcome::Failed { code: ErrorCode::NoSpace, .. });
    assert!(failed, "{:?}", job.outcomes);
    faults.leave_space(6 << 20);
    let job = server.client.change(&writer(), shared::JobId([2; 16]), copy("fits"), wait).await.unwrap();
    assert!(matches!(job.outcomes[0], shared::Outcome::Done { .. }), "{:?}", job.outcomes);
    server.stop().await;
}
