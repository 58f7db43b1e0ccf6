//! The tus 1.0.0 core protocol, its extensions, and the commit, JSON and digest additions of this server.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use shared::api::uploads::{UploadState, Uploads};
use shared::{Algorithm, Rights, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};
use super::test_server::{path, small_tree};

const UPLOADS: &str = "/api/v1/uploads";
const VERSION: (&str, &str) = ("tus-resumable", "1.0.0");
const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// Base64 of metadata and checksums, independent of the encoder under test.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().enumerate().fold(0_usize, |group, (index, byte)| group | (*byte as usize) << (16 - 8 * index));
        (0..4).for_each(|index| {
            text.push(if index <= chunk.len() { ALPHABET[group >> (18 - 6 * index) & 63] as char } else { '=' });
        });
    }
    text
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key} {}", base64(value.as_bytes()))).collect();
    pairs.join(",")
}

/// Creates an upload, and returns its address.
async fn create(gateway: &TestGateway, target: &str, length: usize) -> String {
    let (length, metadata) = (length.to_string(), metadata(&[("path", target)]));
    let headers = [VERSION, ("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
    let response = gateway.send("POST", UPLOADS, &headers, b"").await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("tus-resumable"), Some("1.0.0"));
    resolve(response.header("location").unwrap())
}

fn resolve(location: &str) -> String {
    format!("/api/v1/{location}")
}

async fn patch(
    gateway: &TestGateway,
    address: &str,
    offset: usize,
    bytes: &[u8],
    more: &[(&str, &str)],
) -> HttpResponse {
    let offset = offset.to_string();
    let headers = [&[VERSION, BYTES, ("upload-offset", offset.as_str())], more].concat();
    let headers = if bytes.is_empty() { [&headers[..], &[("content-length", "0")]].concat() } else { headers };
    gateway.send("PATCH", address, &headers, bytes).await
}

async fn head(gateway: &TestGateway, address: &str) -> HttpResponse {
    let response = gateway.send("HEAD", address, &[VERSION], b"").await;
    assert_eq!(response.header("tus-resumable"), Some("1.0.0"), "{response:?}");
    response
}

/// Waits until the upload has this offset.
async fn wait_for_offset(gateway: &TestGateway, address: &str, offset: &str) {
    let waiting = async {
        while head(gateway, address).await.header("upload-offset") != Some(offset) {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, waiting).await.expect("the upload does not reach the offset");
}

mod core {
    use super::*;

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
        gateway.send("POST", &address, &[VERSION], b"").await.assert_problem(405, "method_not_allowed");
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
}

mod creation {
    use super::*;

    #[tokio::test]
    async fn creation_with_upload_stores_the_first_bytes() {
        let gateway = TestGateway::writable().await;
        let create = async |length: &str, target: &str, bytes: &[u8]| {
            let metadata = metadata(&[("filename", target)]);
            let headers = [VERSION, BYTES, ("upload-length", length), ("upload-metadata", metadata.as_str())];
            gateway.send("POST", UPLOADS, &headers, bytes).await
        };
        let response = create("10", "é & %41.txt", b"hello").await;
        assert_eq!((response.status, response.header("upload-offset")), (201, Some("5")), "{response:?}");
        let address = resolve(response.header("location").unwrap());
        assert_eq!(patch(&gateway, &address, 5, b"world", &[]).await.status, 204);
        assert_eq!(gateway.get("/files/%C3%A9%20%26%20%2541.txt").await.text(), "helloworld");

        let response = create("5", "whole", b"hello").await;
        assert_eq!((response.status, response.header("content-location")), (201, Some("/files/whole")), "{response:?}");
        assert!(response.header("etag").is_some() && response.header("repr-digest").is_some());
        create("4", "long", b"hello").await.assert_problem(413, "too_large");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn an_empty_upload_becomes_a_file_at_creation() {
        let gateway = TestGateway::writable().await;
        let metadata = metadata(&[("path", "nothing"), ("mtime", "1700000000000")]);
        let headers = [VERSION, ("upload-length", "0"), ("upload-metadata", metadata.as_str())];
        let response = gateway.send("POST", UPLOADS, &headers, b"").await;
        assert_eq!(
            (response.status, response.header("content-location")),
            (201, Some("/files/nothing")),
            "{response:?}"
        );
        let file = gateway.get("/files/nothing").await;
        assert_eq!((file.status, file.header("last-modified")), (200, Some("Tue, 14 Nov 2023 22:13:20 GMT")));
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn the_length_may_be_deferred() {
        let gateway = TestGateway::writable().await;
        let metadata = metadata(&[("path", "late")]);
        let headers = [VERSION, ("upload-defer-length", "1"), ("upload-metadata", metadata.as_str())];
        let response = gateway.send("POST", UPLOADS, &headers, b"").await;
        let address = resolve(response.header("location").unwrap());
        let response = head(&gateway, &address).await;
        assert_eq!((response.header("upload-defer-length"), response.header("upload-length")), (Some("1"), None));
        assert_eq!(patch(&gateway, &address, 0, b"hello", &[]).await.status, 204);
        patch(&gateway, &address, 5, b"x", &[("upload-length", "5")]).await.assert_problem(400, "length_mismatch");
        let response = patch(&gateway, &address, 5, b" you", &[("upload-length", "10")]).await;
        assert_eq!((response.status, response.header("upload-offset")), (204, Some("9")), "{response:?}");
        assert_eq!(head(&gateway, &address).await.header("upload-length"), Some("10"));
        patch(&gateway, &address, 9, b"!", &[("upload-length", "11")]).await.assert_problem(400, "length_mismatch");
        assert_eq!(patch(&gateway, &address, 9, b"!", &[]).await.status, 204);
        assert_eq!(gateway.get("/files/late").await.text(), "hello you!");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn invalid_creations_create_no_upload() {
        let gateway = TestGateway::writable().await;
        let post =
            async |headers: &[(&str, &str)]| gateway.send("POST", UPLOADS, &[&[VERSION], headers].concat(), b"").await;
        let name = ("upload-metadata", "path YQ==");
        post(&[name]).await.assert_problem(400, "bad_request");
        post(&[name, ("upload-defer-length", "2")]).await.assert_problem(400, "bad_request");
        post(&[name, ("upload-length", "-1")]).await.assert_problem(400, "bad_request");
        post(&[name, ("upload-length", "5"), ("upload-defer-length", "1")]).await.assert_problem(400, "bad_request");
        post(&[("upload-length", "5")]).await.assert_problem(400, "bad_request");
        post(&[("upload-length", "5"), ("upload-metadata", "path !")]).await.assert_problem(400, "bad_request");
        let response = gateway.send("POST", UPLOADS, &[VERSION, name, ("upload-length", "5")], b"hello").await;
        response.assert_problem(415, "unsupported_media_type");
        let uploads: Uploads = gateway.get(UPLOADS).await.json();
        assert_eq!(uploads.uploads, []);
        gateway.assert_healthy_and_stop().await;
    }

    /// A client that missed the first response must not create a second upload.
    #[tokio::test]
    async fn a_repeated_idempotency_key_returns_the_first_upload() {
        let gateway = TestGateway::writable().await;
        let headers =
            [VERSION, BYTES, ("upload-length", "9"), ("upload-metadata", "path YQ=="), ("idempotency-key", "once")];
        let first = gateway.send("POST", UPLOADS, &headers, b"hello").await;
        let second = gateway.send("POST", UPLOADS, &headers, b"hello").await;
        assert_eq!((first.status, second.status), (201, 201), "{second:?}");
        assert_eq!(first.header("location"), second.header("location"));
        assert_eq!(second.header("upload-offset"), Some("5"));
        gateway.assert_healthy_and_stop().await;
    }
}

mod extensions {
    use super::*;

    #[tokio::test]
    async fn upload_checksum_keeps_all_bytes_or_none() {
        let gateway = TestGateway::writable().await;
        let address = create(&gateway, "a", 20).await;
        let good = [
            format!("sha1 {}", base64(&sha1(b"hello"))),
            format!("sha256 {}", base64(&sha256(b"hello"))),
            format!("crc32 {}", base64(&crc32fast::hash(b"hello").to_be_bytes())),
            format!("blake3 {}", base64(blake3::hash(b"hello").as_bytes())),
        ];
        let mut offset = 0;
        for checksum in &good {
            let check = [("upload-checksum", checksum.as_str())];
            let response = patch(&gateway, &address, offset, b"hellp", &check).await;
            response.assert_problem(460, "checksum_mismatch");
            assert_eq!(response.header("upload-offset"), Some(offset.to_string().as_str()));
            assert_eq!(patch(&gateway, &address, offset, b"hello", &check).await.status, 204, "{checksum}");
            offset += 5;
        }
        assert_eq!(gateway.get("/files/a").await.text(), "hellohellohellohello");
        let address = create(&gateway, "b", 5).await;
        for checksum in ["md5 AAAA", "sha1 AAAA", "sha1", ""] {
            let check = [("upload-checksum", checksum)];
            patch(&gateway, &address, 0, b"hello", &check).await.assert_problem(400, "bad_request");
        }
        assert_eq!(head(&gateway, &address).await.header("upload-offset"), Some("0"));
        gateway.assert_healthy_and_stop().await;
    }

    fn sha1(bytes: &[u8]) -> Vec<u8> {
        use sha1::Digest;
        sha1::Sha1::digest(bytes).to_vec()
    }

    fn sha256(bytes: &[u8]) -> Vec<u8> {
        use sha2::Digest;
        sha2::Sha256::digest(bytes).to_vec()
    }

    #[tokio::test]
    async fn delete_terminates_an_upload() {
        let gateway = TestGateway::writable().await;
        let address = create(&gateway, "a", 5).await;
        assert_eq!(gateway.send("DELETE", &address, &[VERSION], b"").await.status, 204);
        assert!(matches!(head(&gateway, &address).await.status, 404 | 410));
        let response = patch(&gateway, &address, 0, b"hello", &[]).await;
        assert!(matches!(response.status, 404 | 410), "{response:?}");
        let response = gateway.send("DELETE", &address, &[VERSION], b"").await;
        assert!(matches!(response.status, 404 | 410), "{response:?}");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn partial_uploads_are_concatenated() {
        let gateway = TestGateway::writable().await;
        let part = async |length: &str| {
            let headers = [VERSION, ("upload-length", length), ("upload-concat", "partial")];
            let response = gateway.send("POST", UPLOADS, &headers, b"").await;
            assert_eq!(response.status, 201, "{response:?}");
            resolve(response.header("location").unwrap())
        };
        let (first, second) = (part("5").await, part("6").await);
        assert_eq!(head(&gateway, &first).await.header("upload-concat"), Some("partial"));
        let metadata = metadata(&[("path", "joined")]);
        let concat = format!("final;http://{}{first} {second}", gateway.address);
        let headers = [VERSION, ("upload-concat", concat.as_str()), ("upload-metadata", metadata.as_str())];
        assert_eq!(patch(&gateway, &second, 0, b" world", &[]).await.status, 204);
        gateway.send("POST", UPLOADS, &headers, b"").await.assert_problem(409, "incomplete");
        assert_eq!(patch(&gateway, &first, 0, b"hello", &[]).await.status, 204);
        let response = gateway.send("POST", UPLOADS, &headers, b"").await;
        assert_eq!(
            (response.status, response.header("content-location")),
            (201, Some("/files/joined")),
            "{response:?}"
        );
        assert_eq!(gateway.get("/files/joined").await.text(), "hello world");
        let address = resolve(response.header("location").unwrap());
        let response = head(&gateway, &address).await;
        assert_eq!(response.header("upload-concat"), Some(format!("final;{first} {second}").as_str()));
        assert_eq!((response.header("upload-offset"), response.header("upload-length")), (Some("11"), Some("11")));
        let response = patch(&gateway, &address, 11, b"x", &[]).await;
        assert_eq!(response.status, 403, "{response:?}");
        gateway.assert_healthy_and_stop().await;
    }
}

mod commit {
    use super::*;

    /// A conflict loses neither the existing file nor the uploaded bytes.
    #[tokio::test]
    async fn a_name_conflict_is_resolved_by_a_later_commit() {
        let gateway = TestGateway::writable().await;
        let address = create(&gateway, "contested", 3).await;
        assert_eq!(gateway.send("PUT", "/files/contested", &[], b"mine").await.status, 201);
        let response = patch(&gateway, &address, 0, b"his", &[]).await;
        response.assert_problem(409, "already_exists");
        assert_eq!(response.header("upload-offset"), Some("3"));
        // A client that resumes gets the error, too.
        assert_eq!(head(&gateway, &address).await.status, 409);
        let json = [("content-type", "application/json")];
        let commit = format!("{address}/commit");
        gateway.send("POST", &commit, &json, b"{}").await.assert_problem(409, "already_exists");
        gateway.send("POST", &commit, &json, b"{\"conflict\":\"what\"}").await.assert_problem(400, "bad_request");
        gateway.send("POST", &commit, &[], b"{}").await.assert_problem(415, "unsupported_media_type");
        let response = gateway.send("POST", &commit, &json, b"{\"conflict\":\"keep_both\"}").await;
        let state: UploadState = response.json();
        assert_eq!(state.entry.unwrap().path.encoded(), "contested%20%282%29");
        assert!(!state.replaced && !state.skipped);
        assert_eq!(state.digests.unwrap().get(Algorithm::Blake3), Some(&blake3::hash(b"his").as_bytes()[..]));
        assert_eq!(gateway.get("/files/contested").await.text(), "mine");
        assert_eq!(gateway.get("/files/contested%20%282%29").await.text(), "his");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn preconditions_of_the_creation_are_checked_at_the_end() {
        let gateway = TestGateway::writable().await;
        let tag = gateway.get("/files/hello.txt").await.header("etag").unwrap().to_owned();
        let metadata = metadata(&[("path", "hello.txt")]);
        let headers = [VERSION, ("upload-length", "3"), ("upload-metadata", &metadata), ("if-match", &tag)];
        let address = resolve(gateway.send("POST", UPLOADS, &headers, b"").await.header("location").unwrap());
        assert_eq!(gateway.send("PUT", "/files/hello.txt", &[], b"changed").await.status, 204);
        patch(&gateway, &address, 0, b"new", &[]).await.assert_problem(412, "precondition_failed");
        assert_eq!(gateway.get("/files/hello.txt").await.text(), "changed");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn a_digest_in_the_metadata_is_verified() {
        let gateway = TestGateway::writable().await;
        let digest = blake3::hash(b"hello").to_hex().to_string();
        let metadata = metadata(&[("path", "proved"), ("blake3", &digest)]);
        let headers = [VERSION, ("upload-length", "5"), ("upload-metadata", metadata.as_str())];
        for (bytes, status) in [(b"hellp", 460), (b"hello", 204)] {
            let address = resolve(gateway.send("POST", UPLOADS, &headers, b"").await.header("location").unwrap());
            let response = patch(&gateway, &address, 0, bytes, &[]).await;
            assert_eq!(response.status, status, "{response:?}");
        }
        assert_eq!(gateway.get("/files/proved").await.text(), "hello");
        gateway.assert_healthy_and_stop().await;
    }

    /// A client that computes the digest while sending knows it only with the last bytes.
    #[tokio::test]
    async fn a_digest_with_the_last_bytes_is_verified() {
        let gateway = TestGateway::writable().await;
        let field = |bytes: &[u8]| format!("blake3=:{}:", base64(blake3::hash(bytes).as_bytes()));
        let right = field(b"hello");
        let proof = [("repr-digest", right.as_str())];
        let address = create(&gateway, "proved", 5).await;
        let response = patch(&gateway, &address, 0, b"he", &proof).await;
        assert_eq!((response.status, response.header("upload-offset")), (204, Some("2")), "{response:?}");
        assert_eq!(patch(&gateway, &address, 2, b"llo", &proof).await.status, 204);
        assert_eq!(gateway.get("/files/proved").await.text(), "hello");

        let address = create(&gateway, "spoilt", 5).await;
        let response = patch(&gateway, &address, 0, b"hellp", &proof).await;
        response.assert_problem(460, "checksum_mismatch");
        assert_eq!(response.header("upload-offset"), Some("5"));
        let json = [("content-type", "application/json")];
        let commit = format!("{address}/commit");
        // A repeated request is refused, too, with the digest or without.
        patch(&gateway, &address, 5, b"", &proof).await.assert_problem(460, "checksum_mismatch");
        patch(&gateway, &address, 5, b"", &[]).await.assert_problem(460, "checksum_mismatch");
        assert_eq!(head(&gateway, &address).await.status, 460);
        gateway.send("POST", &commit, &json, b"{}").await.assert_problem(460, "checksum_mismatch");
        let with_proof = [json[0], proof[0]];
        gateway.send("POST", &commit, &with_proof, b"{}").await.assert_problem(460, "checksum_mismatch");
        gateway.get("/files/spoilt").await.assert_problem(404, "not_found");
        assert!(gateway.get(&address).await.json::<UploadState>().entry.is_none());
        // A client that sent a wrong digest can commit with the right one.
        let other = field(b"hellp");
        assert_eq!(gateway.send("POST", &commit, &[json[0], ("repr-digest", &other)], b"{}").await.status, 200);
        assert_eq!(gateway.get("/files/spoilt").await.text(), "hellp");
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn repr_digest_is_the_blake3_digest_of_the_complete_file() {
        let gateway = TestGateway::writable().await;
        let address = create(&gateway, "a", 5).await;
        let wrong = base64(&[7; 32]);
        patch(&gateway, &address, 0, b"hello", &[("repr-digest", "blake3=:AAAA:")])
            .await
            .assert_problem(400, "bad_request");
        assert_eq!(head(&gateway, &address).await.header("upload-offset"), Some("0"));
        // Other algorithms are ignored, and so is `Content-Digest`, which covers only the bytes of this request.
        let [other, piece] = [format!("sha-256=:{wrong}:"), format!("blake3=:{wrong}:")];
        let fields = [("repr-digest", other.as_str()), ("content-digest", &piece)];
        assert_eq!(patch(&gateway, &address, 0, b"hello", &fields).await.status, 204);

        let whole = |target: &str, digest: String| {
            let metadata = metadata(&[("path", target)]);
            let gateway = &gateway;
            async move {
                let fields =
                    [VERSION, BYTES, ("upload-length", "5"), ("upload-metadata", &metadata), ("repr-digest", &digest)];
                gateway.send("POST", UPLOADS, &fields, b"hello").await
            }
        };
        whole("b", format!("blake3=:{wrong}:")).await.assert_problem(460, "checksum_mismatch");
        gateway.get("/files/b").await.assert_problem(404, "not_found");
        let right = base64(blake3::hash(b"hello").as_bytes());
        assert_eq!(whole("b", format!("blake3=:{right}:")).await.status, 201);
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn state_is_available_as_json() {
        let gateway = TestGateway::writable().await;
        let first = create(&gateway, "a", 5).await;
        assert_eq!(patch(&gateway, &first, 0, b"he", &[]).await.status, 204);
        let second = create(&gateway, "b/c", 1).await;
        let uploads: Uploads = gateway.get(UPLOADS).await.json();
        assert_eq!(uploads.uploads.len(), 2);
        let state: UploadState = gateway.get(&first).await.json();
        assert_eq!((state.offset, state.length, state.path), (2, Some(5), Some(path("a"))));
        assert!(first.ends_with(&state.id.to_string()) && state.entry.is_none());
        let state: UploadState = gateway.get(&second).await.json();
        assert!(uploads.uploads.contains(&state));
        gateway.assert_healthy_and_stop().await;
    }
}

mod other_callers {
    use super::*;

    #[tokio::test]
    async fn unknown_ids_are_not_found() {
        let gateway = TestGateway::writable().await;
        for id in ["0".repeat(32), "x".into(), "..%2f".into(), "%00".into(), "f".repeat(33), "a".repeat(5000)] {
            let address = format!("{UPLOADS}/{id}");
            let response = patch(&gateway, &address, 0, b"hello", &[]).await;
            assert_eq!(response.status, 404, "{id}: {response:?}");
            assert_eq!(head(&gateway, &address).await.status, 404, "{id}");
            assert_eq!(gateway.send("DELETE", &address, &[VERSION], b"").await.status, 404, "{id}");
            gateway.get(&address).await.assert_problem(404, "not_found");
        }
        gateway.assert_healthy_and_stop().await;
    }

    /// 404 instead of 403, so that ids of other callers cannot be probed.
    #[tokio::test]
    async fn uploads_of_other_callers_are_not_found() {
        let gateway = TestGateway::writable().await;
        let rights = Anonymous::Write.rights().union(Rights::NONE);
        let ada = backend::client::Caller {
            scope: Scope::whole(rights),
            principal: Some("ada".into()),
            ..backend::client::Caller::default()
        };
        let stage = backend::client::Stage {
            caller: ada.clone(),
            target: Some(path("hers")),
            length: Some(5),
            resumable: true,
            ..backend::client::Stage::default()
        };
        let hers = gateway.server.client.stage(&stage).await.unwrap();
        let address = format!("{UPLOADS}/{}", hers.id);
        patch(&gateway, &address, 0, b"hello", &[]).await.assert_problem(404, "not_found");
        assert_eq!(head(&gateway, &address).await.status, 404);
        gateway.send("DELETE", &address, &[VERSION], b"").await.assert_problem(404, "not_found");
        let json = [("content-type", "application/json")];
        gateway.send("POST", &format!("{address}/commit"), &json, b"{}").await.assert_problem(404, "not_found");
        let uploads: Uploads = gateway.get(UPLOADS).await.json();
        assert_eq!(uploads.uploads, []);
        assert_eq!(gateway.server.client.upload_status(&ada, hers.id).await.unwrap().offset, 0);
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn read_only_callers_cannot_upload() {
        let gateway = TestGateway::start().await;
        let headers = [VERSION, ("upload-length", "5"), ("upload-metadata", "path YQ==")];
        gateway.send("POST", UPLOADS, &headers, b"").await.assert_problem(403, "forbidden");
        gateway.assert_healthy_and_stop().await;
    }

    /// Metadata is returned unchanged, and its line breaks do not create headers.
    #[tokio::test]
    async fn metadata_cannot_add_headers() {
        let gateway = TestGateway::writable().await;
        let metadata = metadata(&[("filename", "a\r\nSet-Cookie: x=y\r\n\r\n<script>")]);
        let headers = [VERSION, ("upload-length", "1"), ("upload-metadata", metadata.as_str())];
        let address = resolve(gateway.send("POST", UPLOADS, &headers, b"").await.header("location").unwrap());
        let response = head(&gateway, &address).await;
        assert_eq!(response.header("upload-metadata"), Some(metadata.as_str()));
        let response = patch(&gateway, &address, 0, b"x", &[]).await;
        assert_eq!(response.header("set-cookie"), None, "{response:?}");
        assert_eq!(
            response.header("content-location"),
            Some("/files/a%0D%0ASet-Cookie%3A%20x%3Dy%0D%0A%0D%0A%3Cscript%3E")
        );
        gateway.assert_healthy_and_stop().await;
    }

    #[tokio::test]
    async fn upload_names_cannot_leave_the_root() {
        let gateway = TestGateway::writable().await;
        for (key, value, code) in [
            ("path", "../a", "bad_path"),
            ("path", "%2e%2e/a", "bad_path"),
            ("path", "a/%2e%2e/%2e%2e/b", "bad_path"),
            ("path", "a%00", "bad_path"),
            ("path", "//etc/passwd", "bad_path"),
            ("path", "a%2fb", "bad_path"),
            ("filename", "..", "bad_path"),
            ("filename", "a/b", "bad_path"),
            ("filename", "/etc/passwd", "bad_path"),
            ("path", ".passerelle/database", "name_refused"),
            ("path", "docs/.passerelle/x", "name_refused"),
            ("filename", ".passerelle", "name_refused"),
        ] {
            let metadata = metadata(&[(key, value)]);
            let headers = [VERSION, ("upload-length", "1"), ("upload-metadata", metadata.as_str())];
            gateway.send("POST", UPLOADS, &headers, b"").await.assert_problem(400, code);
        }
        gateway.assert_healthy_and_stop().await;
    }
}
