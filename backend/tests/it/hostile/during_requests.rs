//! Clients that misbehave while the server sends a file.

use std::sync::Arc;

use backend::client::GetItem;
use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use backend::wire::{Frame, Incoming, WireError};
use shared::ErrorCode;
use shared::limits::{DATA_BYTES_MAX, DATA_BYTES_MIN, PIECE_BYTES, PINGS_WAITING_MAX, STALL_TIME};
use shared::wire::{FrameKind, Get, ItemEnd};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::fixtures::storage_with_files;
use crate::raw_connection::{PipeServer, RawConnection, RawPipe, frame_bytes, serve_pipe, stat, within};
use crate::test_server::{path, reader};

/// A file of sevens that is longer than any pipe.
const BIG: usize = 3 << 20;

fn get() -> Get {
    let item = GetItem { path: path("big"), range: None, if_etag: None, if_prefix: None };
    Get { caller: reader(), items: vec![item], pass_fd: None }
}

/// A connection within the first DATA frame of a big file, after META.
async fn begin_transfer() -> (RawPipe, PipeServer) {
    let storage = MemoryStorage::new();
    storage.add_file("big", vec![7; BIG]).unwrap();
    let (mut raw, server) = serve_pipe(Arc::new(storage), ServerConfig::default(), 1 << 10);
    raw.handshake(&server.key, None).await;
    raw.send(FrameKind::Get, 1, &get()).await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
    assert!(matches!(raw.incoming().await, Ok(Some(Incoming::Data { bytes: DATA_BYTES_MAX, .. }))));
    (raw, server)
}

/// Checks that only bytes of the file arrive until the connection ends within the frame.
async fn assert_only_file_bytes(mut raw: RawPipe, server: PipeServer) {
    let mut received = 0;
    let error = loop {
        match within(raw.reader.piece(PIECE_BYTES)).await {
            Ok(piece) => {
                assert!(piece.iter().all(|byte| *byte == 7), "bytes of another frame within a DATA frame");
                received += piece.len();
                assert!(received < DATA_BYTES_MAX, "the frame is complete");
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WireError::Truncated), "{error}");
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn a_second_request_ends_the_connection() {
    let (mut raw, server) = begin_transfer().await;
    raw.send(FrameKind::Stat, 2, &stat("")).await;
    assert_only_file_bytes(raw, server).await;
}

#[tokio::test]
async fn goodbye_ends_the_connection() {
    let (mut raw, server) = begin_transfer().await;
    raw.send_body(FrameKind::Goodbye, 0, b"\xa0").await;
    assert_only_file_bytes(raw, server).await;
}

#[tokio::test]
async fn a_client_that_closes_its_sending_side_ends_the_connection() {
    let (mut raw, server) = begin_transfer().await;
    raw.writer.shutdown().await.unwrap();
    assert_only_file_bytes(raw, server).await;
}

#[tokio::test]
async fn random_bytes_during_a_request_end_the_connection() {
    let (mut raw, server) = begin_transfer().await;
    raw.send_bytes(&[0xff; 100]).await;
    assert_only_file_bytes(raw, server).await;
}

#[tokio::test(start_paused = true)]
async fn a_stalled_reader_is_disconnected() {
    let (raw, server) = begin_transfer().await;
    let started = tokio::time::Instant::now();
    within(server.task).await.unwrap();
    assert_eq!(started.elapsed().as_secs(), STALL_TIME.as_secs());
    drop(raw);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_served_to_the_end() {
    let storage = MemoryStorage::new();
    storage.add_file("slow", vec![7; 100_000]).unwrap();
    let (mut raw, server) = serve_pipe(Arc::new(storage), ServerConfig::default(), 64);
    raw.handshake(&server.key, None).await;
    let item = GetItem { path: path("slow"), range: None, if_etag: None, if_prefix: None };
    raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item], pass_fd: None }).await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
    let RawConnection { reader, .. } = &mut raw;
    let mut received = 0;
    assert!(matches!(reader.next().await, Ok(Some(Incoming::Data { bytes: 100_000, .. }))));
    while reader.data_left() > 0 {
        // The transfer takes days, but each pause is shorter than the stall time.
        sleep(STALL_TIME / 2).await;
        received += reader.piece(PIECE_BYTES).await.unwrap().len();
    }
    assert_eq!(received, 100_000);
    assert_eq!(raw.end(1).await, None);
    raw.assert_usable().await;
}

