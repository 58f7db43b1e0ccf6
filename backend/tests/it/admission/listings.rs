//! Listings and walks of a long folder whose client reads nothing of the answer.

use std::sync::Arc;

use backend::client::Caller;
use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use shared::wire::{FrameKind, List, Walk};
use shared::{Direction, ErrorCode, Order, SortKey};

use super::visitor;
use crate::raw_connection::{RawTransport, within};
use crate::test_server::{TestServer, Transport, path};

/// More than fit into one page, and more bytes than the buffers between server and client.
const ENTRIES: usize = 40_000;

async fn serve(listed_bytes_max: u64) -> TestServer {
    let storage = MemoryStorage::new();
    for number in 0..ENTRIES {
        storage.add_file(format!("long/holiday picture {number:06}.jpeg"), "").unwrap();
    }
    let config = ServerConfig { listed_bytes_max, ..ServerConfig::default() };
    TestServer::with_config(Arc::new(storage), config).await
}

fn list(caller: Caller, key: SortKey, direction: Direction) -> List {
    List { caller, path: path("long"), order: Order { key, direction }, cursor: None, limit: 1_000_000 }
}

/// Sends a request and reads the first frame of its answer; the connection, or the code of its failure.
async fn begin<M: shared::wire::Message>(
    server: &TestServer,
    kind: FrameKind,
    request: &M,
) -> Result<RawTransport, ErrorCode> {
    let mut raw = RawTransport::over(server, Transport::InProcess).await;
    raw.send(kind, 1, request).await;
    let frame = within(raw.next()).await.unwrap();
    match frame.kind() {
        Some(FrameKind::End) => {
            let end: shared::wire::End = frame.message().unwrap();
            Err(end.error.unwrap().code)
        }
        _ => Ok(raw),
    }
}

#[tokio::test]
async fn listings_that_are_not_read_hold_bounded_memory_of_one_client() {
    let server = serve(48 << 20).await;
    let orders = [
        (SortKey::Name, Direction::Ascending),
        (SortKey::Name, Direction::Descending),
        (SortKey::Size, Direction::Ascending),
        (SortKey::Size, Direction::Descending),
        (SortKey::Modified, Direction::Ascending),
        (SortKey::Modified, Direction::Descending),
    ];
    let mut held = Vec::new();
    let mut refused = 0;
    for (key, direction) in orders {
        match begin(&server, FrameKind::List, &list(visitor("192.0.2.1"), key, direction)).await {
            Ok(raw) => held.push(raw),
            Err(code) => {
                assert_eq!(code, ErrorCode::TooManyRequests);
                refused += 1;
            }
        }
    }
    assert!(!held.is_empty() && refused > 0, "{} held, {refused} refused", held.len());
    // Another client lists the folder, also in an order whose names are read anew.
    let mut other =
        begin(&server, FrameKind::List, &list(visitor("192.0.2.2"), SortKey::Modified, Direction::Descending)).await;
    assert_eq!(within(other.as_mut().unwrap().end(1)).await, None);
    drop(held);
    // The server may notice the closed connections only after a while.
    within(async {
        while begin(&server, FrameKind::List, &list(visitor("192.0.2.1"), SortKey::Size, Direction::Ascending))
            .await
            .is_err()
        {}
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn walks_that_are_not_read_hold_bounded_memory_of_one_client() {
    let server = serve(128 << 20).await;
    let walk = |address: &str| Walk { caller: visitor(address), paths: vec![path("long")], cursor: None };
    let mut held = Vec::new();
    let code = loop {
        match begin(&server, FrameKind::Walk, &walk("192.0.2.1")).await {
            Ok(raw) => held.push(raw),
            Err(code) => break code,
        }
        assert!(held.len() < 20, "no walk is refused");
    };
    assert_eq!(code, ErrorCode::TooManyRequests);
    assert!(!held.is_empty());
    let mut other = begin(&server, FrameKind::Walk, &walk("192.0.2.2")).await;
    assert_eq!(within(other.as_mut().unwrap().end(1)).await, None);
    drop(held);
    server.stop().await;
}

#[tokio::test]
async fn a_folder_that_takes_more_than_one_client_may_have_is_too_large() {
    let server = serve(2 << 20).await;
    let request = list(visitor("192.0.2.1"), SortKey::Name, Direction::Ascending);
    assert_eq!(begin(&server, FrameKind::List, &request).await.err(), Some(ErrorCode::TooLarge));
    server.stop().await;
}
