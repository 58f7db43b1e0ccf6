//! Uploads to the disk of their target, which may be away for a while.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use backend::client::ClientError;
use backend::server::{Database, ServerConfig};
use backend::storage::local::LocalStorage;
use shared::ErrorCode;

use super::{Disks, mount};
use crate::raw_connection::within;
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

/// A disk that never comes back concerns the uploads to it alone.
#[tokio::test]
async fn a_retired_disk_holds_up_no_upload_to_another() {
    let Some(disks) = Disks::of(a_retired_disk_holds_up_no_upload_to_another) else { return };
    let records = Arc::new(Database::in_memory().unwrap());
    let start = || TestServer::with_database(disks.storage().into(), Arc::clone(&records), ServerConfig::default());
    let server = start().await;
    let away = server.client.stage(&stage("big/file", Some(4))).await.unwrap().id;
    let lost = server.client.stage(&stage("file", Some(4))).await.unwrap().id;
    server.stop().await;
    disks.unmount("big");
    // As a crash leaves an upload whose name was not durable yet.
    fs::remove_file(disks.at(&format!(".passerelle/staging/{lost}"))).unwrap();
    let server = start().await;
    assert_eq!(error_code(put(&server.client, away, 0, b"1234").await), ErrorCode::DiskAbsent);
    put(&server.client, lost, 0, b"1234").await.unwrap();
    server.client.commit(&commit(lost)).await.unwrap();
    assert_eq!(fs::read(disks.at("file")).unwrap(), b"1234");
    server.stop().await;
}

/// An upload does not expire while the disk with its bytes is away.
#[tokio::test]
async fn an_upload_on_an_absent_disk_does_not_expire() {
    let Some(disks) = Disks::of(an_upload_on_an_absent_disk_does_not_expire) else { return };
    let records = Arc::new(Database::in_memory().unwrap());
    let start = |config| TestServer::with_database(disks.storage().into(), Arc::clone(&records), config);
    let expired = ServerConfig { upload_expiry: Duration::ZERO, ..ServerConfig::default() };
    // The clock is not trusted at the start.
    let server = start(expired).await;
    let away = server.client.stage(&stage("big/file", Some(4))).await.unwrap().id;
    put(&server.client, away, 0, b"12").await.unwrap();
    let other = server.client.stage(&stage("file", Some(4))).await.unwrap().id;
    server.stop().await;
    disks.unmount("big");
    let (sweep_time, clock_steady_time) = (Duration::from_millis(1), Duration::ZERO);
    let server = start(ServerConfig { sweep_time, clock_steady_time, ..ServerConfig::default() }).await;
    // Both have expired, and one sweep looks at them.
    within(async {
        let is_gone = |error: ClientError| error.code == ErrorCode::NotFound;
        while !server.client.upload_status(&writer(), other).await.is_err_and(is_gone) {}
        while server.client.upload_status(&writer(), away).await.is_err() {}
    })
    .await;
    server.stop().await;
    disks.bind_large("big");
    let server = start(ServerConfig::default()).await;
    put(&server.client, away, 2, b"34").await.unwrap();
    server.client.commit(&commit(away)).await.unwrap();
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
