//! HELLO: other bytes, invalid headers, limits, and connections that stop at any byte.

use std::time::Duration;

use backend::server::ServerConfig;
use backend::wire::Frame;
use shared::ErrorCode;
use shared::wire::{Auth, FrameKind, Hello};
use tokio::io::AsyncWriteExt;

use super::fixtures::{assert_healthy_and_stop, connect_in_memory, pseudo_random_bytes, storage_with_files};
use crate::raw_connection::{RawConnection, frame, frame_bytes, header, hello, stat, within};
use crate::test_server::{TestServer, path, reader};

/// Sends bytes instead of HELLO, and checks the server's last frame.
#[track_caller]
fn check(sent: &[u8], expected: ErrorCode) -> impl Future<Output = ()> + use<> {
    let sent = sent.to_vec();
    async move {
        let (mut raw, server) = connect_in_memory();
        raw.send_bytes(&sent).await;
        assert_eq!(raw.closing_code().await, Some(expected), "{:02x?}", &sent[..sent.len().min(16)]);
        drop(raw);
        within(server.task).await.unwrap();
    }
}

#[tokio::test]
async fn other_bytes_than_hello_are_refused() {
    check(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", ErrorCode::FrameTooLong).await;
    check(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00", ErrorCode::FrameTooLong).await;
    check(&frame_bytes(&frame(FrameKind::Stat, 1, &stat(""))), ErrorCode::Protocol).await;
    check(&frame_bytes(&Frame::new(FrameKind::Ping, 0, Vec::new())), ErrorCode::Protocol).await;
    check(&frame_bytes(&Frame::new(FrameKind::Hello, 0, b"\xff".to_vec())), ErrorCode::BadRequest).await;
    check(&frame_bytes(&Frame::new(FrameKind::Hello, 0, Vec::new())), ErrorCode::BadRequest).await;
}

#[tokio::test]
async fn a_handshake_with_a_request_id_is_refused() {
    check(&frame_bytes(&frame(FrameKind::Hello, 1, &hello())), ErrorCode::Protocol).await;
    let (mut raw, server) = connect_in_memory();
    let (transcript, _) = raw.exchange_hello().await;
    let proof = transcript.client_proof(&server.key);
    raw.send(FrameKind::Auth, 7, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
    assert_eq!(raw.closing_code().await, Some(ErrorCode::Protocol));
}

#[tokio::test]
async fn a_hello_over_its_limits_is_refused() {
    let with = |change: fn(&mut Hello)| {
        let mut hello = hello();
        change(&mut hello);
        frame_bytes(&frame(FrameKind::Hello, 0, &hello))
    };
    check(&with(|hello| hello.magic = "passerelle2".into()), ErrorCode::Protocol).await;
    check(&with(|hello| hello.capabilities = vec![String::new(); 33]), ErrorCode::Protocol).await;
    check(&with(|hello| hello.capabilities = vec!["x".repeat(257)]), ErrorCode::Protocol).await;
    check(&with(|hello| (hello.min_version, hello.max_version) = (2, 1)), ErrorCode::Protocol).await;
    check(&with(|hello| (hello.min_version, hello.max_version) = (2, 9)), ErrorCode::VersionMismatch).await;
    check(&with(|hello| hello.max_version = 0), ErrorCode::Protocol).await;
}

#[tokio::test]
async fn invalid_headers_are_refused_before_their_body_is_read() {
    check(&header(0, 1, 0, 0, 0), ErrorCode::Protocol).await;
    check(&header(7, 1, 0, 0, 0), ErrorCode::Protocol).await;
    check(&header(4097, 1, 0, 0, 0), ErrorCode::FrameTooLong).await;
    check(&header(u32::MAX, 1, 0, 0, 0), ErrorCode::FrameTooLong).await;
    check(&header(62, 1, 1, 0, 0), ErrorCode::Protocol).await;
    check(&header(62, 1, 0, 1, 0), ErrorCode::Protocol).await;
    check(&header(8, 0x42, 0, 0, 0), ErrorCode::Protocol).await;
    check(&header(9, 0x42, 0, 0, 0), ErrorCode::Protocol).await;
}

#[tokio::test]
async fn a_refusal_arrives_although_the_client_has_sent_more() {
    let server = TestServer::start().await;
    for _ in 0..20 {
        let mut raw = RawConnection::connect(&server).await;
        raw.send_bytes(&[b"GET / HTTP/1.1\r\n".to_vec(), pseudo_random_bytes(1, 40_000)].concat()).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::FrameTooLong));
    }
    assert_healthy_and_stop(server).await;
}

#[tokio::test]
async fn a_handshake_may_end_at_any_byte() {
    let (mut raw, server) = connect_in_memory();
    let (transcript, _) = raw.exchange_hello().await;
    let proof = transcript.client_proof(&server.key);
    let auth = Auth { key_id: server.key.id().into(), proof, max_data: None };
    let lengths = [
        frame_bytes(&frame(FrameKind::Hello, 0, &hello())).len(),
        frame_bytes(&frame(FrameKind::Auth, 0, &auth)).len(),
    ];
    for cut in 0..lengths[0] {
        let (mut raw, server) = connect_in_memory();
        raw.send_bytes(&frame_bytes(&frame(FrameKind::Hello, 0, &hello()))[..cut]).await;
        raw.writer.shutdown().await.unwrap();
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Disconnected), "after {cut} bytes");
        drop(raw);
        within(server.task).await.unwrap();
    }
    for cut in 0..lengths[1] {
        let (mut raw, server) = connect_in_memory();
        let (transcript, _) = raw.exchange_hello().await;
        let proof = transcript.client_proof(&server.key);
        let auth = Auth { key_id: server.key.id().into(), proof, max_data: None };
        raw.send_bytes(&frame_bytes(&frame(FrameKind::Auth, 0, &auth))[..cut]).await;
        raw.writer.shutdown().await.unwrap();
        assert_eq!(raw.closing_code().await, Some(ErrorCode::Disconnected), "after {cut} bytes");
        drop(raw);
        within(server.task).await.unwrap();
    }
    drop(raw);
    within(server.task).await.unwrap();
}

