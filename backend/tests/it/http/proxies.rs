//! What the log says of clients behind proxies.

use std::sync::Arc;

use backend::gateway::GatewayConfig;
use tokio::task::yield_now;

use crate::captured_log::CapturedLog;
use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

const FORWARDED: (&str, &str) = ("x-forwarded-for", "198.51.100.1, 203.0.113.7");

/// Waits until the log has so many lines about answered requests: each is written once its answer is sent.
async fn answered(log: &CapturedLog, count: usize) -> String {
    while log.text().matches("answered").count() < count {
        yield_now().await;
    }
    log.text()
}

#[tokio::test]
async fn the_log_names_the_client_behind_a_trusted_proxy() {
    let (log, _guard) = CapturedLog::start(tracing::Level::INFO);
    let config = GatewayConfig { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    gateway.get_with("/healthz", &[FORWARDED]).await;
    gateway.get("/healthz").await;
    let text = answered(&log, 2).await;
    assert_eq!(text.matches(" client=203.0.113.7 ").count(), 1, "{text}");
    assert_eq!(text.matches(" client=").count(), 1, "{text}");
    assert!(!text.contains("--trusted-proxy"), "{text}");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn the_log_says_once_that_a_proxy_of_this_machine_hides_its_clients() {
    let (log, _guard) = CapturedLog::start(tracing::Level::INFO);
    let gateway = TestGateway::start().await;
    gateway.get("/healthz").await;
    for _ in 0..2 {
        gateway.get_with("/healthz", &[FORWARDED]).await;
    }
    let text = answered(&log, 3).await;
    assert_eq!(text.matches("name the proxy with --trusted-proxy").count(), 1, "{text}");
    assert!(!text.contains(" client="), "{text}");
    gateway.assert_healthy_and_stop().await;
}
