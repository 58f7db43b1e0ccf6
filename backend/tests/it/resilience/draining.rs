//! Shutdown finishes running transfers within its time.

use std::sync::Arc;
use std::time::Duration;

use backend::client::Item;
use backend::server::{Database, ServerConfig};
use backend::storage::Storage;
use shared::wire::{FrameKind, List, Put};
use shared::{Algorithm, Checksum, ErrorCode, Order, UploadId};

use super::fixtures::{item, storage_with_sevens};
use super::gated_storage::GatedStorage;
use crate::raw_connection::{RawConnection, serve_pipe, within};
use crate::reading::read_item;
use crate::test_server::{TestServer, path, reader, small_tree, writer};
use crate::uploads::stage;

/// The request that is running at the end of the drain time.
const ID: u32 = 7;

/// A server that gives running requests no time at a stop.
async fn impatient(storage: Arc<dyn Storage>, records: &Arc<Database>) -> TestServer {
    let config = ServerConfig { drain_time: Duration::ZERO, ..ServerConfig::default() };
    TestServer::with_database(storage, Arc::clone(records), config).await
}

/// Waits until the server has all frames before this.
async fn until_received(raw: &mut RawConnection) {
    raw.send_body(FrameKind::Ping, ID, &[]).await;
    while raw.next().await.expect("PONG").kind() != Some(FrameKind::Pong) {}
}

/// Stops the server, and checks that it ends the request and then the connection, between two frames.
async fn assert_ended_by_the_stop(mut raw: RawConnection, server: TestServer) {
    server.shutdown.cancel();
    assert_eq!(raw.end(ID).await, Some(ErrorCode::ShuttingDown));
    assert_eq!(raw.closing_code().await, None);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn a_running_transfer_is_finished_and_new_connections_are_refused() {
    let server = TestServer::with_storage(Arc::new(storage_with_sevens("big", 32 << 20))).await;
    let mut transfer = server.client.get(&reader(), vec![item("big")]).await.unwrap();
    assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
    server.shutdown.cancel();
    until_refused(&server).await;
    let bytes = read_item(&mut transfer).await.unwrap();
    assert!(bytes.len() == 32 << 20 && bytes.iter().all(|byte| *byte == 7));
    assert_eq!(transfer.next_item().await.unwrap(), None);
    within(server.task).await.unwrap();
}

async fn until_refused(server: &TestServer) {
    within(async { while tokio::net::TcpStream::connect(server.tcp).await.is_ok() {} }).await;
}

#[tokio::test]
async fn the_drain_time_is_limited() {
    let config = ServerConfig { drain_time: Duration::from_millis(50), ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(storage_with_sevens("big", 64 << 20)), config).await;
    let mut transfer = server.client.get(&reader(), vec![item("big")]).await.unwrap();
    assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
    server.shutdown.cancel();
    within(server.task).await.unwrap();
    assert_eq!(read_item(&mut transfer).await.unwrap_err().code, ErrorCode::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_unauthenticated_or_idle_peers() {
    let (unauthenticated, first) = serve_pipe(Arc::new(small_tree()), ServerConfig::default(), 1 << 10);
    let (mut greeting, second) = serve_pipe(Arc::new(small_tree()), ServerConfig::default(), 1 << 10);
    greeting.exchange_hello().await;
    let (mut idler, third) = serve_pipe(Arc::new(small_tree()), ServerConfig::default(), 1 << 10);
    idler.handshake(&third.key, None).await;
    let started = tokio::time::Instant::now();
    for (mut raw, server) in [(unauthenticated, first), (greeting, second), (idler, third)] {
        server.shutdown.cancel();
        assert_eq!(raw.closing_code().await, None);
        within(server.task).await.unwrap();
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

/// PUT of `upload`, of which `bytes` have arrived, without an end.
async fn begin_put(server: &TestServer, upload: UploadId, checksum: Option<Checksum>, bytes: &[u8]) -> RawConnection {
    let mut raw = RawConnection::open(server).await;
    let request = Put { caller: writer(), upload, offset: 0, length: None, checksum, total: None, blake3: None };
    raw.send(FrameKind::Put, ID, &request).await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Upload));
    for piece in bytes.chunks(100_000) {
        raw.send_body(FrameKind::Data, ID, piece).await;
    }
    until_received(&mut raw).await;
    raw
}

/// As for a connection that breaks: a client that continues after a restart sends none of them again.
#[tokio::test]
async fn bytes_of_a_put_that_outlasts_the_drain_time_are_kept() {
    let bytes = vec![7; 9_500_000];
    let checksum = Checksum { algorithm: Algorithm::Crc32, digest: vec![0; 4] };
    for (checksum, kept) in [(None, bytes.len() as u64), (Some(checksum), 0)] {
        let (storage, records) = (Arc::new(small_tree()), Arc::new(Database::in_memory().unwrap()));
        let server = impatient(storage.clone(), &records).await;
        let upload = server.client.stage(&stage("new", Some(10_000_000))).await.unwrap().id;
        let raw = begin_put(&server, upload, checksum, &bytes).await;
        assert_ended_by_the_stop(raw, server).await;
        let server = impatient(storage, &records).await;
        assert_eq!(server.client.upload_status(&writer(), upload).await.unwrap().offset, kept);
        server.stop().await;
    }
}

/// The client goes on sending: what arrives before the end of the drain time counts, and nothing else does.
#[tokio::test]
async fn a_put_that_goes_on_at_the_end_of_the_drain_time_keeps_what_arrived() {
    let (storage, records) = (Arc::new(small_tree()), Arc::new(Database::in_memory().unwrap()));
    let server = impatient(storage.clone(), &records).await;
    let upload = server.client.stage(&stage("new", None)).await.unwrap().id;
    let mut raw = begin_put(&server, upload, None, &[7; 100_000]).await;
    server.shutdown.cancel();
    let more = async {
        while !server.task.is_finished() {
            raw.send_body(FrameKind::Data, ID, &[7; 50_000]).await;
            tokio::task::yield_now().await;
        }
    };
    within(more).await;
    server.task.await.unwrap();
    let server = impatient(storage, &records).await;
    assert!(server.client.upload_status(&writer(), upload).await.unwrap().offset >= 100_000);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_outlasts_the_drain_time_ends_between_two_frames() {
    let storage = GatedStorage::closed(small_tree());
    let server = impatient(storage.clone(), &Arc::new(Database::in_memory().unwrap())).await;
    let mut raw = RawConnection::open(&server).await;
    let list = List { caller: reader(), path: path("docs"), order: Order::default(), cursor: None, limit: 9 };
    raw.send(FrameKind::List, ID, &list).await;
    until_received(&mut raw).await;
    assert_ended_by_the_stop(raw, server).await;
    storage.open();
}