#[tokio::test]
async fn random_bytes_end_only_their_connection() {
    for seed in 0..200 {
        let (mut raw, server) = connect_in_memory();
        raw.send_bytes(&pseudo_random_bytes(seed, 1_000)).await;
        raw.writer.shutdown().await.unwrap();
        assert!(raw.closing_code().await.is_some(), "seed {seed}");
        drop(raw);
        within(server.task).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_handshake_times_out() {
    for said in [0, 5, 1_000] {
        let (mut raw, server) = connect_in_memory();
        let hello = frame_bytes(&frame(FrameKind::Hello, 0, &hello()));
        raw.send_bytes(&hello[..said.min(hello.len())]).await;
        if said > hello.len() {
            assert!(raw.next().await.is_some());
        }
        assert_eq!(raw.closing_code().await, Some(ErrorCode::HandshakeTimeout));
        drop(raw);
        within(server.task).await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_over_the_limit_is_refused_with_a_code() {
    let config = ServerConfig { connections_max: 2, ..ServerConfig::default() };
    let server = TestServer::with_config(storage_with_files(), config).await;
    let (first, second) = (RawConnection::open(&server).await, RawConnection::open(&server).await);
    for _ in 0..20 {
        let mut third = RawConnection::connect(&server).await;
        third.send_bytes(&frame_bytes(&frame(FrameKind::Hello, 0, &hello()))).await;
        assert_eq!(third.closing_code().await, Some(ErrorCode::TooManyConnections));
    }
    let refused = server.client.stat(&reader(), &path("")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooManyConnections);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
    drop((first, second));
    // The server may notice the closed connections only after a while.
    within(async { while server.client.stat(&reader(), &path("")).await.is_err() {} }).await;
    assert_healthy_and_stop(server).await;
}
