//! `PUT` and `DELETE` of files: atomic, conditional, and refused before the body is sent.

use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::Storage;
use shared::api::changes::Trash;
use shared::api::files::Folder;
use shared::limits::STORE_BYTES_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};
use super::test_server::small_tree;

/// The names of a folder's entries.
async fn names(gateway: &TestGateway, folder: &str) -> Vec<String> {
    let folder: Folder = gateway.get(&format!("/api/v1/list/{folder}")).await.json();
    folder.entries.iter().map(|entry| entry.display_name().into_owned()).collect()
}

/// Sends the head of a request with `Expect: 100-continue`, and returns what arrives before the body is sent.
async fn send_head(gateway: &TestGateway, head: &str) -> String {
    let mut stream = gateway.connect().await;
    let head = format!("{head}host: {}\r\nexpect: 100-continue\r\n\r\n", gateway.address);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = [0; 4096];
    let length = timeout(TEST_TIMEOUT, stream.read(&mut response)).await.unwrap().unwrap();
    String::from_utf8(response[..length].to_vec()).unwrap()
}

mod put {
    use super::*;

    #[tokio::test]
    async fn put_creates_a_file_and_returns_its_metadata() {
        let gateway = TestGateway::writable().await;
        let content: Vec<u8> = (0..3_000_000_u32).map(|index| (index >> 7) as u8).collect();
        let response =
            gateway.send("PUT", "/files/new/folder/caf%C3%A9.bin", &[("x-oc-mtime", "1700000000")], &content).await;
        assert_eq!((response.status, response.header("location")), (201, Some("caf%C3%A9.bin")), "{response:?}");
        assert_eq!(response.header("last-modified"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(response.header("x-oc-mtime"), Some("accepted"));
        assert_eq!(response.header("upload-outcome"), Some("created"));
        assert!(response.header("repr-digest").is_some_and(|digest| digest.starts_with("blake3=:")), "{response:?}");
        let file = gateway.get("/files/new/folder/caf%C3%A9.bin").await;
        assert!(file.complete && file.body == content);
        assert_eq!(file.header("etag"), response.header("etag"));
        assert_eq!(file.header("last-modified"), response.header("last-modified"));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn put_beside_an_equivalent_name_tells_that_name() {
        let gateway = TestGateway::writable().await;
        let put = async |path: &str, content: &[u8]| {
            let response = gateway.send("PUT", path, &[], content).await;
            assert!(matches!(response.status, 201 | 204), "{response:?}");
            response.header("passerelle-similar").map(str::to_owned)
        };
        assert_eq!(put("/files/docs/%C3%A9t%C3%A9", b"1").await, None);
        assert_eq!(put("/files/docs/e%CC%81te%CC%81", b"2").await.as_deref(), Some("%C3%A9t%C3%A9"));
        assert_eq!(put("/files/HELLO.txt", b"3").await.as_deref(), Some("hello.txt"));
        // Only a new file comes with the header.
        assert_eq!(put("/files/HELLO.txt", b"4").await, None);
        // Longer than the files that are stored in one exchange.
        let long = vec![0; STORE_BYTES_MAX as usize + 1];
        assert_eq!(put("/files/Hello.TXT", &long).await.map(|name| name.to_lowercase()).as_deref(), Some("hello.txt"));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn put_replaces_a_file_and_stores_an_empty_one() {
        let gateway = TestGateway::writable().await;
        let response = gateway.send("PUT", "/files/hello.txt", &[], b"other").await;
        assert_eq!((response.status, response.header("upload-outcome")), (204, Some("replaced")), "{response:?}");
        let listing = gateway.get("/api/v1/trash").await;
        let trash = listing.text();
        let kept = response.header("upload-replaced").unwrap();
        assert!(trash.contains(kept) && trash.contains("hello.txt"), "{trash}");
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "other");
        let response = gateway.send("PUT", "/files/nothing", &[("content-length", "0")], b"").await;
        assert_eq!(response.status, 201, "{response:?}");
        assert_eq!(gateway.get("/files/nothing").await.header("content-length"), Some("0"));
        gateway.assert_healthy_and_stop().await;
    }

    /// The condition of the first request holds no longer.
    #[tokio::test]
    async fn a_repeated_put_with_a_key_has_the_first_answer() {
        let gateway = TestGateway::writable().await;
        let etag = gateway.get("/files/hello.txt").await.header("etag").unwrap().to_owned();
        let key = ("idempotency-key", "00112233445566778899aabbccddeeff");
        let put =
            async |bytes: &[u8]| gateway.send("PUT", "/files/hello.txt", &[key, ("if-match", &etag)], bytes).await;
        let (first, again) = (put(b"other").await, put(b"other").await);
        assert_eq!((first.status, again.status), (204, 204), "{again:?}");
        assert!(first.header("upload-replaced").is_some());
        for name in ["upload-replaced", "etag", "upload-outcome"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        put(b"another").await.assert_problem(422, "key_reused");
        let listing = gateway.get("/api/v1/trash").await;
        assert!(listing.text().contains("\"total\":1"), "{}", listing.text());
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn put_accepts_a_chunked_body() {
        let gateway = TestGateway::writable().await;
        let head = format!("PUT /files/chunks HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", gateway.address);
        let body = "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n";
        let response = HttpResponse::read(&gateway.send_raw((head + body).as_bytes()).await, false).unwrap();
        assert_eq!(response.status, 201, "{response:?}");
        assert_eq!(gateway.get("/files/chunks").await.text(), "hello, world");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn preconditions_are_checked() {
        let gateway = TestGateway::writable().await;
        let tag = gateway.get("/files/hello.txt").await.header("etag").unwrap().to_owned();
        let other = "\"00000000000000000000000000000000\"";
        let old = "Thu, 01 Jan 1970 00:00:01 GMT";
        for headers in [
            [("if-none-match", "*")],
            [("if-none-match", tag.as_str())],
            [("if-match", other)],
            [("if-match", "\"foreign\"")],
            [("if-unmodified-since", old)],
        ] {
            gateway.send("PUT", "/files/hello.txt", &headers, b"no").await.assert_problem(412, "precondition_failed");
        }
        for headers in [[("if-match", "*")], [("if-match", tag.as_str())]] {
            gateway.send("PUT", "/files/none", &headers, b"no").await.assert_problem(412, "precondition_failed");
        }
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
        gateway.get("/files/none").await.assert_problem(404, "not_found");

        let put = |headers: &'static [(&str, &str)], target| gateway.send("PUT", target, headers, b"yes");
        assert_eq!(put(&[("if-none-match", "*")], "/files/none").await.status, 201);
        assert_eq!(gateway.send("PUT", "/files/hello.txt", &[("if-match", &tag)], b"1").await.status, 204);
        // The first PUT has replaced the state with this validator.
        gateway
            .send("PUT", "/files/hello.txt", &[("if-match", &tag)], b"2")
            .await
            .assert_problem(412, "precondition_failed");
        assert_eq!(gateway.send("PUT", "/files/hello.txt", &[("if-none-match", &tag)], b"3").await.status, 204);
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "3");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn put_verifies_digests_of_the_request() {
        let gateway = TestGateway::writable().await;
        let sha = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
        let blake3 = "blake3=:6o8WPbOGgpJeRJHF5Y1Ls1Bu+MFOt4qG6QjFYkpnIA8=:";
        for digest in [sha, blake3] {
            let response = gateway.send("PUT", "/files/proved", &[("repr-digest", digest)], b"hellp").await;
            response.assert_problem(400, "checksum_mismatch");
            gateway.get("/files/proved").await.assert_problem(404, "not_found");
        }
        assert_eq!(gateway.send("PUT", "/files/proved", &[("content-digest", sha)], b"hello").await.status, 201);
        let response = gateway.send("PUT", "/files/proved", &[("repr-digest", "sha-256=:AAAA:")], b"hello").await;
        response.assert_problem(400, "bad_request");
        gateway.assert_healthy_and_stop().await;
    }

    /// RFC 9530 §4: `Want-Repr-Digest` gets the known digests of the state that the response has.
    #[tokio::test]
    async fn want_repr_digest_gets_the_known_digests() {
        let gateway = TestGateway::writable().await;
        let put = gateway.send("PUT", "/files/a", &[], b"hello").await;
        let digest = put.header("repr-digest").unwrap().to_owned();
        assert!(digest.starts_with("blake3=:"), "{digest}");
        for method in ["GET", "HEAD"] {
            let response = gateway.send(method, "/files/a", &[("want-repr-digest", "blake3=10")], b"").await;
            assert_eq!((response.status, response.header("repr-digest")), (200, Some(digest.as_str())), "{method}");
        }
        let part = [("want-repr-digest", "blake3=10, sha-256=1"), ("range", "bytes=1-2")];
        let response = gateway.send("GET", "/files/a", &part, b"").await;
        assert_eq!((response.status, response.header("repr-digest")), (206, Some(digest.as_str())));
        assert_eq!(gateway.send("GET", "/files/a", &[], b"").await.header("repr-digest"), None);
        let unknown = gateway.send("GET", "/files/a", &[("want-repr-digest", "sha-256=10")], b"").await;
        assert_eq!((unknown.status, unknown.header("repr-digest")), (200, None));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn put_refuses_invalid_requests() {
        let gateway = TestGateway::writable().await;
        let put = async |target, headers: &[(&str, &str)]| gateway.send("PUT", target, headers, b"x").await;
        put("/files/docs", &[]).await.assert_problem(409, "is_folder");
        put("/files/docs/", &[]).await.assert_problem(409, "is_folder");
        put("/files/", &[]).await.assert_problem(409, "is_folder");
        put("/files", &[]).await.assert_problem(409, "is_folder");
        put("/files/a", &[("content-range", "bytes 0-0/5")]).await.assert_problem(400, "bad_request");
        put("/files/a", &[("content-encoding", "gzip")]).await.assert_problem(415, "unsupported_media_type");
        gateway.send("PUT", "/files/hello.txt", &[], b"").await.assert_problem(411, "length_required");
        put("/files/a", &[("x-oc-mtime", "yesterday")]).await.assert_problem(400, "bad_request");
        put("/files/a/../b", &[]).await.assert_problem(400, "bad_path");
        put("/files/%2e%2e/b", &[]).await.assert_problem(400, "bad_path");
        put("/files/.passerelle/x", &[]).await.assert_problem(400, "name_reserved");
        put("/files/hello.txt/x", &[]).await.assert_problem(404, "not_folder");
        assert_eq!(gateway.send("PUT", "/files/a", &[("content-encoding", "identity")], b"x").await.status, 201);
        assert_eq!(names(&gateway, "").await, ["docs", "a", "empty", "hello.txt"]);
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn expect_continue_is_refused_before_the_body() {
        let config = GatewayConfig { anonymous: Anonymous::Write, upload_bytes_max: 1000, ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let starts = async |head: &str, expected: &str| {
            let response = send_head(&gateway, head).await;
            assert!(response.starts_with(&format!("HTTP/1.1 {expected}")), "{head}: {response}");
        };
        starts("PUT /files/new HTTP/1.1\r\ncontent-length: 1000\r\n", "100").await;
        starts("PUT /files/new HTTP/1.1\r\ncontent-length: 1001\r\n", "413").await;
        starts("PUT /files/docs HTTP/1.1\r\ncontent-length: 10\r\n", "409").await;
        starts("PUT /files/hello.txt HTTP/1.1\r\nif-none-match: *\r\ncontent-length: 10\r\n", "412").await;
        starts("PUT /files/new HTTP/1.1\r\norigin: https://evil.example\r\ncontent-length: 10\r\n", "403").await;
        let reading = TestGateway::start().await;
        let response = send_head(&reading, "PUT /files/new HTTP/1.1\r\ncontent-length: 10\r\n").await;
        assert!(response.starts_with("HTTP/1.1 403"), "{response}");
        reading.assert_healthy_and_stop().await;
        gateway.assert_healthy_and_stop().await;
    }

    /// The limit applies to chunked bodies, too.
    #[tokio::test]
    async fn put_refuses_a_body_over_the_limit() {
        let config = GatewayConfig { anonymous: Anonymous::Write, upload_bytes_max: 10, ..GatewayConfig::default() };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        gateway.send("PUT", "/files/a", &[], b"12345678901").await.assert_problem(413, "too_large");
        let head = format!("PUT /files/a HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", gateway.address);
        let body = "transfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n";
        let response = HttpResponse::read(&gateway.send_raw((head + body).as_bytes()).await, false).unwrap();
        response.assert_problem(413, "too_large");
        assert_eq!(gateway.send("PUT", "/files/b", &[], b"1234567890").await.status, 201);
        gateway.get("/files/a").await.assert_problem(404, "not_found");
        gateway.assert_healthy_and_stop().await;
    }

    /// The gateway closes the connection only after the client could read the response.
    #[tokio::test]
    async fn a_refusal_arrives_while_the_client_is_sending() {
        let gateway = TestGateway::start().await;
        let response = gateway.send("PUT", "/files/large", &[], &vec![7; 8 << 20]).await;
        response.assert_problem(403, "forbidden");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn a_truncated_body_creates_no_file() {
        let gateway = TestGateway::writable().await;
        for body in ["content-length: 10\r\n\r\n12345", "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n"] {
            for target in ["new", "hello.txt"] {
                let mut stream = gateway.connect().await;
                let head = format!("PUT /files/{target} HTTP/1.1\r\nhost: {}\r\n{body}", gateway.address);
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                let mut response = Vec::new();
                let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut response)).await.unwrap();
                assert!(!response.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&response));
            }
        }
        assert_eq!(names(&gateway, "").await, ["docs", "empty", "hello.txt"]);
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
        gateway.assert_healthy_and_stop().await;
    }

    /// Only the time without a byte is limited, not the time of the complete body.
    #[tokio::test]
    async fn a_stalled_body_times_out() {
        let stall_time = Duration::from_millis(300);
        let config = GatewayConfig {
            anonymous: Anonymous::Write,
            stall_time,
            body_read_time: Duration::from_millis(1),
            ..GatewayConfig::default()
        };
        let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
        let mut stream = gateway.connect().await;
        let head = format!("PUT /files/slow HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", gateway.address);
        stream.write_all(format!("{head}content-length: 10\r\n\r\n12345").as_bytes()).await.unwrap();
        let mut response = Vec::new();
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut response)).await.unwrap();
        HttpResponse::read(&response, false).unwrap().assert_problem(408, "deadline_exceeded");
        gateway.get("/files/slow").await.assert_problem(404, "not_found");
        gateway.assert_healthy_and_stop().await;
    }
}

mod delete {
    use super::*;

    #[tokio::test]
    async fn delete_moves_entries_to_the_trash() {
        let gateway = TestGateway::writable().await;
        assert_eq!(gateway.send("DELETE", "/files/hello.txt", &[], b"").await.status, 204);
        assert_eq!(gateway.send("DELETE", "/files/docs/", &[], b"").await.status, 204);
        gateway.send("DELETE", "/files/hello.txt", &[], b"").await.assert_problem(404, "not_found");
        gateway.send("DELETE", "/files/empty/", &[], b"").await.assert_problem(404, "not_folder");
        assert_eq!(names(&gateway, "").await, ["empty"]);
        let trash: Trash = gateway.get("/api/v1/trash").await.json();
        let paths: Vec<_> = trash.items.iter().map(|item| item.entry.path.encoded()).collect();
        assert_eq!((trash.total, paths), (2, vec!["docs".to_owned(), "hello.txt".to_owned()]));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn preconditions_are_checked() {
        let gateway = TestGateway::writable().await;
        let tag = gateway.get("/files/hello.txt").await.header("etag").unwrap().to_owned();
        let delete = async |headers: &[(&str, &str)]| gateway.send("DELETE", "/files/hello.txt", headers, b"").await;
        delete(&[("if-match", "\"00000000000000000000000000000000\"")])
            .await
            .assert_problem(412, "precondition_failed");
        delete(&[("if-none-match", "*")]).await.assert_problem(412, "precondition_failed");
        assert_eq!(delete(&[("if-match", &tag)]).await.status, 204);
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn delete_refuses_the_root_and_callers_without_the_right() {
        let gateway = TestGateway::writable().await;
        let response = gateway.send("DELETE", "/files/", &[], b"").await;
        assert!((400..500).contains(&response.status), "{response:?}");
        assert_eq!(names(&gateway, "").await.len(), 3);
        gateway.assert_healthy_and_stop().await;
        let gateway = TestGateway::start().await;
        gateway.send("DELETE", "/files/hello.txt", &[], b"").await.assert_problem(403, "forbidden");
        gateway.assert_healthy_and_stop().await;
    }
}

/// `Allow` has only the methods for which the caller has the rights.
#[tokio::test]
async fn options_and_405_name_the_allowed_methods() {
    for (gateway, allowed) in [
        (TestGateway::start().await, "GET, HEAD, OPTIONS"),
        (TestGateway::writable().await, "GET, HEAD, PUT, POST, DELETE, OPTIONS"),
    ] {
        for method in ["OPTIONS", "PROPFIND"] {
            let response = gateway.send(method, "/files/hello.txt", &[], b"").await;
            assert_eq!(response.header("allow"), Some(allowed), "{method}: {response:?}");
        }
        gateway.assert_healthy_and_stop().await;
    }
}

/// The storage removes the staged bytes of a PUT whose connection breaks.
#[tokio::test]
async fn a_broken_put_leaves_no_staged_bytes() {
    let storage = Arc::new(small_tree());
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::clone(&storage) as Arc<dyn Storage>, config).await;
    let mut stream = gateway.connect().await;
    // Shorter bodies are stored in one step, without staging.
    let length = STORE_BYTES_MAX + 1;
    let head = format!("PUT /files/new HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\r\n12345", gateway.address);
    stream.write_all(head.as_bytes()).await.unwrap();
    let staged = async |expected: bool| {
        let waiting = async {
            while storage.list_staged().unwrap().is_empty() == expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(TEST_TIMEOUT, waiting).await.expect("the staged bytes neither appear nor disappear");
    };
    staged(true).await;
    drop(stream);
    staged(false).await;
    gateway.assert_healthy_and_stop().await;
}
