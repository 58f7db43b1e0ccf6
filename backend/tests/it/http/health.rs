//! Health, readiness and metrics.

use std::sync::Arc;
use std::time::Duration;

use backend::gateway::GatewayConfig;

use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

#[tokio::test]
async fn readyz_depends_on_the_file_server() {
    let config = GatewayConfig { ready_time: Duration::from_millis(500), ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    assert_eq!(gateway.get("/readyz").await.text(), "ok\n");
    gateway.server.shutdown.cancel();
    while !gateway.server.task.is_finished() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let response = gateway.get("/readyz").await;
    assert_eq!((response.status, response.header("retry-after").is_some()), (503, true));
    assert_eq!(gateway.get("/healthz").await.status, 200);
    let response = gateway.get("/files/hello.txt").await;
    assert!(matches!(response.status, 502..=504), "{response:?}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn metrics_count_requests() {
    let gateway = TestGateway::start().await;
    gateway.get("/files/hello.txt").await;
    gateway.get("/files/none").await;
    let text = gateway.get("/metrics").await;
    assert!(text.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "passerelle_http_requests_total{route=\"files\",method=\"GET\",status=\"200\"} 1",
        "passerelle_http_requests_total{route=\"files\",method=\"GET\",status=\"404\"} 1",
        "passerelle_pool_connections{lane=\"bulk\",state=\"idle\"} 1",
    ] {
        assert!(text.text().contains(line), "{line} is not in\n{}", text.text());
    }
    let off = GatewayConfig { metrics: false, ..GatewayConfig::default() };
    TestGateway::with_config(Arc::new(small_tree()), off).await.get("/metrics").await.assert_problem(404, "not_found");
}
