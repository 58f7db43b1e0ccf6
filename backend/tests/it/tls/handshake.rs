//! Versions, keys, ALPN, and connections that are refused or closed.

use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use rustls::ProtocolVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::fixtures::{H1, H2, H2Client, TlsGateway, client, first_pair, tls_files};
use crate::test_gateway::{HttpResponse, TEST_TIMEOUT};
use crate::test_server::small_tree;

#[tokio::test]
async fn tls_1_2_and_1_3_work_with_every_key_format() {
    for (pair, name) in [
        (first_pair(), "PKCS#8"),
        (tls_files("second.pem", "second.key.pem"), "SEC1"),
        (tls_files("rsa.pem", "rsa.key.pem"), "PKCS#1"),
    ] {
        let gateway = TlsGateway::with_config(Arc::new(small_tree()), pair, GatewayConfig::default()).await;
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut stream = gateway.connect_by(client(&[], &[version])).await;
            let spoken = stream.get_ref().1.protocol_version();
            assert_eq!(spoken, Some(version.version), "{name}");
            let request =
                format!("GET /files/hello.txt HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", gateway.address);
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // The end without `close_notify` would be an error, because an attacker could truncate the response.
            timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
            assert_eq!(HttpResponse::read(&answer, false).unwrap().body, b"hello, world\n", "{name}");
        }
        gateway.assert_healthy_and_stop().await;
    }
}

#[tokio::test]
async fn alpn_prefers_http_2_and_sessions_are_resumed() {
    let gateway = TlsGateway::start().await;
    let config = Arc::new(client(&[H2, H1], rustls::DEFAULT_VERSIONS));
    for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let stream =
            TlsConnector::from(Arc::clone(&config)).connect("localhost".try_into().unwrap(), gateway.tcp().await);
        let stream = stream.await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
        // The session ticket arrives before the first response.
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let client = H2Client { sender, host: gateway.address.to_string(), connection: tokio::spawn(connection) };
        assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_refused_with_a_message() {
    let gateway = TlsGateway::start().await;
    for (method, status) in [("GET", 307), ("PUT", 400)] {
        let mut stream = gateway.tcp().await;
        let request = format!("{method} /files/a%20b?x HTTP/1.1\r\nhost: {}\r\n\r\n", gateway.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the gateway does not close").unwrap();
        let answer = HttpResponse::read(&answer, false).unwrap();
        assert_eq!((answer.status, answer.complete), (status, true));
        assert!(answer.text().contains("https://"));
        let there = format!("https://{}/files/a%20b?x", gateway.address);
        assert_eq!(answer.header("location"), (status == 307).then_some(there.as_str()));
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn changes_from_an_http_origin_are_refused_over_https() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let gateway = TlsGateway::with_config(Arc::new(small_tree()), first_pair(), config).await;
    for (scheme, status) in [("https", 201), ("http", 403)] {
        let headers = format!("origin: {scheme}://{}\r\ncontent-length: 0\r\n", gateway.address);
        assert_eq!(gateway.send("PUT", &format!("/files/{scheme}"), &headers).await.status, status, "{scheme}");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn silent_clients_are_disconnected() {
    let config = GatewayConfig {
        handshake_time: Duration::from_millis(200),
        header_read_time: Duration::from_millis(200),
        idle_time: Duration::from_millis(200),
        ..GatewayConfig::default()
    };
    let gateway = TlsGateway::with_config(Arc::new(small_tree()), first_pair(), config).await;
    // Nothing, one byte of a TLS record of a hundred bytes, and an incomplete request in plain text.
    for said in [&b""[..], b"\x16\x03\x01\x00\x64\x01", b"GET / HT"] {
        let mut stream = gateway.tcp().await;
        stream.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut rest)).await.expect("the connection stays open");
    }
    // A client that completes the handshake and sends no request.
    let mut stream = gateway.connect(H1).await;
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut Vec::new())).await.expect("the connection stays open");
    // A client of HTTP/2 that sends one request and then no more.
    let client = gateway.h2().await;
    assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
    let _ = timeout(TEST_TIMEOUT, client.connection).await.expect("the connection stays open");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_without_a_reply() {
    let config = GatewayConfig { connections_max: 1, rest_time: TEST_TIMEOUT, ..GatewayConfig::default() };
    let gateway = TlsGateway::with_config(Arc::new(small_tree()), first_pair(), config).await;
    let kept = gateway.h2().await;
    let mut one_more = gateway.tcp().await;
    let mut said = Vec::new();
    let _ = timeout(TEST_TIMEOUT, one_more.read_to_end(&mut said)).await.expect("the connection stays open");
    assert!(said.is_empty());
    assert_eq!(kept.send("GET", "/healthz", &[], b"").await.0, 200);
}
