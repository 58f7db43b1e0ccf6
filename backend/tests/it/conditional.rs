//! Conditional requests and ranges over TCP: RFC 9110 §13 and §14.

use std::sync::Arc;

use backend::storage::memory::MemoryStorage;
use shared::Timestamp;

use super::test_gateway::{HttpResponse, TestGateway};

const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

/// Content of a file in which neighbouring offsets have different bytes.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

async fn gateway(length: usize) -> TestGateway {
    let storage = MemoryStorage::new();
    storage.add_file("file.bin", content(length)).unwrap();
    storage.set_modified("file.bin", Timestamp::from_parts(1_700_000_000, 999)).unwrap();
    storage.add_file("empty", "").unwrap();
    TestGateway::with_storage(Arc::new(storage)).await
}

async fn ranged(gateway: &TestGateway, range: &str) -> HttpResponse {
    gateway.get_with("/files/file.bin", &[("range", range)]).await
}

#[tokio::test]
async fn a_single_range_is_answered_206() {
    let gateway = gateway(1_000_000).await;
    let whole = content(1_000_000);
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=999999-", 999_999, 999_999),
        ("bytes=500000-99999999999999999999", 500_000, 999_999),
        ("bytes=-10", 999_990, 999_999),
        ("bytes=0-", 0, 999_999),
        // Overlapping and adjacent ranges are merged, and a single range is not sent as multipart.
        ("bytes=5-9,0-7,10-19", 0, 19),
        ("bytes=2000000-,3-4", 3, 4),
    ] {
        let response = ranged(&gateway, range).await;
        assert_eq!((response.status, response.complete), (206, true), "{range}");
        assert_eq!(response.header("content-range"), Some(format!("bytes {first}-{last}/1000000").as_str()), "{range}");
        assert!(response.body == whole[first..=last], "{range}");
        assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn unsatisfiable_ranges_are_answered_416_and_invalid_ones_are_ignored() {
    let gateway = gateway(1000).await;
    for range in ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=5000-,6000-"] {
        let response = ranged(&gateway, range).await;
        response.assert_problem(416, "range_not_satisfiable");
        assert_eq!(response.header("content-range"), Some("bytes */1000"), "{range}");
    }
    for range in ["bytes=5-3", "lines=0-1", "bytes=a-b", "bytes", "bytes=--3"] {
        let response = ranged(&gateway, range).await;
        assert_eq!((response.status, response.body.len()), (200, 1000), "{range}");
    }
    let empty = gateway.get_with("/files/empty", &[("range", "bytes=0-")]).await;
    assert_eq!((empty.status, empty.body.len(), empty.complete), (200, 0, true));
    let head = gateway.send("HEAD", "/files/file.bin", &[("range", "bytes=0-1")], b"").await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("1000")));
    gateway.assert_healthy_and_stop().await;
}

/// The header and the content of each part of a multipart body.
fn parts(response: &HttpResponse) -> Vec<(String, Vec<u8>)> {
    let boundary = response.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = &response.body[..];
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let mut parts = Vec::new();
    rest = &rest[find(rest, delimiter.as_bytes()).unwrap() + delimiter.len()..];
    while !rest.starts_with(b"--\r\n") {
        let head = find(rest, b"\r\n\r\n").unwrap();
        let end = head + 4 + find(&rest[head + 4..], delimiter.as_bytes()).unwrap();
        parts.push((String::from_utf8(rest[2..head].to_vec()).unwrap(), rest[head + 4..end].to_vec()));
        rest = &rest[end + delimiter.len()..];
    }
    assert_eq!(rest, b"--\r\n");
    parts
}

#[tokio::test]
async fn several_ranges_are_sent_as_multipart_in_request_order() {
    let gateway = gateway(1_000_000).await;
    let whole = content(1_000_000);
    let response = ranged(&gateway, "bytes=600000-999999, 0-9,-1,20-29").await;
    assert_eq!((response.status, response.complete), (206, true));
    assert_eq!(response.header("content-range"), None);
    let parts = parts(&response);
    let expected = [(600_000, 999_999), (0, 9), (20, 29)];
    assert_eq!(parts.len(), expected.len());
    for ((head, body), (first, last)) in parts.iter().zip(expected) {
        assert!(head.contains(&format!("Content-Range: bytes {first}-{last}/1000000")), "{head}");
        assert!(head.contains("Content-Type: application/octet-stream"), "{head}");
        assert!(*body == whole[first..=last]);
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn preconditions_select_200_304_or_412() {
    let gateway = gateway(1000).await;
    let first = gateway.get("/files/file.bin").await;
    assert_eq!(first.header("last-modified"), Some(DATE));
    let etag = first.header("etag").unwrap();
    let weak = format!("W/{etag}");
    let earlier = "Tue, 14 Nov 2023 22:13:19 GMT";
    for (name, value, status) in [
        ("if-none-match", etag, 304),
        ("if-none-match", weak.as_str(), 304),
        ("if-none-match", "*", 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", DATE, 304),
        ("if-modified-since", earlier, 200),
        ("if-match", etag, 200),
        ("if-match", "*", 200),
        ("if-match", weak.as_str(), 412),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", DATE, 200),
        ("if-unmodified-since", earlier, 412),
    ] {
        for method in ["GET", "HEAD"] {
            let response = gateway.send(method, "/files/file.bin", &[(name, value)], b"").await;
            assert_eq!((response.status, response.complete), (status, true), "{method} {name}: {value}");
            if status == 304 {
                assert_eq!((response.header("etag"), response.header("last-modified")), (Some(etag), Some(DATE)));
                assert_eq!((response.header("content-type"), response.body.len()), (None, 0));
            }
        }
    }
    gateway.get_with("/files/file.bin", &[("if-match", "\"other\"")]).await.assert_problem(412, "precondition_failed");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn if_range_resumes_only_an_unchanged_file() {
    let gateway = gateway(1000).await;
    let etag = gateway.get("/files/file.bin").await.header("etag").unwrap().to_owned();
    for (validator, status) in [
        (etag.as_str(), 206),
        (DATE, 206),
        ("\"other\"", 200),
        ("Tue, 14 Nov 2023 22:13:21 GMT", 200),
        ("nonsense", 200),
    ] {
        let response = gateway.get_with("/files/file.bin", &[("range", "bytes=10-"), ("if-range", validator)]).await;
        assert_eq!(response.status, status, "{validator}");
        assert_eq!(response.body.len(), if status == 206 { 990 } else { 1000 });
    }
    gateway.assert_healthy_and_stop().await;
}
