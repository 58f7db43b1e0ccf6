//! Health, readiness and metrics.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::server::{Database, ServerConfig};
use backend::storage::local::LocalStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use shared::ErrorCode;
use tempfile::TempDir;

use crate::test_gateway::TestGateway;
use crate::test_server::{TestServer, small_tree};

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
        "passerelle_pool_connections{lane=\"reading\",state=\"idle\"} 1",
    ] {
        assert!(text.text().contains(line), "{line} is not in\n{}", text.text());
    }
    let off = GatewayConfig { metrics: false, ..GatewayConfig::default() };
    TestGateway::with_config(Arc::new(small_tree()), off).await.get("/metrics").await.assert_problem(404, "not_found");
}

/// A gateway of a server over a directory, whose records are a file beside it. Nothing of a check is repeated.
async fn on_disk(folder: &Path, anonymous: Anonymous) -> TestGateway {
    let storage = LocalStorage::open(&folder.join("served"), None).unwrap();
    let records = Arc::new(Database::open(&folder.join("records")).unwrap());
    let config = ServerConfig { health_time: Duration::ZERO, ..ServerConfig::default() };
    let server = TestServer::with_database(storage.into(), records, config).await.in_process();
    TestGateway::in_front_of(server, GatewayConfig { anonymous, ..GatewayConfig::default() }).await
}

fn served_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("served")).unwrap();
    fs::write(folder.path().join("served/a.txt"), "first").unwrap();
    folder
}

async fn put(gateway: &TestGateway, target: &str) -> u16 {
    gateway.send("PUT", target, &[], b"new").await.status
}

#[tokio::test]
async fn readyz_is_red_while_the_folder_is_away() {
    for anonymous in [Anonymous::Read, Anonymous::Write] {
        let folder = served_folder();
        let (served, away) = (folder.path().join("served"), folder.path().join("away"));
        let gateway = on_disk(folder.path(), anonymous).await;
        assert_eq!(gateway.get("/readyz").await.status, 200);
        fs::rename(&served, &away).unwrap();
        let red = gateway.get("/readyz").await;
        assert_eq!((red.status, red.header("retry-after").is_some()), (503, true), "{red:?}");
        fs::rename(&away, &served).unwrap();
        assert_eq!(gateway.get("/readyz").await.status, 200);
        gateway.assert_healthy_and_stop().await;
    }
}

