//! DNS rebinding.

use std::sync::Arc;

use backend::gateway::GatewayConfig;

use super::fixtures::status;
use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

/// Protects from DNS rebinding: a host name that is not configured gets no content.
#[tokio::test]
async fn requests_for_unknown_hosts_are_refused() {
    let config = GatewayConfig { hosts: vec!["files.example.org".into()], ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    for target in ["/", "/files/hello.txt", "/api/v1/list/", "/api/v1/archive?path=", "/healthz", "/metrics", "/none"] {
        gateway.get_with(target, &[("host", "evil.example")]).await.assert_problem(421, "unknown_host");
    }
    for host in ["localhost", "127.0.0.1", "[::1]:99", "files.example.org:1234"] {
        assert_eq!(gateway.get_with("/files/hello.txt", &[("host", host)]).await.status, 200, "{host}");
    }
    for request in [
        "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n",
    ] {
        assert_eq!(status(&gateway.send_raw(request.as_bytes()).await), Some(400), "{request}");
    }
    let absolute = "GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(status(&gateway.send_raw(absolute.as_bytes()).await), Some(421));
    gateway.assert_healthy_and_stop().await;
}
