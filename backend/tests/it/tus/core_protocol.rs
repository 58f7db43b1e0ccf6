//! HEAD, PATCH and OPTIONS.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::fixtures::{BYTES, UPLOADS, VERSION, base64, create, head, metadata, patch, wait_for_offset};
use crate::test_gateway::{TEST_TIMEOUT, TestGateway};
use crate::test_server::small_tree;

#[tokio::test]
async fn an_upload_resumes_at_its_offset() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "new/caf%C3%A9.bin", 11).await;
    let response = head(&gateway, &address).await;
    assert_eq!((response.status, response.header("cache-control")), (200, Some("no-store")));
    assert_eq!((response.header("upload-offset"), response.header("upload-length")), (Some("0"), Some("11")));
    assert_eq!(response.header("upload-metadata"), Some(metadata(&[("path", "new/caf%C3%A9.bin")]).as_str()));
    assert!(response.header("upload-expires").is_some_and(|date| date.ends_with(" GMT")));

    let response = patch(&gateway, &address, 0, b"hello", &[]).await;
    assert_eq!((response.status, response.header("upload-offset")), (204, Some("5")), "{response:?}");
    assert!(response.header("upload-expires").is_some() && response.header("content-location").is_none());
    gateway.get("/files/new/caf%C3%A9.bin").await.assert_problem(404, "not_found");

    let response = patch(&gateway, &address, 5, b" world", &[]).await;
    assert_eq!((response.status, response.header("upload-offset")), (204, Some("11")), "{response:?}");
    assert_eq!(response.header("content-location"), Some("/files/new/caf%C3%A9.bin"));
    assert_eq!(response.header("upload-outcome"), Some("created"));
    let digest = base64(blake3::hash(b"hello world").as_bytes());
    assert_eq!(response.header("repr-digest"), Some(format!("blake3=:{digest}:").as_str()));
    let file = gateway.get("/files/new/caf%C3%A9.bin").await;
    assert_eq!((file.text(), file.header("etag")), ("hello world", response.header("etag")));

    // A client that missed the response requests again, by HEAD or by PATCH.
    let again = head(&gateway, &address).await;
    assert_eq!((again.status, again.header("etag")), (200, response.header("etag")));
    let again = patch(&gateway, &address, 11, b"", &[]).await;
    assert_eq!((again.status, again.header("etag")), (204, response.header("etag")), "{again:?}");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn requests_without_the_supported_version_are_refused() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "a", 5).await;
    for version in [&[][..], &[("tus-resumable", "0.2.2")], &[("tus-resumable", "2.0.0")]] {
        for (method, target) in [("POST", UPLOADS), ("PATCH", address.as_str()), ("DELETE", &address)] {
            let response = gateway.send(method, target, &[version, &[BYTES]].concat(), b"hello").await;
            response.assert_problem(412, "unsupported_version");
            assert_eq!(response.header("tus-version"), Some("1.0.0"));
            assert_eq!(response.header("tus-resumable"), Some("1.0.0"));
        }
        assert_eq!(gateway.send("HEAD", &address, version, b"").await.status, 412);
    }
    assert_eq!(head(&gateway, &address).await.header("upload-offset"), Some("0"));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn options_lists_version_extensions_and_limits() {
    let config = GatewayConfig { anonymous: Anonymous::Write, upload_bytes_max: 100, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let response = gateway.send("OPTIONS", UPLOADS, &[("tus-resumable", "0.0.0")], b"").await;
    assert_eq!((response.status, response.header("tus-version")), (204, Some("1.0.0")));
    assert_eq!(response.header("tus-max-size"), Some("100"));
    assert_eq!(response.header("tus-checksum-algorithm"), Some("blake3,crc32,sha256,sha1"));
    assert_eq!(
        response.header("tus-extension"),
        Some("creation,creation-with-upload,creation-defer-length,expiration,termination,checksum,concatenation")
    );
    let headers = [VERSION, ("upload-length", "101"), ("upload-metadata", "path YQ==")];
    gateway.send("POST", UPLOADS, &headers, b"").await.assert_problem(413, "too_large");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn patch_requires_the_current_offset() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "a", 10).await;
    assert_eq!(patch(&gateway, &address, 0, b"hello", &[]).await.status, 204);
    for offset in [0, 4, 6, 10, 1 << 40] {
        let response = patch(&gateway, &address, offset, b"xxxxx", &[]).await;
        response.assert_problem(409, "offset_mismatch");
        assert_eq!(response.header("upload-offset"), Some("5"), "{response:?}");
    }
    let response = patch(&gateway, &address, 5, b"123456", &[]).await;
    response.assert_problem(413, "too_large");
    assert_eq!(response.header("upload-offset"), Some("5"));
    assert_eq!(patch(&gateway, &address, 5, b"world", &[]).await.status, 204);
    assert_eq!(gateway.get("/files/a").await.text(), "helloworld");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn patch_requires_the_offset_media_type() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "a", 5).await;
    for kind in [&[][..], &[("content-type", "application/octet-stream")], &[("content-type", "text/plain")]] {
        let headers = [&[VERSION, ("upload-offset", "0")], kind].concat();
        gateway.send("PATCH", &address, &headers, b"hello").await.assert_problem(415, "unsupported_media_type");
    }
    let coded = [("content-encoding", "gzip")];
    patch(&gateway, &address, 0, b"hello", &coded).await.assert_problem(415, "unsupported_media_type");
    gateway.send("PATCH", &address, &[VERSION, BYTES], b"hello").await.assert_problem(400, "bad_request");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn x_http_method_override_replaces_post() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "a", 5).await;
    let headers = [VERSION, BYTES, ("upload-offset", "0"), ("x-http-method-override", "PATCH")];
    assert_eq!(gateway.send("POST", &address, &headers, b"hell").await.header("upload-offset"), Some("4"));
    let headers = [VERSION, ("x-http-method-override", "HEAD")];
    assert_eq!(gateway.send("POST", &address, &headers, b"").await.header("upload-offset"), Some("4"));
    for (method, kind) in [("POST", &[][..]), ("POST", &[("x-http-method-override", "GET")]), ("PUT", &[])] {
        let answer = gateway.send(method, &address, &[&[VERSION], kind].concat(), b"").await;
        answer.assert_problem(405, "method_not_allowed");
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"), "{method} {kind:?}");
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("PATCH")), "{answer:?}");
    }
    let headers = [VERSION, ("x-http-method-override", "DELETE")];
    assert_eq!(gateway.send("POST", &address, &headers, b"").await.status, 204);
    assert!(matches!(head(&gateway, &address).await.status, 404 | 410));
    gateway.assert_healthy_and_stop().await;
}

