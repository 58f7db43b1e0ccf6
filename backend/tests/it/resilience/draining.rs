//! Shutdown finishes running transfers within its time.

use std::sync::Arc;
use std::time::Duration;

use backend::client::Item;
use backend::server::ServerConfig;
use shared::ErrorCode;

use super::fixtures::{item, storage_with_sevens};
use crate::raw_connection::{serve_pipe, within};
use crate::reading::read_item;
use crate::test_server::{TestServer, reader, small_tree};

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
