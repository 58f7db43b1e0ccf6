//! Requests that change files: CSRF, false lengths, uploaded scripts.

use std::sync::Arc;

use backend::gateway::GatewayConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::fixtures::status;
use crate::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};
use crate::test_server::small_tree;

use backend::gateway::Anonymous;

/// Every request that changes files: method, target and content type.
const CHANGING: [(&str, &str, &str); 7] = [
    ("PUT", "/files/hello.txt", "text/plain"),
    ("DELETE", "/files/hello.txt", "text/plain"),
    ("POST", "/api/v1/uploads", "application/offset+octet-stream"),
    ("PATCH", "/api/v1/uploads/00000000000000000000000000000000", "application/offset+octet-stream"),
    ("DELETE", "/api/v1/uploads/00000000000000000000000000000000", "text/plain"),
    ("POST", "/api/v1/uploads/00000000000000000000000000000000/commit", "application/json"),
    ("POST", "/api/v1/changes", "application/json"),
];

/// CSRF: a page of another site cannot change files through a browser.
#[tokio::test]
async fn cross_site_requests_cannot_change_anything() {
    let config = GatewayConfig {
        anonymous: Anonymous::Write,
        cors_origins: vec!["https://pages.example.org".into(), "*".into()],
        ..GatewayConfig::default()
    };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let body = br#"{"action":"delete","items":[{"path":"hello.txt"}]}"#;
    for (method, target, kind) in CHANGING {
        for fields in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://localhost:1")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("x-http-method-override", "GET")],
        ] {
            let headers = [&[("content-type", kind)], fields].concat();
            gateway.send(method, target, &headers, body).await.assert_problem(403, "cross_site");
        }
    }
    assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
    // Requests of the own page, of a configured origin, and of programs that send no such header are accepted.
    let own = format!("http://{}", gateway.address);
    for fields in [
        vec![("origin", own.as_str())],
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://pages.example.org")],
        vec![],
    ] {
        assert_eq!(gateway.send("PUT", "/files/hello.txt", &fields, b"mine").await.status, 204, "{fields:?}");
    }
    gateway.assert_healthy_and_stop().await;
}

/// The refusal needs no byte of the body, and no 100 (Continue) is sent.
#[tokio::test]
async fn cross_site_requests_are_refused_before_their_body() {
    let gateway = TestGateway::writable().await;
    let mut stream = gateway.connect().await;
    let head = format!(
        "PUT /files/hello.txt HTTP/1.1\r\nhost: {}\r\norigin: https://evil.example\r\nexpect: 100-continue\r\n\
         content-length: 1000000\r\n\r\n",
        gateway.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    timeout(TEST_TIMEOUT, stream.read_to_end(&mut response)).await.unwrap().unwrap();
    HttpResponse::read(&response, false).unwrap().assert_problem(403, "cross_site");
    gateway.assert_healthy_and_stop().await;
}

/// Lengths that are contradictory, negative, too large, or not numbers (RFC 9112 §6.3 and §7.1).
#[tokio::test]
async fn invalid_and_contradictory_lengths_are_refused() {
    let gateway = TestGateway::writable().await;
    let put = async |head: &str| {
        let host = gateway.address;
        gateway
            .send_raw(format!("PUT /files/lies HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{head}").as_bytes())
            .await
    };
    for head in [
        "content-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        "content-length: -5\r\n\r\nhello",
        "content-length: 5x\r\n\r\nhello",
        "content-length: 99999999999999999999999\r\n\r\nhello",
        "content-length: \r\n\r\nhello",
        "content-length: 5, 6\r\n\r\nhello!",
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        "transfer-encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "transfer-encoding: gzip\r\n\r\nhello",
        "transfer-encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let response = put(head).await;
        let status = status(&response).unwrap_or(0);
        assert!((400..500).contains(&status), "{head:?}: {}", String::from_utf8_lossy(&response));
        gateway.get("/files/lies").await.assert_problem(404, "not_found");
    }
    // Bytes after the announced length are not part of the file.
    put("content-length: 5\r\n\r\nhello, and GET /more HTTP/1.1\r\n\r\n").await;
    assert_eq!(gateway.get("/files/lies").await.text(), "hello");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn invalid_upload_offsets_and_lengths_are_refused() {
    let gateway = TestGateway::writable().await;
    let version = ("tus-resumable", "1.0.0");
    let name = ("upload-metadata", "path bGllcw==");
    for length in ["-1", "1e9", "0x5", "9223372036854775808", "18446744073709551616", " ", "5,5"] {
        let response = gateway.send("POST", "/api/v1/uploads", &[version, name, ("upload-length", length)], b"").await;
        response.assert_problem(400, "bad_request");
    }
    let response = gateway.send("POST", "/api/v1/uploads", &[version, name, ("upload-length", "5")], b"").await;
    let address = format!("/api/v1/{}", response.header("location").unwrap());
    let bytes = ("content-type", "application/offset+octet-stream");
    for offset in ["-1", "1e9", "", "9223372036854775808", "18446744073709551615"] {
        let response = gateway.send("PATCH", &address, &[version, bytes, ("upload-offset", offset)], b"hello").await;
        response.assert_problem(400, "bad_request");
    }
    let most = i64::MAX.to_string();
    let response = gateway.send("PATCH", &address, &[version, bytes, ("upload-offset", &most)], b"hello").await;
    assert!(matches!(response.status, 400 | 409 | 413), "{response:?}");
    let twice = [version, bytes, ("upload-offset", "0"), ("upload-offset", "0")];
    gateway.send("PATCH", &address, &twice, b"hello").await.assert_problem(400, "bad_request");
    gateway.get("/files/lies").await.assert_problem(404, "not_found");
    gateway.assert_healthy_and_stop().await;
}

/// The content type of the upload does not weaken the sandbox of the download.
#[tokio::test]
async fn an_uploaded_file_is_sandboxed() {
    let gateway = TestGateway::writable().await;
    let script = b"<script>alert(document.domain)</script>";
    for name in ["a.html", "a.svg", "a.xhtml", "a"] {
        let kind = [("content-type", "text/html")];
        assert_eq!(gateway.send("PUT", &format!("/files/{name}"), &kind, script).await.status, 201);
        let response = gateway.get(&format!("/files/{name}")).await;
        assert!(response.header("content-security-policy").unwrap().starts_with("sandbox; img-src data:;"), "{name}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    gateway.assert_healthy_and_stop().await;
}

/// PUT and DELETE use the parser of paths that GET uses.
#[tokio::test]
async fn writes_cannot_leave_the_root() {
    let gateway = TestGateway::writable().await;
    for path in ["../a", "%2e%2e/a", "docs/../../a", "docs/%2e%2e/%2e%2e/a", "a%00", "a%2fb", "/a", "docs//a", "%zz"] {
        gateway.send("PUT", &format!("/files/{path}"), &[], b"x").await.assert_problem(400, "bad_path");
        gateway.send("DELETE", &format!("/files/{path}"), &[], b"").await.assert_problem(400, "bad_path");
    }
    for path in [".passerelle", ".passerelle/a", "docs/.passerelle/a"] {
        let response = gateway.send("PUT", &format!("/files/{path}"), &[], b"x").await;
        assert!((400..500).contains(&response.status), "{path}: {response:?}");
    }
    gateway.assert_healthy_and_stop().await;
}
