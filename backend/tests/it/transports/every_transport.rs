//! Reads, writes and failures are equal over every transport.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};

use super::fixtures::content;
use crate::raw_connection::RawConnection;
use crate::test_gateway::TestGateway;
use crate::test_server::{TestServer, Transport, path, reader, small_tree};

async fn for_each_transport(check: impl AsyncFn(&TestGateway)) {
    for transport in Transport::ALL {
        let server = TestServer::with_storage(Arc::new(small_tree())).await.via(*transport);
        let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
        let gateway = TestGateway::in_front_of(server, config).await;
        check(&gateway).await;
        gateway.assert_healthy_and_stop().await;
    }
}

#[tokio::test]
async fn reads_are_equal_over_every_transport() {
    for_each_transport(async |gateway| {
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
        assert_eq!(gateway.head("/files/hello.txt").await.header("content-length"), Some("13"));
        let whole = gateway.get("/files/docs/deep/er/file.bin").await;
        assert!(whole.complete && whole.body == [7; 300_000]);
        let part = gateway.get_with("/files/docs/deep/er/file.bin", &[("range", "bytes=100-200099")]).await;
        assert_eq!((part.status, part.body.len(), part.complete), (206, 200_000, true));
        let parts = gateway.get_with("/files/hello.txt", &[("range", "bytes=0-1,7-8")]).await;
        assert!(parts.status == 206 && parts.complete && parts.text().contains("\r\n\r\nwo\r\n"));
        gateway
            .get_with("/files/hello.txt", &[("range", "bytes=99-")])
            .await
            .assert_problem(416, "range_not_satisfiable");
        gateway.get("/files/none").await.assert_problem(404, "not_found");
        assert!(gateway.get("/files/docs/").await.text().contains("a%20b.txt"));
        assert_eq!(gateway.get("/readyz").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn writes_are_equal_over_every_transport() {
    for_each_transport(async |gateway| {
        let large = content(3 << 20);
        assert_eq!(gateway.send("PUT", "/files/new", &[], &large).await.status, 201);
        assert!(gateway.get("/files/new").await.body == large);
        assert_eq!(gateway.send("PUT", "/files/new", &[], b"small").await.status, 204);
        assert_eq!(gateway.get("/files/new").await.text(), "small");
        assert_eq!(gateway.send("DELETE", "/files/new", &[], b"").await.status, 204);
        gateway.get("/files/new").await.assert_problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_stopped_file_server_is_answered_502() {
    for_each_transport(async |gateway| {
        assert_eq!(gateway.get("/files/hello.txt").await.status, 200);
        gateway.server.shutdown.cancel();
        while !gateway.server.task.is_finished() {
            tokio::task::yield_now().await;
        }
        gateway.get("/files/hello.txt").await.assert_problem(502, "unreachable");
        assert_eq!(gateway.get("/readyz").await.status, 503);
    })
    .await;
}

/// Unauthenticated clients over TCP do not use up the connections of the gateway.
#[tokio::test]
async fn tcp_clients_do_not_use_up_connections_of_the_gateway() {
    let config = backend::server::ServerConfig { connections_max: 2, ..Default::default() };
    let server = TestServer::with_config(Arc::new(small_tree()), config).await;
    let _unauthenticated = (RawConnection::open(&server).await, RawConnection::open(&server).await);
    assert!(server.client.ping().await.is_err());
    let server = server.in_process();
    assert!(server.client.ping().await.is_ok());
    assert!(server.client.stat(&reader(), &path("hello.txt")).await.is_ok());
}
