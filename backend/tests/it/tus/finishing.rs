//! Complete uploads become files without a further request, and their clients learn what came of it.

use shared::api::uploads::UploadState;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::fixtures::{BYTES, UPLOADS, VERSION, base64, create, head, metadata, part, patch, resolve};
use crate::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};

async fn create_with(gateway: &TestGateway, fields: &[(&str, &str)], pairs: &[(&str, &str)]) -> HttpResponse {
    let metadata = metadata(pairs);
    let headers = [&[VERSION, ("upload-metadata", metadata.as_str())], fields].concat();
    gateway.send("POST", UPLOADS, &headers, b"").await
}

#[tokio::test]
async fn a_key_belongs_to_one_creation() {
    let gateway = TestGateway::writable().await;
    let key = ("idempotency-key", "order 66");
    let first = [key, ("upload-length", "5")];
    let created = create_with(&gateway, &first, &[("path", "a")]).await;
    assert_eq!(created.status, 201, "{created:?}");
    let repeated = create_with(&gateway, &first, &[("path", "a")]).await;
    assert_eq!((repeated.status, repeated.header("location")), (201, created.header("location")));
    type Fields<'a> = &'a [(&'a str, &'a str)];
    let others: [(Fields, Fields); 6] = [
        (&[key, ("upload-length", "6")], &[("path", "a")]),
        (&[key, ("upload-defer-length", "1")], &[("path", "a")]),
        (&first, &[("path", "b")]),
        (&first, &[("path", "a"), ("conflict", "replace")]),
        (&first, &[("path", "a"), ("mtime", "1700000000000")]),
        (&[key, ("upload-length", "5"), ("upload-concat", "partial")], &[("path", "a")]),
    ];
    for (fields, pairs) in others {
        create_with(&gateway, fields, pairs).await.assert_problem(422, "key_reused");
    }
    // The upload of the key goes on, and is found after it has become a file.
    let address = resolve(created.header("location").unwrap());
    assert_eq!(patch(&gateway, &address, 0, b"hello", &[]).await.status, 204);
    let repeated = create_with(&gateway, &first, &[("path", "a")]).await;
    assert_eq!((repeated.status, repeated.header("content-location")), (201, Some("/files/a")), "{repeated:?}");
    create_with(&gateway, &[key, ("upload-length", "6")], &[("path", "a")]).await.assert_problem(422, "key_reused");
    gateway.assert_healthy_and_stop().await;
}

/// A client takes a complete upload for a file, so HEAD never says 200 of one that is none. A safe request changes
/// nothing, so only an unsafe one tries again.
#[tokio::test]
async fn head_answers_the_refusal_until_a_request_succeeds() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "contested", 3).await;
    assert_eq!(gateway.send("PUT", "/files/contested", &[], b"mine").await.status, 201);
    patch(&gateway, &address, 0, b"his", &[]).await.assert_problem(409, "already_exists");
    assert_eq!(gateway.get(&address).await.json::<UploadState>().refused.as_deref(), Some("already_exists"));
    assert_eq!(gateway.send("DELETE", "/files/contested", &[], b"").await.status, 204);
    for _ in 0..2 {
        let response = head(&gateway, &address).await;
        assert_eq!((response.status, response.header("upload-offset")), (409, Some("3")), "{response:?}");
        gateway.get("/files/contested").await.assert_problem(404, "not_found");
    }
    assert_eq!(patch(&gateway, &address, 3, b"", &[]).await.status, 204);
    assert_eq!(head(&gateway, &address).await.status, 200);
    assert_eq!(gateway.get(&address).await.json::<UploadState>().refused, None);
    assert_eq!(gateway.get("/files/contested").await.text(), "his");
    gateway.assert_healthy_and_stop().await;
}

/// The parts are gone, so an answer that names the digest was not computed again.
#[tokio::test]
async fn a_final_upload_with_a_wrong_digest_is_remembered() {
    let gateway = TestGateway::writable().await;
    let parts = [part(&gateway, b"hello").await, part(&gateway, b" world").await];
    let concat = format!("final;{}", parts.join(" "));
    let metadata = metadata(&[("path", "joined")]);
    let wrong = format!("blake3=:{}:", base64(&[7; 32]));
    let headers = [VERSION, ("upload-concat", &concat), ("upload-metadata", &metadata), ("repr-digest", &wrong)];
    let response = gateway.send("POST", UPLOADS, &headers, b"").await;
    response.assert_problem(460, "checksum_mismatch");
    let address = resolve(response.header("location").unwrap());
    for part in &parts {
        assert_eq!(gateway.send("DELETE", part, &[VERSION], b"").await.status, 204);
    }
    assert_eq!(head(&gateway, &address).await.status, 460);
    // The bytes are joined already, so the right digest still makes the file.
    let right = format!("blake3=:{}:", base64(blake3::hash(b"hello world").as_bytes()));
    let fields = [("content-type", "application/json"), ("repr-digest", right.as_str())];
    assert_eq!(gateway.send("POST", &format!("{address}/commit"), &fields, b"{}").await.status, 200);
    assert_eq!(gateway.get("/files/joined").await.text(), "hello world");
    gateway.assert_healthy_and_stop().await;
}

/// The client reads no answer and asks for nothing.
#[tokio::test]
async fn the_last_byte_makes_the_file_without_a_further_request() {
    let gateway = TestGateway::writable().await;
    let address = create(&gateway, "left", 5).await;
    let wrong = format!("blake3=:{}:", base64(&[7; 32]));
    let spoilt = create(&gateway, "spoilt", 5).await;
    let mut streams = Vec::new();
    for (address, digest) in [(&address, None), (&spoilt, Some(&wrong))] {
        let digest = digest.map(|digest| format!("Repr-Digest: {digest}\r\n")).unwrap_or_default();
        let (name, value) = BYTES;
        let mut stream = gateway.connect().await;
        let request = format!(
            "PATCH {address} HTTP/1.1\r\nHost: {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n{name}: {value}\r\n\
             {digest}Content-Length: 5\r\n\r\nhello",
            gateway.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let waiting = async {
        while gateway.get("/files/left").await.status != 200 {
            tokio::task::yield_now().await;
        }
        // The digest of the last request counts, too.
        while gateway.get(&spoilt).await.json::<UploadState>().refused.as_deref() != Some("checksum_mismatch") {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, waiting).await.expect("the upload does not become a file");
    gateway.get("/files/spoilt").await.assert_problem(404, "not_found");
    assert_eq!(head(&gateway, &spoilt).await.status, 460);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn an_empty_upload_is_a_file_at_its_creation() {
    let gateway = TestGateway::writable().await;
    let created = create_with(&gateway, &[("upload-length", "0")], &[("path", "nothing")]).await;
    assert_eq!((created.status, created.header("content-location")), (201, Some("/files/nothing")), "{created:?}");
    assert_eq!(gateway.get("/files/nothing").await.text(), "");
    gateway.assert_healthy_and_stop().await;
}
