//! Storage operations that hang.

use backend::client::Caller;
use backend::server::ServerConfig;
use shared::wire::{FrameKind, List};
use shared::{ErrorCode, Order};

use super::gated_storage::GatedStorage;
use crate::raw_connection::{serve_pipe, within};
use crate::test_server::{path, reader, small_tree};

fn list(deadline_ms: Option<u32>) -> List {
    let caller = Caller { deadline_ms, ..reader() };
    List { caller, path: path(""), order: Order::default(), cursor: None, limit: 10 }
}

#[tokio::test]
async fn a_deadline_ends_the_request_and_not_the_connection() {
    let gate = GatedStorage::closed(small_tree());
    let (mut raw, server) = serve_pipe(gate.clone(), ServerConfig::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    raw.send(FrameKind::List, 1, &list(Some(20))).await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::DeadlineExceeded));
    raw.assert_usable().await;
    gate.open();
    raw.send(FrameKind::List, 2, &list(Some(60_000))).await;
    assert_eq!(raw.end(2).await, None);
}

#[tokio::test]
async fn cancel_and_ping_are_answered_while_the_storage_hangs() {
    let gate = GatedStorage::closed(small_tree());
    let (mut raw, server) = serve_pipe(gate.clone(), ServerConfig::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    raw.send(FrameKind::List, 1, &list(None)).await;
    within(gate.entered.notified()).await;
    raw.send_body(FrameKind::Ping, 0, b"").await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
    raw.send_body(FrameKind::Cancel, 1, b"").await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::Canceled));
    raw.assert_usable().await;
    gate.open();
}

#[tokio::test]
async fn a_request_ends_with_its_connection() {
    let gate = GatedStorage::closed(small_tree());
    let (mut raw, server) = serve_pipe(gate.clone(), ServerConfig::default(), 64 << 10);
    raw.handshake(&server.key, None).await;
    raw.send(FrameKind::List, 1, &list(None)).await;
    within(gate.entered.notified()).await;
    drop(raw);
    within(server.task).await.unwrap();
    gate.open();
}
