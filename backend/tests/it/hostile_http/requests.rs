//! Requests that are ambiguous, too long or too expensive.

use std::sync::Arc;
use std::time::Duration;

use backend::gateway::GatewayConfig;
use backend::storage::memory::MemoryStorage;
use shared::limits::RANGES_MAX;
use tokio::time::timeout;

use super::fixtures::status;
use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

/// Many overlapping ranges must not multiply the bytes of a response (RFC 9110 §14.2).
#[tokio::test]
async fn too_many_ranges_are_answered_with_the_complete_file() {
    let storage = MemoryStorage::new();
    storage.add_file("file", vec![1; 100_000]).unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    for range in [
        format!("bytes={}", vec!["0-"; RANGES_MAX + 1].join(",")),
        format!("bytes={}", vec!["0-"; 3000].join(",")),
        format!("bytes={}", ",".repeat(20_000)),
    ] {
        let response = gateway.get_with("/files/file", &[("range", &range)]).await;
        assert_eq!((response.status, response.body.len()), (200, 100_000));
    }
    let response =
        gateway.get_with("/files/file", &[("range", &format!("bytes={}", vec!["0-"; RANGES_MAX].join(",")))]).await;
    assert_eq!((response.status, response.body.len()), (206, 100_000));
    gateway.assert_healthy_and_stop().await;
}

/// Request smuggling: proxy and gateway must agree on the end of each request (RFC 9112 §11.2).
#[tokio::test]
async fn ambiguous_requests_are_refused() {
    let gateway = TestGateway::start().await;
    let host = "host: localhost\r\n";
    for request in [
        format!("POST /api/v1/archive HTTP/1.1\r\n{host}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd"),
        format!("POST /api/v1/archive HTTP/1.1\r\n{host}content-length: -1\r\n\r\n"),
        format!("POST /api/v1/archive HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
        format!("POST /api/v1/archive HTTP/1.1\r\n{host}transfer-encoding: xchunked\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{host}bad header: x\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{host} folded: x\r\n\r\n"),
        format!("GET /he althz HTTP/1.1\r\n{host}\r\n"),
        format!("GET /healthz HTTP/9.9\r\n{host}\r\n"),
        "\0\u{1}\u{2}garbage\r\n\r\n".into(),
    ] {
        let response = timeout(Duration::from_secs(5), gateway.send_raw(request.as_bytes())).await.unwrap_or_default();
        assert!(
            status(&response).is_none_or(|status| status >= 400),
            "{request:?}: {}",
            String::from_utf8_lossy(&response)
        );
    }
    // A bare LF does not end the size of a chunk, so the body does not turn into a second request.
    let smuggled = format!(
        "POST /api/v1/archive HTTP/1.1\r\n{host}content-type: application/x-www-form-urlencoded\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n3;\nxxxx\r\npat\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n{host}\r\n"
    );
    let response = gateway.send_raw(smuggled.as_bytes()).await;
    assert_eq!(String::from_utf8_lossy(&response).matches("HTTP/1.1 200").count(), 0);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn headers_over_the_limits_are_refused() {
    let gateway = TestGateway::start().await;
    let long = "x".repeat(40_000);
    gateway.get_with("/healthz", &[("x-long", &long)]).await.assert_problem(431, "too_large");
    let lines: Vec<_> = (0..90).map(|index| (format!("x-{index}"), "y".repeat(400))).collect();
    let lines: Vec<_> = lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    gateway.get_with("/healthz", &lines).await.assert_problem(431, "too_large");
    // A header over all limits is not read to its end.
    let endless = format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: {}", "x".repeat(300_000));
    assert!(status(&gateway.send_raw(endless.as_bytes()).await).is_none_or(|status| status == 431));
    gateway.assert_healthy_and_stop().await;
}

/// The time to read a body is limited. A body that its route does not read delays no response.
#[tokio::test]
async fn a_body_shorter_than_content_length_times_out() {
    let config = GatewayConfig { body_read_time: Duration::from_millis(300), ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let head =
        "POST /api/v1/archive HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let short = format!("{head}content-length: 100\r\n\r\npath=docs");
    assert_eq!(status(&gateway.send_raw(short.as_bytes()).await), Some(408));
    let unread =
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000000\r\nconnection: close\r\n\r\nx";
    assert_eq!(status(&gateway.send_raw(unread.as_bytes()).await), Some(200));
    gateway.assert_healthy_and_stop().await;
}
