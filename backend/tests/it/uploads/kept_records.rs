//! How long the server knows an upload, and what a client that asks again is answered.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, Commit, Stage};
use backend::server::ServerConfig;
use shared::{ErrorCode, JobId, UploadId};

use super::fixtures::{commit, error_code, put, stage};
use crate::test_server::{TestServer, path, small_tree, writer};

/// A complete part with three bytes.
async fn part(client: &Client) -> UploadId {
    let upload = client.stage(&Stage { target: None, ..stage("part", Some(3)) }).await.unwrap();
    put(client, upload.id, 0, b"abc").await.unwrap();
    upload.id
}

#[tokio::test]
async fn a_part_that_is_a_file_is_gone_for_a_concatenation() {
    let server = TestServer::start().await;
    let client = &server.client;
    let joined = |part, target| Stage { parts: vec![part], length: None, ..stage(target, None) };
    let (first, second) = (part(client).await, part(client).await);
    let before = client.stage(&joined(second, "before")).await.unwrap();
    for (part, target) in [(first, "one"), (second, "two")] {
        client.commit(&Commit { target: Some(path(target)), ..commit(part) }).await.unwrap();
        assert_eq!(error_code(client.stage(&joined(part, "after")).await), ErrorCode::Gone);
    }
    assert_eq!(error_code(client.commit(&commit(before.id)).await), ErrorCode::Gone);
    server.stop().await;
}

#[tokio::test]
async fn the_key_of_an_expired_upload_begins_a_new_one() {
    let hour = Duration::from_secs(3600);
    let sweep_time = Duration::from_millis(1);
    // Without a trusted clock no resumable upload expires.
    for (upload_expiry, clock_steady_time, renewed) in
        [(Duration::ZERO, Duration::ZERO, true), (Duration::ZERO, hour, false), (hour, Duration::ZERO, false)]
    {
        let config = ServerConfig { upload_expiry, sweep_time, clock_steady_time, ..ServerConfig::default() };
        let server = TestServer::with_config(Arc::new(small_tree()), config).await;
        let keyed = Stage { key: Some(JobId([7; 16])), ..stage("new", Some(3)) };
        let first = server.client.stage(&keyed).await.unwrap();
        if renewed {
            crate::raw_connection::within(async { while server.client.stage(&keyed).await.unwrap().id == first.id {} })
                .await;
        } else {
            assert_eq!(server.client.stage(&keyed).await.unwrap().id, first.id);
            put(&server.client, first.id, 0, b"abc").await.unwrap();
            let listed = server.client.uploads(&writer()).await.unwrap();
            assert_eq!(listed.iter().map(|upload| upload.id).collect::<Vec<_>>(), [first.id]);
        }
        server.stop().await;
    }
}

/// Of requests with one key at the same time, one begins an upload.
#[tokio::test(flavor = "multi_thread")]
async fn equal_stages_at_once_begin_one_upload() {
    let server = TestServer::start().await;
    let client = &server.client;
    for (number, resumable) in (0..100).flat_map(|number| [(number, true), (number, false)]) {
        let key = Some(JobId([number; 16]));
        let keyed = Stage { key, resumable, ..stage(&format!("{number}-{resumable}"), Some(3)) };
        let (one, two, three) = tokio::join!(client.stage(&keyed), client.stage(&keyed), client.stage(&keyed));
        let ids = [one, two, three].map(|begun| begun.unwrap().id);
        assert_eq!(ids, [ids[0]; 3], "{number} {resumable}");
        client.abort(&writer(), ids[0]).await.unwrap();
    }
    assert_eq!(client.uploads(&writer()).await.unwrap(), []);
    server.stop().await;
}

#[tokio::test]
async fn a_commit_says_how_long_its_answer_is_kept() {
    let server = TestServer::start().await;
    for resumable in [true, false] {
        let name = if resumable { "recorded" } else { "unrecorded" };
        let upload = server.client.stage(&Stage { resumable, ..stage(name, Some(0)) }).await.unwrap();
        let answer = server.client.commit(&commit(upload.id)).await.unwrap();
        let known = server.client.upload_status(&writer(), upload.id).await.unwrap();
        assert_eq!(answer, known);
        assert_eq!(server.client.commit(&commit(upload.id)).await.unwrap(), known);
    }
    server.stop().await;
}

/// Unfinished uploads of others take no place from the answers that are kept.
#[tokio::test]
async fn a_commit_may_be_repeated_beside_many_unfinished_uploads() {
    let server = TestServer::start().await;
    let unrecorded = |target: &str| Stage { resumable: false, ..stage(target, Some(0)) };
    for number in 0..10_001 {
        // One principal may not have so many.
        let principal = Some((number % 2).to_string());
        let other = Stage { caller: Caller { principal, ..writer() }, ..unrecorded("other") };
        server.client.stage(&other).await.unwrap();
    }
    let upload = server.client.stage(&unrecorded("new")).await.unwrap();
    let answer = server.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(server.client.commit(&commit(upload.id)).await.unwrap(), answer);
    server.stop().await;
}
