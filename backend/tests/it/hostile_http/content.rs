//! Files and names with scripts.

use std::sync::Arc;

use backend::storage::memory::MemoryStorage;

use crate::test_gateway::TestGateway;

/// Scripts in files do not run with the rights of this site.
#[tokio::test]
async fn a_file_with_scripts_is_sandboxed() {
    let storage = MemoryStorage::new();
    for name in ["a.html", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mjs", "a.htm", "a.swf", "a", "a.md", "a.mht"] {
        storage.add_file(name, "<script>alert(1)</script>").unwrap();
    }
    storage.add_file("a.pdf", "%PDF-1.7").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    for name in ["a.html", "a.svg", "a.xml", "a.xhtml", "a.js", "a.mjs", "a.htm", "a.swf", "a", "a.md", "a.mht"] {
        for headers in [&[][..], &[("range", "bytes=0-3")]] {
            let response = gateway.get_with(&format!("/files/{name}"), headers).await;
            let policy = response.header("content-security-policy").unwrap();
            assert!(policy.starts_with("sandbox; img-src data:;"), "{name}: {policy}");
            assert!(!policy.contains("allow-") && !policy.contains("script-src"), "{name}: {policy}");
            assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{name}");
        }
    }
    let pdf = gateway.get("/files/a.pdf").await;
    assert!(pdf.header("content-security-policy").unwrap().contains("default-src 'none'"));
    gateway.assert_healthy_and_stop().await;
}

/// Reflected request text could be executed by a browser.
#[tokio::test]
async fn errors_do_not_reflect_the_request() {
    let gateway = TestGateway::start().await;
    for target in ["/files/%3Cscript%3E", "/api/v1/list/%3Cscript%3E?sort=%3Cscript%3E", "/api/v1/%3Cscript%3E"] {
        let response = gateway.get(target).await;
        assert!(!response.text().contains("script"), "{}", response.text());
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_download_name_cannot_add_a_header() {
    let storage = MemoryStorage::new();
    storage.add_file("a\r\nset-cookie: x=1\".txt", "x").unwrap();
    let gateway = TestGateway::with_storage(Arc::new(storage)).await;
    let response = gateway.get("/files/a%0D%0Aset-cookie%3A%20x%3D1%22.txt?download").await;
    assert_eq!((response.status, response.header("set-cookie")), (200, None));
    gateway.assert_healthy_and_stop().await;
}
