//! Uploads whose connections break.

use backend::client::PutRange;
use backend::wire::{Frame, Incoming};
use shared::wire::{End, FrameKind, Put, PutEnd};
use shared::{ErrorCode, UploadId};
use tokio::io::AsyncWriteExt;

use super::fixtures::{commit, put, stage};
use crate::raw_connection::{RawConnection, frame, frame_bytes, stat};
use crate::test_server::{TestServer, writer};

/// A sender that is dropped within a frame gives its connection up, so no later request uses it.
#[tokio::test]
async fn a_sender_dropped_within_a_frame_does_not_affect_later_requests() {
    let server = TestServer::start().await;
    let length = 256 << 20;
    let upload = server.client.stage(&stage("new", Some(length))).await.unwrap();
    for _ in 0..4 {
        let offset = server.client.upload_status(&writer(), upload.id).await.unwrap().offset;
        let sent = PutRange { offset, length: Some(length - offset), ..PutRange::default() };
        let mut sending = server.client.put(&writer(), upload.id, sent).await.unwrap();
        let piece = bytes::Bytes::from(vec![7; 32 << 20]);
        // On one thread the server reads nothing meanwhile: the socket is full somewhere within a frame.
        assert!(futures_util::FutureExt::now_or_never(sending.send(piece)).is_none());
        drop(sending);
        // Time for the dropped connection to return to the pool, if it does.
        for _ in 0..50 {
            server.client.upload_status(&writer(), upload.id).await.unwrap();
        }
    }
    server.stop().await;
}

fn put_of(upload: UploadId, offset: u64) -> Put {
    Put { caller: writer(), upload, offset, length: None, checksum: None, total: None, blake3: None }
}

fn data(request_id: u32, length: usize) -> Vec<u8> {
    frame_bytes(&Frame::new(FrameKind::Data, request_id, vec![7; length]))
}

/// A connection on which a PUT waits for bytes.
async fn open_put(server: &TestServer, upload: UploadId, offset: u64) -> RawConnection {
    let mut raw = RawConnection::open(server).await;
    raw.send(FrameKind::Put, 1, &put_of(upload, offset)).await;
    assert_eq!(raw.next().await.expect("UPLOAD").kind(), Some(FrameKind::Upload));
    raw
}

#[tokio::test]
async fn a_newer_put_takes_over_from_a_dead_connection() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(300_000))).await.unwrap();
    let mut dead = open_put(&server, upload.id, 0).await;
    dead.send_bytes(&data(1, 100_000)).await;
    // The PONG shows that everything before its PING was read.
    dead.send_body(FrameKind::Ping, 9, b"").await;
    assert_eq!(dead.next().await.unwrap().kind(), Some(FrameKind::Pong));
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 100_000);
    assert_eq!(dead.end(1).await, Some(ErrorCode::Canceled));
    dead.send_bytes(&frame_bytes(&frame(FrameKind::PutEnd, 1, &PutEnd { broken: true }))).await;
    dead.assert_usable().await;
    put(&server.client, upload.id, 100_000, &[7; 200_000]).await.unwrap();
    server.client.commit(&commit(upload.id)).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn bytes_before_a_broken_connection_are_kept() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(1_000_000))).await.unwrap();
    let mut raw = open_put(&server, upload.id, 0).await;
    raw.send_bytes(&data(1, 500_000)).await;
    // The PONG shows that everything before its PING was read.
    raw.send_body(FrameKind::Ping, 9, b"").await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
    raw.send_bytes(&data(1, 400_000)[..200_000]).await;
    raw.writer.shutdown().await.unwrap();
    drop(raw);
    assert!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset >= 500_000);
    server.stop().await;
}

#[tokio::test]
async fn data_outside_a_put_ends_the_connection() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
    let mut raw = RawConnection::open(&server).await;
    raw.send_bytes(&data(1, 5)).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
    let mut raw = RawConnection::open(&server).await;
    let early = server.client.stage(&stage("early", Some(10))).await.unwrap();
    raw.send_bytes(&[frame_bytes(&frame(FrameKind::Put, 1, &put_of(early.id, 0))), data(1, 5)].concat()).await;
    // The server may or may not be ready yet; both cases have to be harmless.
    let _ = raw.incoming().await;
    drop(raw);
    let mut raw = open_put(&server, upload.id, 0).await;
    raw.send_bytes(&data(2, 5)).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
    let mut raw = open_put(&server, upload.id, 0).await;
    raw.send(FrameKind::Stat, 2, &stat("")).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
    let mut raw = RawConnection::open(&server).await;
    raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: false }).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
    let mut raw = RawConnection::open(&server).await;
    raw.send(FrameKind::Put, 1, &put_of(UploadId([9; 16]), 0)).await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::NotFound));
    raw.assert_usable().await;
    raw.send_bytes(&data(1, 5)).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
    server.stop().await;
}

#[tokio::test]
async fn a_failed_put_keeps_the_connection() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
    let mut raw = open_put(&server, upload.id, 0).await;
    raw.send_bytes(&data(1, 200_000)).await;
    assert_eq!(raw.end(1).await, Some(ErrorCode::LengthMismatch));
    raw.send_bytes(&data(1, 1_000)).await;
    raw.send_body(FrameKind::Ping, 5, b"").await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
    raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: true }).await;
    raw.assert_usable().await;
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 10);
    // A client that sends too much after the failure is disconnected.
    let other = server.client.stage(&stage("other", Some(1))).await.unwrap();
    let mut raw = open_put(&server, other.id, 0).await;
    for _ in 0..8 {
        raw.send_bytes(&data(1, 400_000)).await;
    }
    assert_eq!(raw.end(1).await, Some(ErrorCode::LengthMismatch));
    let goodbye = raw.next().await;
    assert!(goodbye.is_none_or(|frame| frame.kind() == Some(FrameKind::Goodbye)));
    server.stop().await;
}

#[tokio::test]
async fn pings_and_cancels_are_answered_during_a_put() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
    let mut raw = open_put(&server, upload.id, 0).await;
    raw.send_body(FrameKind::Ping, 3, b"").await;
    assert_eq!(raw.next().await.unwrap().header.request_id, 3);
    raw.send_bytes(&data(1, 5)).await;
    raw.send_body(FrameKind::Cancel, 1, b"").await;
    loop {
        match raw.incoming().await.unwrap() {
            Some(Incoming::Message(frame)) if frame.kind() == Some(FrameKind::End) => {
                let error = frame.message::<End>().unwrap().error.unwrap();
                break assert_eq!(error.code, ErrorCode::Canceled);
            }
            Some(_) => {}
            None => panic!("no END"),
        }
    }
    raw.send(FrameKind::PutEnd, 1, &PutEnd { broken: true }).await;
    raw.assert_usable().await;
    server.stop().await;
}
