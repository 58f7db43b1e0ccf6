//! Requests of pages of other origins.

use std::sync::Arc;

use backend::gateway::GatewayConfig;

use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

const ORIGIN: &str = "https://files.example.org";

#[tokio::test]
async fn only_configured_origins_may_read() {
    let config = GatewayConfig { cors_origins: vec![ORIGIN.into()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let response = gateway.get_with("/files/hello.txt", &[("origin", ORIGIN)]).await;
    assert_eq!(response.header("access-control-allow-origin"), Some(ORIGIN));
    let exposed = response.header("access-control-expose-headers").unwrap();
    for name in ["ETag", "Content-Length", "Content-Range", "Content-Disposition", "Accept-Ranges", "X-Request-Id"] {
        assert!(exposed.contains(name), "{name}");
    }
    assert_eq!(response.header("vary"), Some("Origin"));
    assert_eq!(response.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert!(response.header("content-security-policy").unwrap().ends_with(&format!("frame-ancestors 'self' {ORIGIN}")));
    // Errors have CORS headers, too, so that the page can read their reason.
    let refusal = gateway.get_with("/files/none", &[("origin", ORIGIN)]).await;
    refusal.assert_problem(404, "not_found");
    assert_eq!(refusal.header("access-control-allow-origin"), Some(ORIGIN));
    let other = gateway.get_with("/files/hello.txt", &[("origin", "https://evil.example")]).await;
    assert_eq!((other.status, other.header("access-control-allow-origin")), (200, None));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_preflight_is_answered() {
    let config = GatewayConfig { cors_origins: vec![ORIGIN.into()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let preflight = |origin: &'static str| {
        let gateway = &gateway;
        async move {
            let headers = [
                ("origin", origin),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "range"),
            ];
            gateway.send("OPTIONS", "/files/hello.txt", &headers, b"").await
        }
    };
    let response = preflight(ORIGIN).await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (204, Some(ORIGIN)));
    assert!(response.header("access-control-allow-headers").unwrap().contains("Range"));
    let response = preflight("https://evil.example").await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (204, None));
    gateway.assert_healthy_and_stop().await;
}
