//! Slow, stalled and too many clients.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backend::gateway::GatewayConfig;
use backend::storage::memory::MemoryStorage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::small_tree;

fn short_timeouts() -> GatewayConfig {
    GatewayConfig {
        header_read_time: Duration::from_millis(400),
        idle_time: Duration::from_millis(800),
        stall_time: Duration::from_millis(500),
        drain_time: Duration::from_millis(500),
        ..GatewayConfig::default()
    }
}

/// One byte at a time must not keep a connection open (Slowloris).
#[tokio::test]
async fn slow_headers_time_out() {
    let gateway = TestGateway::with_config(Arc::new(small_tree()), short_timeouts()).await;
    let mut stream = gateway.connect().await;
    let started = Instant::now();
    for byte in b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n".iter().cycle() {
        if stream.write_all(&[*byte]).await.is_err() || started.elapsed() > Duration::from_secs(10) {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(5));
    gateway.assert_healthy_and_stop().await;
}

/// The idle time applies before the first request and after a response.
#[tokio::test]
async fn idle_connections_are_closed() {
    let gateway = TestGateway::with_config(Arc::new(small_tree()), short_timeouts()).await;
    let mut silent = gateway.connect().await;
    let mut kept = gateway.connect().await;
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    for stream in [&mut silent, &mut kept] {
        let mut response = Vec::new();
        let ended = timeout(Duration::from_secs(10), stream.read_to_end(&mut response)).await;
        assert!(ended.is_ok(), "the connection stays open");
    }
    gateway.assert_healthy_and_stop().await;
}

fn large() -> Arc<MemoryStorage> {
    let storage = MemoryStorage::new();
    storage.add_file("large", vec![5; 64 << 20]).unwrap();
    storage.add_file("hello.txt", "hello").unwrap();
    Arc::new(storage)
}

/// A reader that takes no byte within the stall time is disconnected.
#[tokio::test]
async fn a_stalled_reader_is_disconnected() {
    let gateway = TestGateway::with_config(large(), short_timeouts()).await;
    let mut stream = gateway.connect().await;
    stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(2_000)).await;
    let mut taken = Vec::new();
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut taken)).await.expect("the connection stays open");
    assert!(taken.len() < 64 << 20, "the response is complete");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_slow_reader_gets_the_complete_file() {
    let gateway =
        TestGateway::with_config(large(), GatewayConfig { stall_time: Duration::from_secs(2), ..short_timeouts() })
            .await;
    let mut stream = gateway.connect().await;
    stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 4 << 20];
    let mut total = 0;
    for round in 0.. {
        match stream.read(&mut buffer).await.unwrap() {
            0 => break,
            taken => total += taken,
        }
        if round < 5 {
            sleep(Duration::from_millis(700)).await;
        }
    }
    assert!(total > 64 << 20);
    gateway.assert_healthy_and_stop().await;
}

/// A client that disconnects during a transfer leaves no state behind.
#[tokio::test]
async fn disconnected_readers_leave_no_state() {
    let gateway = TestGateway::with_config(large(), short_timeouts()).await;
    for _ in 0..50 {
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut some = [0; 1000];
        stream.read_exact(&mut some).await.unwrap();
    }
    assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello");
    for _ in 0..100 {
        let text = gateway.get("/metrics").await;
        if text.text().contains("passerelle_http_requests_in_flight 1\n")
            && text.text().contains("lane=\"reading\",state=\"busy\"} 0")
        {
            return gateway.assert_healthy_and_stop().await;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{}", gateway.get("/metrics").await.text());
}

/// A connection over the limit gets 503, until another connection has ended.
#[tokio::test]
async fn too_many_connections_are_refused_with_an_error() {
    let config = GatewayConfig { connections_max: 4, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(large(), config).await;
    let mut kept = Vec::new();
    for _ in 0..4 {
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut some = [0; 15];
        stream.read_exact(&mut some).await.unwrap();
        assert_eq!(&some, b"HTTP/1.1 200 OK");
        kept.push(stream);
    }
    let refused =
        HttpResponse::read(&gateway.send_raw(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await, false)
            .unwrap();
    assert_eq!((refused.status, refused.complete, refused.header("retry-after")), (503, true, Some("2")));
    assert!(refused.text().contains("too_many_connections"));
    drop(kept);
    sleep(Duration::from_millis(200)).await;
    gateway.assert_healthy_and_stop().await;
}

/// Shutdown waits for running requests, and ends those that exceed the drain time.
#[tokio::test]
async fn shutdown_time_is_limited() {
    let gateway = TestGateway::with_config(large(), short_timeouts()).await;
    let mut stream = gateway.connect().await;
    stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut some = [0; 1000];
    stream.read_exact(&mut some).await.unwrap();
    let _idle = gateway.connect().await;
    let started = Instant::now();
    gateway.assert_healthy_and_stop().await;
    assert!(started.elapsed() < Duration::from_secs(10));
}
