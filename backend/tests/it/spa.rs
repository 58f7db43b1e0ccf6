//! Routes of the page, with the built page if there is one in `target/spa`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use backend::gateway::{GatewayConfig, PageFiles};

use super::test_gateway::TestGateway;
use super::test_server::small_tree;

#[tokio::test]
async fn client_side_routes_return_the_page() {
    let gateway = TestGateway::start().await;
    let page = gateway.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    for target in ["/?path=docs", "/?view=trash", "/index.html"] {
        let response = gateway.get(target).await;
        assert_eq!((response.status, response.body == page.body), (200, true), "{target}");
    }
    let old = gateway.get("/client-interface.html").await;
    assert_eq!((old.status, old.header("location")), (308, Some("./")));
    for target in ["/robots.txt", "/frontend-0123456789abcdef_bg.wasm", "/gone.js", "/assets/x", "/s"] {
        gateway.get(target).await.assert_problem(404, "not_found");
    }
    gateway.send("POST", "/", &[], b"").await.assert_problem(405, "method_not_allowed");
    gateway.assert_healthy_and_stop().await;
}

/// Requests every asset of the built page as a browser does. Without a built page there are no assets to check.
#[tokio::test]
async fn assets_of_the_page_are_served_with_their_content_type() {
    let config = GatewayConfig { page: built_page(), ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let page = gateway.get("/").await;
    let policy = page.header("content-security-policy").unwrap().to_owned();
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    let names =
        page.text().split(['"', '\'']).filter(|word| [".js", ".wasm", ".css"].iter().any(|end| word.ends_with(end)));
    for name in names {
        let name = name.trim_start_matches("./").trim_start_matches('/');
        let response = gateway.get_with(&format!("/{name}"), &[("accept-encoding", "br, gzip")]).await;
        assert_eq!(response.status, 200, "{name}");
        let expected = match name.rsplit('.').next() {
            Some("wasm") => "application/wasm",
            Some("css") => "text/css; charset=utf-8",
            _ => "text/javascript; charset=utf-8",
        };
        assert_eq!(response.header("content-type"), Some(expected), "{name}");
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
        let etag = response.header("etag").unwrap();
        let headers = [("accept-encoding", "br, gzip"), ("if-none-match", etag)];
        assert_eq!(gateway.get_with(&format!("/{name}"), &headers).await.status, 304, "{name}");
    }
    gateway.assert_healthy_and_stop().await;
}

/// The files in `target/spa`, as crate `page` links them; empty if the page has not been built.
fn built_page() -> PageFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/spa");
    let mut folders = vec![root.clone()];
    let mut files: Vec<(&'static str, &'static [u8])> = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name.leak(), fs::read(&path).unwrap().leak()));
            }
        }
    }
    PageFiles(files.leak())
}
