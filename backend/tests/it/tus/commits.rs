//! Conflicts, preconditions, digests and state of complete uploads.

use shared::Algorithm;
use shared::api::uploads::{UploadState, Uploads};

use super::fixtures::{BYTES, UPLOADS, VERSION, base64, create, head, metadata, patch, resolve};
use crate::test_gateway::TestGateway;
use crate::test_server::path;

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
