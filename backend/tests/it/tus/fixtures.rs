//! Requests of tus, and Base64.

use tokio::time::timeout;

use crate::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};

pub(super) const UPLOADS: &str = "/api/v1/uploads";

pub(super) const VERSION: (&str, &str) = ("tus-resumable", "1.0.0");

pub(super) const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// Base64 of metadata and checksums, independent of the encoder under test.
pub(super) fn base64(bytes: &[u8]) -> String {
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

pub(super) fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key} {}", base64(value.as_bytes()))).collect();
    pairs.join(",")
}

/// Creates an upload, and returns its address.
pub(super) async fn create(gateway: &TestGateway, target: &str, length: usize) -> String {
    let (length, metadata) = (length.to_string(), metadata(&[("path", target)]));
    let headers = [VERSION, ("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
    let response = gateway.send("POST", UPLOADS, &headers, b"").await;
    assert_eq!(response.status, 201, "{response:?}");
    assert_eq!(response.header("tus-resumable"), Some("1.0.0"));
    resolve(response.header("location").unwrap())
}

/// Creates a part with these bytes, and returns its address.
pub(super) async fn part(gateway: &TestGateway, bytes: &[u8]) -> String {
    let length = bytes.len().to_string();
    let headers = [VERSION, ("upload-length", length.as_str()), ("upload-concat", "partial")];
    let response = gateway.send("POST", UPLOADS, &headers, b"").await;
    assert_eq!(response.status, 201, "{response:?}");
    let address = resolve(response.header("location").unwrap());
    assert_eq!(patch(gateway, &address, 0, bytes, &[]).await.status, 204);
    address
}

pub(super) fn resolve(location: &str) -> String {
    format!("/api/v1/{location}")
}

pub(super) async fn patch(
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

pub(super) async fn head(gateway: &TestGateway, address: &str) -> HttpResponse {
    let response = gateway.send("HEAD", address, &[VERSION], b"").await;
    assert_eq!(response.header("tus-resumable"), Some("1.0.0"), "{response:?}");
    response
}

/// Waits until the upload has this offset.
pub(super) async fn wait_for_offset(gateway: &TestGateway, address: &str, offset: &str) {
    let waiting = async {
        while head(gateway, address).await.header("upload-offset") != Some(offset) {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, waiting).await.expect("the upload does not reach the offset");
}
