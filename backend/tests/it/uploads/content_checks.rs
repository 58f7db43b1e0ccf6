//! PUT and COMMIT with other bytes than announced.

use backend::client::{Commit, PutRange, Stage};
use shared::{Algorithm, Checksum, ErrorCode};

use super::fixtures::{commit, error_code, put, put_as, stage};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, reader, writer};

#[tokio::test]
async fn bytes_past_the_end_are_dropped() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(10))).await.unwrap();
    let announced = |length| PutRange { length, ..PutRange::default() };
    let result = put_as(&server.client, upload.id, announced(Some(4)), b"123456").await;
    assert_eq!(error_code(result), ErrorCode::LengthMismatch);
    let stands = server.client.upload_status(&writer(), upload.id).await.unwrap();
    assert_eq!(stands.offset, 4);
    // Fewer bytes than announced are kept, and reported.
    let result =
        put_as(&server.client, upload.id, PutRange { offset: 4, length: Some(6), ..PutRange::default() }, b"56").await;
    assert_eq!(error_code(result), ErrorCode::LengthMismatch);
    let result = put_as(&server.client, upload.id, PutRange { offset: 6, ..PutRange::default() }, b"7890123").await;
    assert_eq!(error_code(result), ErrorCode::LengthMismatch);
    server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(read_file(&server.client, "new").await.unwrap(), b"1234567890");
    server.stop().await;
}

#[tokio::test]
async fn put_requires_the_present_offset() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", None)).await.unwrap();
    put(&server.client, upload.id, 0, b"1234").await.unwrap();
    for offset in [0, 3, 5, u64::MAX >> 1] {
        let sent = PutRange { offset, ..PutRange::default() };
        assert_eq!(
            error_code(put_as(&server.client, upload.id, sent, b"x").await),
            ErrorCode::OffsetMismatch,
            "{offset}"
        );
    }
    for (offset, length, total) in [(u64::MAX, None, None), (4, Some(u64::MAX), None), (4, None, Some(u64::MAX))] {
        let sent = PutRange { offset, length, total, ..PutRange::default() };
        assert_eq!(error_code(put_as(&server.client, upload.id, sent, b"x").await), ErrorCode::BadRequest, "{offset}");
    }
    assert_eq!(error_code(server.client.stage(&stage("big", Some(u64::MAX))).await), ErrorCode::BadRequest);
    assert_eq!(error_code(server.client.commit(&commit(upload.id)).await), ErrorCode::Incomplete);
    let last = PutRange { offset: 4, total: Some(4), ..PutRange::default() };
    put_as(&server.client, upload.id, last, b"").await.unwrap();
    server.client.commit(&commit(upload.id)).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn the_digest_of_a_failed_commit_is_required_in_place_of_that_of_stage() {
    let server = TestServer::start().await;
    for resumable in [true, false] {
        let right = Some(blake3::hash(b"1234").as_bytes().to_vec());
        let name = format!("new-{resumable}");
        let staged = Stage { blake3: right.clone(), resumable, ..stage(&name, Some(4)) };
        let upload = server.client.stage(&staged).await.unwrap();
        put(&server.client, upload.id, 0, b"1234").await.unwrap();
        let wrong = Commit { blake3: Some(vec![7; 32]), ..commit(upload.id) };
        assert_eq!(error_code(server.client.commit(&wrong).await), ErrorCode::ChecksumMismatch);
        assert_eq!(error_code(server.client.commit(&commit(upload.id)).await), ErrorCode::ChecksumMismatch);
        assert_eq!(error_code(server.client.stat(&reader(), &path(&name)).await), ErrorCode::NotFound);
        server.client.commit(&Commit { blake3: right, ..commit(upload.id) }).await.unwrap();
    }
    server.stop().await;
}

#[tokio::test]
async fn put_with_a_checksum_keeps_all_bytes_or_none() {
    let server = TestServer::start().await;
    let upload = server.client.stage(&stage("new", Some(4))).await.unwrap();
    let sum = |digest: &[u8]| Some(Checksum { algorithm: Algorithm::Crc32, digest: digest.to_vec() });
    let wrong = PutRange { length: Some(4), checksum: sum(&[1, 2, 3, 4]), ..PutRange::default() };
    assert_eq!(error_code(put_as(&server.client, upload.id, wrong, b"1234").await), ErrorCode::ChecksumMismatch);
    assert_eq!(server.client.upload_status(&writer(), upload.id).await.unwrap().offset, 0);
    let right = PutRange { length: Some(4), checksum: sum(&0x9be3_e0a3_u32.to_be_bytes()), ..PutRange::default() };
    assert_eq!(put_as(&server.client, upload.id, right, b"1234").await.unwrap().offset, 4);
    let short =
        PutRange { checksum: Some(Checksum { algorithm: Algorithm::Sha1, digest: vec![0; 4] }), ..PutRange::default() };
    assert_eq!(error_code(put_as(&server.client, upload.id, short, b"").await), ErrorCode::BadRequest);
    // Without the digest that the client named, the bytes do not become a file.
    let blake3 = Some(vec![7; 32]);
    assert_eq!(
        error_code(server.client.commit(&Commit { blake3, ..commit(upload.id) }).await),
        ErrorCode::ChecksumMismatch
    );
    assert_eq!(error_code(server.client.stat(&reader(), &path("new")).await), ErrorCode::NotFound);
    // A later COMMIT without a digest is held to the named one, too.
    assert_eq!(error_code(server.client.commit(&commit(upload.id)).await), ErrorCode::ChecksumMismatch);
    let blake3 = Some(blake3::hash(b"1234").as_bytes().to_vec());
    server.client.commit(&Commit { blake3, ..commit(upload.id) }).await.unwrap();
    assert_eq!(read_file(&server.client, "new").await.unwrap(), b"1234");
    server.stop().await;
}
