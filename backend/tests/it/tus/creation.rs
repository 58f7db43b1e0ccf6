//! Creation: with upload, with a deferred length, with an idempotency key.

use shared::api::uploads::Uploads;

use super::fixtures::{BYTES, UPLOADS, VERSION, head, metadata, patch, resolve};
use crate::test_gateway::TestGateway;

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
    assert_eq!((response.status, response.header("content-location")), (201, Some("/files/nothing")), "{response:?}");
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
