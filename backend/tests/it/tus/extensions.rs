//! Checksum, termination and concatenation.

use super::fixtures::{UPLOADS, VERSION, base64, create, head, metadata, patch, resolve};
use crate::test_gateway::TestGateway;

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
    assert_eq!((response.status, response.header("content-location")), (201, Some("/files/joined")), "{response:?}");
    assert_eq!(gateway.get("/files/joined").await.text(), "hello world");
    let address = resolve(response.header("location").unwrap());
    let response = head(&gateway, &address).await;
    assert_eq!(response.header("upload-concat"), Some(format!("final;{first} {second}").as_str()));
    assert_eq!((response.header("upload-offset"), response.header("upload-length")), (Some("11"), Some("11")));
    let response = patch(&gateway, &address, 11, b"x", &[]).await;
    assert_eq!(response.status, 403, "{response:?}");
    gateway.assert_healthy_and_stop().await;
}