#[tokio::test]
async fn a_folder_that_was_made_again_is_served() {
    let folder = served_folder();
    let served = folder.path().join("served");
    let gateway = on_disk(folder.path(), Anonymous::Write).await;
    assert_eq!((gateway.get("/readyz").await.status, put(&gateway, "/files/b.txt").await), (200, 201));
    fs::remove_dir_all(&served).unwrap();
    assert_eq!(gateway.get("/readyz").await.status, 503);
    fs::create_dir(&served).unwrap();
    fs::write(served.join("c.txt"), "restored").unwrap();
    assert_eq!(gateway.get("/readyz").await.status, 200);
    assert_eq!(gateway.get("/files/c.txt").await.text(), "restored");
    assert_eq!(gateway.get("/files/b.txt").await.status, 404);
    assert_eq!(put(&gateway, "/files/d.txt").await, 201);
    assert_eq!(fs::read(served.join("d.txt")).unwrap(), b"new");
    // The server's own directory inside it, alone.
    fs::remove_dir_all(served.join(".passerelle")).unwrap();
    assert_eq!(gateway.get("/readyz").await.status, 200);
    assert_eq!(put(&gateway, "/files/e.txt").await, 201);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn without_records_files_are_read_and_not_changed() {
    let folder = served_folder();
    let (records, away) = (folder.path().join("records"), folder.path().join("records-away"));
    let gateway = on_disk(folder.path(), Anonymous::Write).await;
    assert_eq!((gateway.get("/readyz").await.status, put(&gateway, "/files/b.txt").await), (200, 201));
    fs::rename(&records, &away).unwrap();
    assert_eq!(gateway.get("/readyz").await.status, 503);
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let changes: [(&str, &str, Fields, &[u8]); 5] = [
        ("PUT", "/files/b.txt", &[], b"other"),
        ("PUT", "/files/c.txt", &[], &[7; 1 << 20]),
        ("DELETE", "/files/b.txt", &[], b""),
        ("POST", "/api/v1/uploads", &[("tus-resumable", "1.0.0"), ("upload-length", "5")], b""),
        (
            "POST",
            "/api/v1/changes",
            &[("content-type", "application/json")],
            br#"{"action":"trash","items":[{"path":"b.txt"}]}"#,
        ),
    ];
    for (method, target, headers, body) in changes {
        let metadata = [headers, &[("upload-metadata", "path Yy50eHQ=")][..]].concat();
        let headers = if target.ends_with("uploads") { &metadata[..] } else { headers };
        gateway.send(method, target, headers, body).await.assert_problem(500, "io");
    }
    assert_eq!(gateway.get("/files/b.txt").await.text(), "new");
    assert_eq!(gateway.get("/api/v1/list/").await.status, 200);
    assert_eq!(gateway.get("/files/c.txt").await.status, 404);
    // Its return.
    fs::rename(&away, &records).unwrap();
    assert_eq!((gateway.get("/readyz").await.status, put(&gateway, "/files/c.txt").await), (200, 201));
    // A copy in its place is not opened beside the log of the file that is open.
    fs::copy(&records, &away).unwrap();
    fs::rename(&away, &records).unwrap();
    let red = gateway.get("/readyz").await;
    assert!(red.status == 503 && red.text().contains("restart the server"), "{red:?}");
    gateway.send("PUT", "/files/d.txt", &[], b"new").await.assert_problem(500, "io");
    gateway.send("DELETE", "/files/b.txt", &[], b"").await.assert_problem(500, "io");
    assert_eq!(gateway.get("/files/b.txt").await.text(), "new");
    gateway.assert_healthy_and_stop().await;
    // The next start uses the copy.
    let gateway = on_disk(folder.path(), Anonymous::Write).await;
    assert_eq!((gateway.get("/readyz").await.status, put(&gateway, "/files/d.txt").await), (200, 201));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn readyz_of_a_server_for_readers_needs_no_records() {
    let folder = served_folder();
    let gateway = on_disk(folder.path(), Anonymous::Read).await;
    fs::remove_file(folder.path().join("records")).unwrap();
    assert_eq!(gateway.get("/readyz").await.status, 200);
    assert!(!folder.path().join("served/.passerelle").exists(), "a check for readers wrote");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn readyz_depends_on_what_callers_may_do() {
    for (operation, code, reader, writer) in [
        (Operation::List, ErrorCode::Io, 503, 503),
        (Operation::Stat, ErrorCode::Io, 503, 503),
        (Operation::Stage, ErrorCode::ReadOnly, 200, 503),
        (Operation::Stage, ErrorCode::Io, 200, 503),
        (Operation::Stage, ErrorCode::NoSpace, 200, 200),
    ] {
        for (anonymous, expected) in [(Anonymous::Read, reader), (Anonymous::Write, writer)] {
            let faults = Faults::seeded(1);
            let storage = Arc::new(FaultyStorage::new(small_tree(), Arc::clone(&faults)));
            let config = ServerConfig { health_time: Duration::ZERO, ..ServerConfig::default() };
            let server = TestServer::with_config(storage, config).await.in_process();
            let config = GatewayConfig { anonymous, ..GatewayConfig::default() };
            let gateway = TestGateway::in_front_of(server, config).await;
            assert_eq!(gateway.get("/readyz").await.status, 200);
            faults.at(operation, faults.calls(operation) + 1, Fault::Fail(code));
            assert_eq!(gateway.get("/readyz").await.status, expected, "{operation:?} {code} {anonymous:?}");
            assert_eq!(gateway.get("/readyz").await.status, 200);
            gateway.assert_healthy_and_stop().await;
        }
    }
}
