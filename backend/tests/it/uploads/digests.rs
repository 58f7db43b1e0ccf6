//! Digests that are computed after an upload.

use backend::client::Caller;
use shared::{Algorithm, ErrorCode, Rights, Scope};

use super::fixtures::error_code;
use crate::test_server::{TestServer, path, reader};

#[tokio::test]
async fn digests_are_computed_once_and_then_known() {
    let server = TestServer::start().await;
    let digest = |known_only| {
        let algorithms = vec![Algorithm::Blake3, Algorithm::Sha256];
        let client = server.client.clone();
        async move { client.digest(&reader(), &path("docs/deep/er/file.bin"), algorithms, known_only).await.unwrap() }
    };
    assert!(digest(true).await.digests.known.is_empty());
    let read = digest(false).await;
    let expected = blake3::hash(&vec![7; 300_000]);
    assert_eq!(read.digests.get(Algorithm::Blake3), Some(&expected.as_bytes()[..]));
    // The tree in memory is of 2023, so its digests are kept.
    assert_eq!(digest(true).await.digests.known.len(), 2);
    let folder = server.client.digest(&reader(), &path("docs"), vec![Algorithm::Crc32], false).await;
    assert_eq!(error_code(folder), ErrorCode::IsFolder);
    let lister = Caller { scope: Scope::whole(Rights::LIST), ..Caller::default() };
    let unread = server.client.digest(&lister, &path("hello.txt"), vec![Algorithm::Crc32], false).await;
    assert_eq!(error_code(unread), ErrorCode::Forbidden);
    server.stop().await;
}