/// A client resumes after the bytes that arrived before its connection broke.
#[tokio::test]
async fn bytes_before_a_broken_connection_are_kept() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "a", 10).await;
    let mut stream = gateway.connect().await;
    let request = format!(
        "PATCH {address} HTTP/1.1\r\nhost: {}\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: 10\r\n\r\nhello",
        gateway.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut response = Vec::new();
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut response)).await.unwrap();
    drop(stream);
    wait_for_offset(&gateway, &address, "5").await;
    assert_eq!(patch(&gateway, &address, 5, b"world", &[]).await.status, 204);
    assert_eq!(gateway.get("/files/a").await.text(), "helloworld");
    gateway.assert_healthy_and_stop().await;
}

/// A request on a dead connection must not lock its own client out.
#[tokio::test]
async fn a_newer_request_takes_over_from_a_dead_connection() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "a", 10).await;
    let request = format!(
        "PATCH {address} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\n\
         content-type: application/offset+octet-stream\r\ncontent-length: 10\r\n\r\nhello",
        gateway.address
    );
    // HEAD takes the upload over, too. If it comes before the first bytes, the PATCH ends without them: try again.
    let waiting = async {
        loop {
            let mut dead = gateway.connect().await;
            dead.write_all(request.as_bytes()).await.unwrap();
            if head(&gateway, &address).await.header("upload-offset") == Some("5") {
                break dead;
            }
        }
    };
    let mut dead = timeout(TEST_TIMEOUT, waiting).await.expect("the upload does not reach the offset");
    assert_eq!(patch(&gateway, &address, 5, b"world", &[]).await.status, 204);
    assert_eq!(gateway.get("/files/a").await.text(), "helloworld");
    // The older request ends although its client sends nothing, and its later bytes are ignored.
    let mut response = Vec::new();
    let _ = timeout(TEST_TIMEOUT, dead.read_to_end(&mut response)).await.unwrap();
    let _ = dead.write_all(b"WORLD").await;
    assert!(!response.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&response));
    assert_eq!(gateway.get("/files/a").await.text(), "helloworld");
    gateway.assert_healthy_and_stop().await;
}
