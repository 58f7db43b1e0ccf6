//! Connections of the framed port that say nothing, and those that read nothing.

use std::sync::Arc;
use std::time::Duration;

use backend::client::GetItem;
use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use backend::wire::Incoming;
use shared::limits::{LEAST_PACE_TIME, NEWCOMERS_OF_ONE_MAX};
use shared::wire::{FrameKind, Get};
use tokio::net::TcpStream;

use super::visitor;
use crate::raw_connection::{RawConnection, RawTransport};
use crate::test_server::{TestServer, Transport, path, small_tree};

#[tokio::test]
async fn silent_sockets_take_no_place_of_a_client() {
    // A newcomer has much time for its handshake, so that only its place is scarce.
    let handshake_time = Duration::from_secs(600);
    let config = ServerConfig { connections_max: 8, handshake_time, ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(small_tree()), config).await;
    let mut before = RawConnection::open(&server).await;
    let mut silent = Vec::new();
    for _ in 0..NEWCOMERS_OF_ONE_MAX + 100 {
        silent.push(TcpStream::connect(server.tcp).await.unwrap());
    }
    let mut after = RawConnection::open(&server).await;
    after.assert_usable().await;
    before.assert_usable().await;
    drop(silent);
    server.stop().await;
}

/// Takes 4 MiB, in pieces with pauses that are shorter than a client is watched.
async fn read_slowly(raw: &mut RawTransport) {
    for _ in 0..4 {
        tokio::time::sleep(LEAST_PACE_TIME / 4 * 3).await;
        assert!(matches!(raw.incoming().await, Ok(Some(Incoming::Data { .. }))));
        assert_eq!(raw.data().await.unwrap().len(), 1 << 20);
    }
}

#[tokio::test(start_paused = true)]
async fn clients_that_read_nothing_leave_their_places_once_places_are_scarce() {
    let storage = MemoryStorage::new();
    storage.add_file("large", vec![7; 16 << 20]).unwrap();
    let config = ServerConfig { connections_max: 5, idle_time: Duration::from_secs(9_999), ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(storage), config).await;
    let mut readers = Vec::new();
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        let mut raw = RawTransport::over(&server, Transport::InProcess).await;
        let item = GetItem { path: path("large"), range: None, if_etag: None, if_prefix: None };
        raw.send(FrameKind::Get, 1, &Get { caller: visitor(address), items: vec![item], pass_fd: None }).await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
        readers.push(raw);
    }
    let mut slow = readers.pop().unwrap();
    // While there are other places, all keep theirs.
    read_slowly(&mut slow).await;
    // One key may have four of five places.
    let mut last = RawTransport::over(&server, Transport::InProcess).await;
    read_slowly(&mut slow).await;
    last.assert_usable().await;
    // Those that read nothing have left their places.
    let mut next = RawTransport::over(&server, Transport::InProcess).await;
    next.assert_usable().await;
    assert!(matches!(slow.incoming().await, Ok(Some(Incoming::Data { .. }))));
    drop((slow, readers));
    server.stop().await;
}
