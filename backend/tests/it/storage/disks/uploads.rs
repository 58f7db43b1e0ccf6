//! Uploads to the disk of their target, which may be away for a while.

use std::fs;
use std::sync::Arc;

use backend::server::{Database, ServerConfig};
use backend::storage::local::LocalStorage;
use shared::ErrorCode;

use super::{Disks, mount};
use crate::test_server::{TestServer, writer};
use crate::uploads::{commit, error_code, put, stage};

/// A start without the disk forgets no upload on it.
#[tokio::test]
async fn an_upload_continues_once_its_disk_is_back() {
    let Some(disks) = Disks::of(an_upload_continues_once_its_disk_is_back) else { return };
    let records = Arc::new(Database::in_memory().unwrap());
    let start = || TestServer::with_database(disks.storage().into(), Arc::clone(&records), ServerConfig::default());
    let server = start().await;
    let id = server.client.stage(&stage("big/file", Some(4))).await.unwrap().id;
    put(&server.client, id, 0, b"12").await.unwrap();
    server.stop().await;

    disks.unmount("big");
    let server = start().await;
    assert_eq!(server.client.upload_status(&writer(), id).await.unwrap().offset, 2);
    assert_eq!(error_code(put(&server.client, id, 2, b"34").await), ErrorCode::DiskAbsent);
    // Found without another start.
    disks.bind_large("big");
    put(&server.client, id, 2, b"3").await.unwrap();
    server.stop().await;

    let server = start().await;
    put(&server.client, id, 3, b"4").await.unwrap();
    server.client.commit(&commit(id)).await.unwrap();
    assert_eq!(fs::read(disks.at("big/file")).unwrap(), b"1234");
    server.stop().await;
}

/// The space that counts is that of the disk of the upload.
#[tokio::test]
async fn a_put_is_measured_against_the_disk_of_its_target() {
    let Some(disks) = Disks::of(a_put_is_measured_against_the_disk_of_its_target) else { return };
    mount(&["-t", "tmpfs", "-o", "size=1m", "none"], &disks.at("small"));
    disks.bind_large("small/large");
    let storage = LocalStorage::open(&disks.at("small"), None).unwrap();
    let server = TestServer::with_storage(storage.into()).await;
    let bytes = vec![1; 4 << 20];
    let open_ended = |target: &str| stage(target, None);
    let id = server.client.stage(&open_ended("large/file")).await.unwrap().id;
    put(&server.client, id, 0, &bytes).await.unwrap();
    let id = server.client.stage(&open_ended("file")).await.unwrap().id;
    assert_eq!(error_code(put(&server.client, id, 0, &bytes).await), ErrorCode::NoSpace);
    server.stop().await;
}
