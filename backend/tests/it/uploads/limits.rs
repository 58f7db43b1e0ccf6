//! Limits of unfinished uploads, for each principal.

use std::sync::Arc;

use backend::client::{Caller, PutRange, Stage};
use backend::server::{Database, ServerConfig};
use backend::storage::Storage;
use bytes::Bytes;
use shared::wire::PRINCIPAL_UNKNOWN;
use shared::{ErrorCode, Rights, Scope, UploadId};

use super::fixtures::{commit, error_code, put, stage, store_request};
use crate::test_server::{TestServer, small_tree, writer};

async fn server() -> TestServer {
    let config = ServerConfig { unfinished_uploads_max: 2, unfinished_bytes_max: 10, ..ServerConfig::default() };
    TestServer::with_config(Arc::new(small_tree()), config).await
}

fn ada() -> Caller {
    Caller { principal: Some("ada".into()), ..writer() }
}

#[tokio::test]
async fn one_principal_leaves_places_for_another() {
    let server = server().await;
    let client = &server.client;
    let first = client.stage(&stage("a", Some(1))).await.unwrap().id;
    client.stage(&Stage { resumable: false, ..stage("b", None) }).await.unwrap();
    let mut elsewhere = writer();
    elsewhere.scope = Scope::below(crate::test_server::path("docs"), Rights::ALL);
    for caller in [writer(), elsewhere] {
        for resumable in [true, false] {
            let more = Stage { caller: caller.clone(), resumable, ..stage("c", Some(1)) };
            assert_eq!(error_code(client.stage(&more).await), ErrorCode::TooManyRequests);
        }
    }
    client.stage(&Stage { caller: ada(), ..stage("c", Some(1)) }).await.unwrap();
    // A small file in one exchange is never unfinished.
    client.store(&store_request("small", b"1"), b"1").await.unwrap();
    put(client, first, 0, b"1").await.unwrap();
    client.commit(&commit(first)).await.unwrap();
    let next = client.stage(&stage("c", Some(1))).await.unwrap().id;
    client.abort(&writer(), next).await.unwrap();
    client.stage(&stage("d", Some(1))).await.unwrap();
    server.stop().await;
}

/// Sends bytes without announcing how many.
async fn send(server: &TestServer, upload: UploadId, bytes: &'static [u8]) -> Option<ErrorCode> {
    let mut sending = server.client.put(&writer(), upload, PutRange::default()).await.unwrap();
    match sending.send(Bytes::from_static(bytes)).await {
        Ok(()) => sending.finish().await.err().map(|error| error.code),
        Err(error) => Some(error.code),
    }
}

#[tokio::test]
async fn unfinished_uploads_hold_so_many_bytes_in_all() {
    let server = server().await;
    let client = &server.client;
    let first = client.stage(&stage("a", Some(7))).await.unwrap().id;
    let second = client.stage(&stage("b", None)).await.unwrap().id;
    put(client, first, 0, b"123456").await.unwrap();
    // Refused before the bytes are sent, where their number is announced.
    assert_eq!(error_code(put(client, second, 0, b"12345").await), ErrorCode::QuotaExceeded);
    assert_eq!(send(&server, second, b"12345").await, Some(ErrorCode::QuotaExceeded));
    assert_eq!(client.upload_status(&writer(), second).await.unwrap().offset, 0);
    assert_eq!(send(&server, second, b"1234").await, None);
    assert_eq!(error_code(put(client, first, 6, b"7").await), ErrorCode::QuotaExceeded);
    client.abort(&writer(), second).await.unwrap();
    put(client, first, 6, b"7").await.unwrap();
    client.commit(&commit(first)).await.unwrap();
    server.stop().await;
}

/// Bytes that cannot all arrive are refused before the first one, as soon as their number is known.
#[tokio::test]
async fn a_length_above_the_bytes_of_its_owner_is_refused_when_it_is_announced() {
    let server = server().await;
    let client = &server.client;
    let first = client.stage(&stage("a", Some(10))).await.unwrap().id;
    put(client, first, 0, b"1234").await.unwrap();
    for resumable in [true, false] {
        let refused = client.stage(&Stage { resumable, ..stage("b", Some(9)) }).await.unwrap_err();
        assert_eq!((refused.code, refused.missing_bytes), (ErrorCode::QuotaExceeded, Some(3)));
    }
    let visitor = Caller { principal: Some(PRINCIPAL_UNKNOWN.into()), client: Some("192.0.2.1".into()), ..writer() };
    let visit = async |length| client.stage(&Stage { caller: visitor.clone(), ..stage("b", Some(length)) }).await;
    // A quarter of 10, rounded up.
    assert_eq!(visit(4).await.unwrap_err().missing_bytes, Some(1));
    visit(3).await.unwrap();
    // What was refused is not counted.
    let second = client.stage(&stage("b", None)).await.unwrap().id;
    for (total, expected) in [(7, Some(1)), (6, None)] {
        let range = PutRange { length: Some(1), total: Some(total), ..PutRange::default() };
        let missing = client.put(&writer(), second, range).await.err().and_then(|error| error.missing_bytes);
        assert_eq!(missing, expected, "{total}");
    }
    server.stop().await;
}

/// A concatenation takes the space of its parts once more, until it is a file.
#[tokio::test]
async fn a_concatenation_counts_its_bytes() {
    let config = ServerConfig { unfinished_bytes_max: 10, ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(small_tree()), config).await;
    let client = &server.client;
    let part = client.stage(&Stage { target: None, ..stage("x", Some(6)) }).await.unwrap().id;
    put(client, part, 0, b"123456").await.unwrap();
    let joined = Stage { parts: vec![part], ..stage("joined", None) };
    assert_eq!(error_code(client.stage(&joined).await), ErrorCode::QuotaExceeded);
    server.stop().await;
}

/// Begins an upload for a caller without an account, as a gateway does it.
async fn visit(server: &TestServer, address: &str) -> Option<ErrorCode> {
    let caller = Caller { principal: Some(PRINCIPAL_UNKNOWN.into()), client: Some(address.into()), ..writer() };
    let begun = server.client.stage(&Stage { caller, ..stage("a", Some(1)) }).await;
    begun.err().map(|error| error.code)
}

#[tokio::test]
async fn visitors_leave_places_for_others_also_after_a_restart() {
    let storage: Arc<dyn Storage> = Arc::new(small_tree());
    let records = Arc::new(Database::in_memory().unwrap());
    for starts in 1..=2 {
        let config = ServerConfig { unfinished_uploads_max: 16, ..ServerConfig::default() };
        let server = TestServer::with_database(Arc::clone(&storage), Arc::clone(&records), config).await;
        // A quarter, and a quarter of what is left, and so on.
        for (address, free) in [("192.0.2.1", 4), ("192.0.2.2", 3), ("192.0.2.3", 3)] {
            for _ in 0..if starts == 1 { free } else { 0 } {
                assert_eq!(visit(&server, address).await, None, "{address}");
            }
            assert_eq!(visit(&server, address).await, Some(ErrorCode::TooManyRequests), "{address} {starts}");
        }
        assert_eq!(visit(&server, &format!("198.51.100.{starts}")).await, None, "{starts}");
        server.stop().await;
    }
}
