//! The keys of requests that visitors choose apart from each other.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Stage};
use backend::server::{Database, ServerConfig};
use backend::storage::memory::MemoryStorage;
use shared::{Change, ErrorCode};

use super::visitor;
use crate::changes::key;
use crate::test_server::{TestServer, path, writer};
use crate::uploads::{error_code, stage, store_request};

const ONE: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";

fn uploading(address: &str) -> Caller {
    Caller { scope: writer().scope, ..visitor(address) }
}

async fn serve(storage: &Arc<MemoryStorage>, records: &Arc<Database>) -> TestServer {
    let storage = Arc::clone(storage);
    TestServer::with_database(storage, Arc::clone(records), ServerConfig::default()).await
}

fn disk() -> (Arc<MemoryStorage>, Arc<Database>) {
    (Arc::new(MemoryStorage::new()), Arc::new(Database::in_memory().unwrap()))
}

#[tokio::test]
async fn uploads_of_visitors_have_keys_of_their_own() {
    let (storage, records) = disk();
    let server = serve(&storage, &records).await;
    let request = |address: &str, target: &str, resumable| {
        let caller = uploading(address);
        Stage { caller, key: Some(key(1)), resumable, ..stage(target, Some(4)) }
    };
    for resumable in [true, false] {
        let first = server.client.stage(&request(ONE, "one", resumable)).await.unwrap();
        let other = server.client.stage(&request(OTHER, "other", resumable)).await.unwrap();
        assert_ne!(first.id, other.id);
        assert_eq!(server.client.stage(&request(ONE, "one", resumable)).await.unwrap().id, first.id);
        let reused = server.client.stage(&request(ONE, "other", resumable)).await;
        assert_eq!(error_code(reused), ErrorCode::KeyReused);
        if resumable {
            let restarted = serve(&storage, &records).await;
            assert_eq!(restarted.client.stage(&request(OTHER, "other", true)).await.unwrap().id, other.id);
            restarted.stop().await;
        }
        server.client.abort(&uploading(ONE), first.id).await.unwrap();
        server.client.abort(&uploading(OTHER), other.id).await.unwrap();
    }
    server.stop().await;
}

#[tokio::test]
async fn small_files_of_visitors_have_keys_of_their_own() {
    let (storage, records) = disk();
    let server = serve(&storage, &records).await;
    let store = async |address: &str, target: &str| {
        let mut request = store_request(target, b"content");
        (request.stage.caller, request.stage.key) = (uploading(address), Some(key(1)));
        server.client.store(&request, b"content").await
    };
    let first = store(ONE, "one").await.unwrap();
    assert_eq!(store(OTHER, "other").await.unwrap().entry.unwrap().path, path("other"));
    assert_eq!(store(ONE, "one").await.unwrap().id, first.id);
    assert_eq!(error_code(store(ONE, "other").await), ErrorCode::KeyReused);
    server.stop().await;
}

#[tokio::test]
async fn changes_of_visitors_have_keys_of_their_own() {
    let (storage, records) = disk();
    let server = serve(&storage, &records).await;
    let make = |name: &str| Change::MakeFolder { paths: vec![path(name)], existing_ok: false };
    let wait = Duration::from_secs(30);
    let client = &server.client;
    let change = async |address: &str, name: &str| client.change(&uploading(address), key(1), make(name), wait).await;
    let first = change(ONE, "one").await.unwrap();
    let other = change(OTHER, "other").await.unwrap();
    assert_ne!(first.outcomes, other.outcomes);
    assert_eq!(change(ONE, "one").await.unwrap().outcomes, first.outcomes);
    assert_eq!(error_code(change(ONE, "other").await), ErrorCode::KeyReused);
    let restarted = serve(&storage, &records).await;
    let third = "2001:db8::/64";
    for (address, job) in [(ONE, &first), (OTHER, &other), (third, &other)] {
        let found = restarted.client.job(&uploading(address), key(1), 0, Duration::ZERO).await.unwrap();
        assert_eq!((found.id, &found.outcomes), (key(1), &job.outcomes), "{address}");
    }
    // The visitors see the changes of each other, as before.
    assert_eq!(restarted.client.jobs(&uploading(third)).await.unwrap().len(), 2);
    restarted.stop().await;
    server.stop().await;
}
