//! A full disk, with the records of the server on it: what frees space goes on, and what takes space is refused.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::server::{Database, ServerConfig};
use backend::storage::local::LocalStorage;
use shared::change::RestoreItem;
use shared::{Change, Conflict, ErrorCode, Job, Outcome};
use tempfile::TempDir;

use super::{in_namespace, mount};
use crate::changes::{change, key, pair, path_items, trash_ids};
use crate::test_gateway::TestGateway;
use crate::test_server::{TestServer, path, writer};
use crate::uploads::error_code;

/// A tmpfs of 64 MiB that is served, with the state directory at its usual place.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` in the process that starts the namespace.
    fn of<F: Fn()>(_test: F) -> Option<Self> {
        if !in_namespace::<F>() {
            return None;
        }
        let disk = Self(tempfile::tempdir().unwrap());
        mount(&["-t", "tmpfs", "-o", "size=64m", "none"], disk.0.path());
        Some(disk)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn add(&self, files: &[&str]) {
        for file in files {
            fs::create_dir_all(self.at(file).parent().unwrap()).unwrap();
            fs::write(self.at(file), file).unwrap();
        }
    }

    async fn gateway(&self) -> TestGateway {
        fs::create_dir_all(self.at(".passerelle")).unwrap();
        let records = Arc::new(Database::open(&self.at(".passerelle/server.sqlite3")).unwrap());
        let storage = LocalStorage::open(self.0.path(), None).unwrap();
        let server = TestServer::with_database(storage.into(), records, ServerConfig::default()).await.in_process();
        let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
        TestGateway::in_front_of(server, config).await
    }
}

/// Writes to a file, as another program does, until its disk has not one byte left.
fn fill(file: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
    for bytes in [1 << 20, 1 << 12, 1] {
        while file.write_all(&vec![7; bytes]).is_ok() {}
    }
}

#[track_caller]
fn check_done(job: &Job) {
    assert!(job.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done { .. })), "{job:?}");
}

async fn put(gateway: &TestGateway, name: &str, length: usize) -> u16 {
    let response = gateway.send("PUT", &format!("/files/{name}"), &[], &vec![1; length]).await;
    if response.status == 507 {
        response.assert_problem(507, "no_space");
    }
    response.status
}

#[tokio::test]
async fn a_full_disk_is_emptied_and_takes_no_uploads() {
    let Some(disk) = SmallDisk::of(a_full_disk_is_emptied_and_takes_no_uploads) else { return };
    disk.add(&["trashed", "restored", "copied", "tree/inner/a", "tree/inner/b", "tree/c", "purged"]);
    (0..40).for_each(|number| disk.add(&[&format!("many/{number}")]));
    let gateway = disk.gateway().await;
    let client = &gateway.server.client;
    assert_eq!(put(&gateway, "before", 5).await, 201);
    let purged = change(client, 1, Change::Trash { items: path_items(&["purged"]) }).await;
    fill(&disk.at("filler"));

    for length in [3, 300_000] {
        assert_eq!(put(&gateway, "new", length).await, 507);
    }
    let job = change(client, 2, Change::Purge { ids: Some(trash_ids(&purged)) }).await;
    check_done(&job);
    let trashed = change(client, 3, Change::Trash { items: path_items(&["trashed", "restored"]) }).await;
    check_done(&trashed);
    // What frees no space is given back, too.
    let restored = RestoreItem { id: trash_ids(&trashed)[1], to: None };
    let restore = Change::Restore { items: vec![restored], conflict: Conflict::Fail };
    check_done(&change(client, 4, restore).await);
    assert!(disk.at("restored").exists());
    check_done(&change(client, 5, Change::Delete { items: path_items(&["tree"]) }).await);
    assert!(!disk.at("tree").exists());
    // The space that was given up is no space for uploads and copies, also while other programs fill what becomes free.
    for number in 0..40_u8 {
        if number < 6 {
            fill(&disk.at("filler"));
        }
        let job = change(client, 10 + number, Change::Trash { items: path_items(&[&format!("many/{number}")]) }).await;
        check_done(&job);
        assert_eq!(put(&gateway, "new", 3).await, 507);
        assert_eq!(put(&gateway, "new", 300_000).await, 507);
    }
    check_done(&change(client, 60, Change::Purge { ids: None }).await);
    for (number, change) in [
        (61, Change::Copy { items: vec![pair("copied", "copy")], conflict: Conflict::Fail }),
        (62, Change::MakeFolder { paths: vec![path("folder")], existing_ok: false }),
    ] {
        let refused = client.change(&writer(), key(number), change, Duration::from_secs(30)).await;
        assert_eq!(error_code(refused), ErrorCode::NoSpace);
    }

    check_done(&change(client, 63, Change::Delete { items: path_items(&["filler"]) }).await);
    assert_eq!(put(&gateway, "new", 300_000).await, 201);
    for reserve in [".passerelle/reserve", ".passerelle/records.reserve"] {
        assert_eq!(fs::metadata(disk.at(reserve)).unwrap().len(), 16 << 20, "{reserve}");
    }
    gateway.assert_healthy_and_stop().await;
}

/// A start needs space for the log of the records.
#[tokio::test]
async fn a_server_starts_on_a_full_disk() {
    let Some(disk) = SmallDisk::of(a_server_starts_on_a_full_disk) else { return };
    disk.add(&["file"]);
    let gateway = disk.gateway().await;
    assert_eq!(put(&gateway, "before", 5).await, 201);
    gateway.assert_healthy_and_stop().await;
    fill(&disk.at("filler"));
    let gateway = disk.gateway().await;
    check_done(&change(&gateway.server.client, 1, Change::Delete { items: path_items(&["file"]) }).await);
    check_done(&change(&gateway.server.client, 2, Change::Delete { items: path_items(&["filler"]) }).await);
    assert_eq!(put(&gateway, "new", 5).await, 201);
    gateway.assert_healthy_and_stop().await;
}
