//! Many slow or idle clients.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Client, PoolConfig, Target};
use backend::server::{Server, ServerConfig, serve_connection};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use backend::wire::Key;
use shared::wire::FrameKind;
use shared::{ErrorCode, Rights};

use super::fixtures::{item, stat, storage_with_sevens, wait_until};
use crate::raw_connection::{RawConnection, serve_pipe, within};
use crate::test_server::{TestServer, path, reader, small_tree};

#[tokio::test]
async fn slow_downloads_do_not_delay_listings() {
    let server = TestServer::with_storage(Arc::new(storage_with_sevens("big", 64 << 20))).await;
    let config = PoolConfig {
        reading_connections_max: 3,
        metadata_connections_max: 1,
        lease_time: Duration::from_millis(50),
        ..PoolConfig::default()
    };
    let client = Client::new(Target::tcp(server.tcp.to_string(), server.key.clone()), config);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(client.get(&reader(), vec![item("big")]).await.unwrap());
    }
    let refused = client.get(&reader(), vec![item("big")]).await.err().unwrap();
    assert_eq!(refused.code, ErrorCode::TooManyConnections);
    assert!(refused.retry_after.is_some());
    for _ in 0..10 {
        assert!(stat(&client, "big").await.is_ok());
    }
    held.clear();
    wait_until(|| client.status().reading.busy == 0).await;
    assert!(client.get(&reader(), vec![item("big")]).await.is_ok());
}

/// A walk waits for its reader without a thread, so more walks than threads do not block a listing.
#[test]
fn slow_walks_occupy_no_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let storage = MemoryStorage::new();
        for number in 0..5_000 {
            storage.add_file(format!("{number:0200}"), "x").unwrap();
        }
        let storage: Arc<dyn Storage> = Arc::new(storage);
        let mut held = Vec::new();
        for _ in 0..5 {
            let (mut raw, server) = serve_pipe(storage.clone(), ServerConfig::default(), 1 << 10);
            raw.handshake(&server.key, None).await;
            let walk = shared::wire::Walk { caller: reader(), paths: vec![path("")], cursor: None };
            raw.send(FrameKind::Walk, 1, &walk).await;
            assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Page));
            held.push((raw, server));
        }
        let (mut raw, server) = serve_pipe(storage, ServerConfig::default(), 1 << 10);
        raw.handshake(&server.key, None).await;
        raw.assert_usable().await;
        // Each walk ends.
        for (raw, _server) in &mut held {
            assert_eq!(raw.end(1).await, None);
        }
    });
}

/// The memory of an idle connection beside its socket: this, and a buffer of a few kilobytes.
#[tokio::test]
async fn an_idle_connection_takes_little_memory() {
    let server =
        Server::new(Arc::new(small_tree()), None, [(Key::generate().unwrap(), Rights::ALL)], ServerConfig::default());
    let (_near, far) = tokio::io::duplex(64);
    let (reader, writer) = tokio::io::split(far);
    let never = Default::default();
    let bytes = size_of_val(&serve_connection(reader, writer, &server, &never, &never));
    assert!(bytes <= 8 << 10, "{bytes} bytes");
}

#[tokio::test]
async fn many_idle_connections_do_not_block_others() {
    let server = TestServer::start().await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(RawConnection::open(&server).await);
    }
    assert!(stat(&server.client, "hello.txt").await.is_ok());
    for raw in &mut idle {
        raw.assert_usable().await;
    }
    server.shutdown.cancel();
    for raw in &mut idle {
        assert_eq!(raw.closing_code().await, None);
    }
    within(server.task).await.unwrap();
}
