//! A tree that holds other disks: a bind mount and a tmpfs, in a mount namespace of the test's own. Needs root.

mod full;
mod mount_points;
mod trash;
mod uploads;
mod weak_file_systems;

use std::any::type_name;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backend::storage::local::LocalStorage;
use backend::storage::{Attributes, Expected, Published, StorageError, Visit};
use shared::TrashId;

use super::interruption::{NOW, trashed};
use super::trash::keep;
use super::{trash_id, upload_id};
use crate::test_server::{TestServer, path};

/// Set in the process in the namespace.
const INSIDE: &str = "PASSERELLE_TEST_NAMESPACE";

/// Runs the test `F` again in a mount namespace. True in the process that is to do the work.
fn in_namespace<F>() -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a mount namespace needs root and unshare(1)");
        return false;
    }
    // The name of a test is its path without the crate.
    let (_, test) = type_name::<F>().split_once("::").unwrap();
    let output = Command::new("unshare")
        .args(["-m", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // A name that no test has would succeed too.
    assert!(output.status.success() && report.contains("1 passed"), "{test}: {report}");
    false
}

fn mount(arguments: &[&str], at: &Path) {
    fs::create_dir_all(at).unwrap();
    let status = Command::new("mount").args(arguments).arg(at).status().unwrap();
    assert!(status.success(), "mount {arguments:?}");
}

/// Mounts a file or folder, or moves a mount, onto an entry that exists.
fn mount_onto(option: &str, source: &Path, at: &Path) {
    let status = Command::new("mount").arg(option).args([source, at]).status().unwrap();
    assert!(status.success(), "mount {option} {source:?} {at:?}");
}

fn unmount(at: &Path) {
    assert!(Command::new("umount").arg(at).status().unwrap().success());
}

fn bind(source: &Path, at: &Path) {
    fs::create_dir_all(at).unwrap();
    mount_onto("--bind", source, at);
}

/// A root that holds a bind mount of the root's file system, and a tmpfs one level deeper.
struct Disks {
    root: tempfile::TempDir,
    large: tempfile::TempDir,
}

const DISKS: [&str; 2] = ["big", "holder/ram"];

impl Disks {
    /// The disks of a test, in a mount namespace. `None` in the process that starts the namespace, where the test is
    /// complete or skipped.
    fn of<F: Fn()>(_test: F) -> Option<Self> {
        if !in_namespace::<F>() {
            return None;
        }
        let disks = Self { root: tempfile::tempdir().unwrap(), large: tempfile::tempdir().unwrap() };
        disks.bind_large("big");
        mount(&["-t", "tmpfs", "none"], &disks.at("holder/ram"));
        Some(disks)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn bind_large(&self, path: &str) {
        bind(self.large.path(), &self.at(path));
    }

    fn unmount(&self, path: &str) {
        unmount(&self.at(path));
    }

    fn storage(&self) -> LocalStorage {
        LocalStorage::open(self.root.path(), None).unwrap()
    }

    async fn server(&self) -> TestServer {
        TestServer::with_storage(self.storage().into()).await
    }
}

fn publish(
    storage: &LocalStorage,
    number: u8,
    name: &str,
    bytes: &[u8],
    expected: &Expected,
) -> Result<Published, StorageError> {
    let attributes = Attributes { keep: Some(keep(number)), ..Attributes::default() };
    let target = path(name);
    storage.stage_for(upload_id(number), &target)?.write_at(bytes, 0)?;
    storage.publish(upload_id(number), &target, expected, &attributes)
}

fn write(storage: &LocalStorage, number: u8, name: &str, bytes: &[u8]) -> Option<TrashId> {
    let published = publish(storage, number, name, bytes, &Expected::Anything).unwrap();
    published.kept.map(|kept| kept.id)
}

/// Moves a new file to the trash.
fn write_and_trash(storage: &LocalStorage, number: u8, name: &str) {
    write(storage, number, name, b"content");
    storage.trash(&path(name), None, trash_id(number), NOW).unwrap();
}

fn purge(storage: &LocalStorage, number: u8) -> Result<(), StorageError> {
    storage.purge(trash_id(number), &mut || Visit::Continue)
}

/// Checks that the trash has exactly these items, all of them from one path.
#[track_caller]
fn check_trashed(storage: &LocalStorage, numbers: &[u8], name: &str, connected: bool) {
    let listed = trashed(storage);
    let ids: Vec<_> = listed.iter().map(|item| item.id).collect();
    assert_eq!(ids, numbers.iter().map(|number| trash_id(*number)).collect::<Vec<_>>());
    assert!(listed.iter().all(|item| item.connected == connected && item.entry.path == path(name)), "{listed:?}");
}