#[tokio::test]
async fn pings_are_answered_between_frames() {
    let (mut raw, _server) = begin_transfer().await;
    raw.send_body(FrameKind::Ping, 41, b"").await;
    raw.send_body(FrameKind::Ping, 42, b"").await;
    let mut pongs = Vec::new();
    let mut received = raw.data().await.unwrap().len();
    loop {
        match raw.incoming().await.unwrap().unwrap() {
            Incoming::Data { .. } => received += raw.data().await.unwrap().len(),
            Incoming::Message(frame) if frame.kind() == Some(FrameKind::Pong) => pongs.push(frame.header.request_id),
            Incoming::Message(frame) if frame.kind() == Some(FrameKind::End) => break,
            Incoming::Message(frame) => assert_eq!(frame.message::<ItemEnd>().unwrap(), ItemEnd::default()),
        }
    }
    assert_eq!((received, &pongs[..]), (BIG, &[41, 42][..]));
    raw.assert_usable().await;
}

#[tokio::test]
async fn a_flood_of_pings_ends_the_connection() {
    let (mut raw, server) = begin_transfer().await;
    let ping = frame_bytes(&Frame::new(FrameKind::Ping, 0, Vec::new()));
    raw.send_bytes(&ping.repeat(PINGS_WAITING_MAX as usize + 1)).await;
    assert_only_file_bytes(raw, server).await;
}

#[tokio::test]
async fn cancel_gets_an_end_and_keeps_the_connection() {
    let (mut raw, _server) = begin_transfer().await;
    raw.send_body(FrameKind::Cancel, 99, b"").await;
    raw.send_body(FrameKind::Cancel, 1, b"").await;
    raw.send_body(FrameKind::Cancel, 1, b"").await;
    assert_eq!(raw.data().await.unwrap().len(), DATA_BYTES_MAX);
    assert_eq!(raw.end(1).await, Some(ErrorCode::Canceled));
    raw.assert_usable().await;
}

#[tokio::test]
async fn frames_keep_to_the_agreed_length() {
    let storage = MemoryStorage::new();
    storage.add_file("big", vec![7; 200_000]).unwrap().add_file("small", vec![7; 60_000]).unwrap();
    for (wanted, agreed) in [(4_096, 4_096), (10_000, 10_000), (0, DATA_BYTES_MIN), (u32::MAX, DATA_BYTES_MAX)] {
        let (mut raw, server) = serve_pipe(Arc::new(storage.clone()), ServerConfig::default(), 64 << 10);
        let ok = raw.handshake(&server.key, Some(wanted)).await;
        assert_eq!(ok.max_data as usize, agreed);
        raw.reader.open(agreed);
        for name in ["big", "small"] {
            let item = GetItem { path: path(name), range: None, if_etag: None, if_prefix: None };
            raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item], pass_fd: None }).await;
            assert_eq!(raw.end(1).await, None);
        }
    }
    // A server may be configured to a lower limit or, by mistake, to one that no client accepts.
    for (set, agreed) in [(8_192, 8_192), (0, DATA_BYTES_MIN), (usize::MAX, DATA_BYTES_MAX)] {
        let config = ServerConfig { data_bytes_max: set, ..ServerConfig::default() };
        let (mut raw, server) = serve_pipe(storage_with_files(), config, 64 << 10);
        assert_eq!(raw.handshake(&server.key, None).await.max_data as usize, agreed);
    }
}
