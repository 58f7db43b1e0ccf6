//! A tree that holds other disks: a bind mount and a tmpfs, in a mount namespace of the test's own. Needs root.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use backend::server::{Database, ServerConfig};
use backend::storage::local::{Containment, LocalStorage};
use backend::storage::{Attributes, Expected, Keep, Replacement, Storage, TrashQuery, Visit};
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::{Change, Conflict, ErrorCode, Outcome, Timestamp, TrashId};

use super::{code, path, trash_id, upload_id};
use crate::changes::change;
use crate::test_server::{TestServer, writer};
use crate::uploads::{commit, error_code, put, stage};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);
/// Set in the process in the namespace.
const INSIDE: &str = "PASSERELLE_TEST_NAMESPACE";

/// Runs a test again in a mount namespace. True in the process that is to do the work.
fn in_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a mount namespace needs root and unshare(1)");
        return false;
    }
    let output = Command::new("unshare")
        .args(["-m", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("storage::disks::{test}"), "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    false
}

fn mount(arguments: &[&str], at: &Path) {
    fs::create_dir_all(at).unwrap();
    let status = Command::new("mount").args(arguments).arg(at).status().unwrap();
    assert!(status.success(), "mount {arguments:?}");
}

fn unmount(at: &Path) {
    assert!(Command::new("umount").arg(at).status().unwrap().success());
}

fn bind(source: &Path, at: &Path) {
    mount(&["--bind", source.to_str().unwrap()], at);
}

/// A root that holds a bind mount of the root's file system, and a tmpfs one level deeper.
struct Disks {
    root: tempfile::TempDir,
    large: tempfile::TempDir,
}

const DISKS: [&str; 2] = ["big", "holder/ram"];

impl Disks {
    fn new() -> Self {
        let disks = Self { root: tempfile::tempdir().unwrap(), large: tempfile::tempdir().unwrap() };
        bind(disks.large.path(), &disks.at("big"));
        mount(&["-t", "tmpfs", "none"], &disks.at("holder/ram"));
        disks
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    fn storage(&self) -> LocalStorage {
        LocalStorage::open(self.root.path(), None).unwrap()
    }
}

fn write(storage: &dyn Storage, number: u8, name: &str, bytes: &[u8]) -> Option<TrashId> {
    let keep = Some(Keep { id: trash_id(number), now: NOW, bytes_max: 1_000, owner: 0 });
    let attributes = Attributes { keep, ..Attributes::default() };
    let target = path(name.as_bytes());
    storage.stage_for(upload_id(number), &target).unwrap().write_at(bytes, 0).unwrap();
    let published = storage.publish(upload_id(number), &target, &Expected::Anything, &attributes).unwrap();
    published.kept.map(|kept| kept.id)
}

fn items(storage: &dyn Storage) -> Vec<backend::storage::TrashItem> {
    storage.list_trash(&TrashQuery::default()).unwrap().items
}

#[test]
fn every_disk_has_its_own_staging_and_trash() {
    if !in_namespace("every_disk_has_its_own_staging_and_trash") {
        return;
    }
    let disks = Disks::new();
    for disk in DISKS {
        let storage = disks.storage();
        let file = format!("{disk}/deep/file");
        let at = path(file.as_bytes());
        storage.make_folder(&path(format!("{disk}/deep").as_bytes())).unwrap();
        let staged = storage.stage_for(upload_id(1), &at).unwrap();
        assert_eq!(fs::read_dir(disks.at(disk).join(".passerelle/staging-of-tree")).unwrap().count(), 1);
        drop(staged);
        assert_eq!(storage.list_staged().unwrap(), [upload_id(1)]);
        storage.unstage(upload_id(1)).unwrap();
        assert_eq!(write(&*storage, 1, &file, b"old"), None);
        assert_eq!(write(&*storage, 2, &file, b"new"), Some(trash_id(2)));
        storage.trash(&at, None, trash_id(3), NOW).unwrap();
        drop(storage);

        // After a restart the disk is known.
        let storage = disks.storage();
        let listed = items(&*storage);
        assert_eq!(listed.len(), 2, "{listed:?}");
        assert!(listed.iter().all(|item| item.entry.path == at && item.connected));
        storage.restore(trash_id(3), &at).unwrap();
        let keep = Keep { id: trash_id(4), now: NOW, bytes_max: 1_000, owner: 0 };
        storage.replace(&Replacement::Trashed(trash_id(2)), &at, &keep).unwrap();
        assert_eq!(fs::read(disks.at(&file)).unwrap(), b"old");
        // An item and its target on two disks.
        assert_eq!(code(storage.restore(trash_id(4), &path(b"elsewhere"))), Some(ErrorCode::CrossDevice));
        storage.purge(trash_id(4), &mut || Visit::Continue).unwrap();
        assert_eq!(items(&*storage), []);
        assert!(!disks.at(disk).join("deep/.passerelle").exists());
    }
    // The upload's disk turns out when it is published.
    let storage = disks.storage();
    storage.stage(upload_id(5)).unwrap().write_at(b"late", 0).unwrap();
    let target = path(b"big/late");
    storage.publish(upload_id(5), &target, &Expected::Nothing, &Attributes::default()).unwrap();
    assert_eq!(fs::read(disks.at("big/late")).unwrap(), b"late");
    assert_eq!(storage.list_staged().unwrap(), []);
    assert_eq!(fs::read_dir(disks.at("big/.passerelle/staging-of-tree")).unwrap().count(), 0);
}

#[test]
fn an_entry_that_is_or_holds_a_mount_point_stays_where_it_is() {
    if !in_namespace("an_entry_that_is_or_holds_a_mount_point_stays_where_it_is") {
        return;
    }
    let disks = Disks::new();
    fs::write(disks.at("config"), "on the root's disk").unwrap();
    fs::write(disks.at("outside"), "on no disk of its own").unwrap();
    // A single file that is mounted, as for a container.
    let file = disks.at("config");
    assert!(Command::new("mount").arg("--bind").args([disks.at("outside"), file]).status().unwrap().success());
    let storage = disks.storage();
    for (entry, point) in [("big", "big"), ("holder", "holder/ram"), ("holder/ram", "holder/ram"), ("config", "config")]
    {
        let (entry, point) = (path(entry.as_bytes()), path(point.as_bytes()));
        let refused = |result: Result<(), backend::storage::StorageError>| {
            let error = result.unwrap_err();
            assert_eq!(error.code, ErrorCode::Mounted, "{entry:?}");
            assert!(error.path.is_none_or(|path| *path == point), "{entry:?}");
        };
        refused(storage.trash(&entry, None, trash_id(5), NOW));
        refused(storage.rename(&entry, None, &path(b"moved"), &Expected::Nothing).map(drop));
        if entry != path(b"holder") {
            refused(storage.remove(&entry, None));
        }
        if entry != path(b"config") {
            refused(storage.check_mounts(&entry));
        }
    }
    storage.check_mounts(&path(b"holder/ram/x")).unwrap();
    storage.check_mounts(&path(b"outside")).unwrap();
    // An upload does not replace a file that is a mount point.
    storage.stage(upload_id(1)).unwrap().write_at(b"new", 0).unwrap();
    let published = storage.publish(upload_id(1), &path(b"config"), &Expected::Anything, &Attributes::default());
    assert_eq!(code(published), Some(ErrorCode::Mounted));
    assert_eq!(fs::read(disks.at("config")).unwrap(), b"on no disk of its own");
    assert_eq!(items(&*storage), []);
    assert!(disks.at("big").exists() && disks.at("holder/ram").exists());
}

#[test]
fn what_is_on_a_disk_that_is_not_connected_is_listed_and_stays() {
    if !in_namespace("what_is_on_a_disk_that_is_not_connected_is_listed_and_stays") {
        return;
    }
    let disks = Disks::new();
    let storage = disks.storage();
    write(&*storage, 1, "big/file", b"old");
    write(&*storage, 2, "big/file", b"new");
    storage.trash(&path(b"big/file"), None, trash_id(3), NOW).unwrap();
    drop(storage);
    unmount(&disks.at("big"));
    let storage = disks.storage();
    let listed = items(&*storage);
    assert_eq!(listed.iter().map(|item| item.id).collect::<Vec<_>>(), [trash_id(2), trash_id(3)]);
    assert!(listed.iter().all(|item| !item.connected && item.entry.path == path(b"big/file")), "{listed:?}");
    assert!(!storage.stat_trash(trash_id(3)).unwrap().connected);
    assert_eq!(code(storage.restore(trash_id(3), &path(b"big/file"))), Some(ErrorCode::DiskAbsent));
    assert_eq!(code(storage.purge(trash_id(3), &mut || Visit::Continue)), Some(ErrorCode::DiskAbsent));
    drop(storage);

    // The disk comes back at another place.
    bind(disks.large.path(), &disks.at("moved"));
    let storage = disks.storage();
    let listed = items(&*storage);
    assert!(listed.iter().all(|item| item.connected && item.entry.path == path(b"moved/file")), "{listed:?}");
    assert_eq!(listed.len(), 2);
    storage.restore(trash_id(3), &path(b"moved/file")).unwrap();
    storage.purge(trash_id(2), &mut || Visit::Continue).unwrap();
    assert_eq!(items(&*storage), []);
    drop(storage);
    unmount(&disks.at("moved"));
    // What is gone is no longer noted.
    assert_eq!(items(&*disks.storage()), []);
}

#[test]
fn a_disk_without_a_private_directory_takes_uploads_and_deletes_for_good() {
    if !in_namespace("a_disk_without_a_private_directory_takes_uploads_and_deletes_for_good") {
        return;
    }
    let disks = Disks::new();
    // As where the system denies it, which it does not deny root.
    fs::write(disks.at("holder/ram/.passerelle"), "").unwrap();
    fs::create_dir(disks.at("holder/ram/folder")).unwrap();
    let storage = disks.storage();
    assert_eq!(write(&*storage, 1, "holder/ram/folder/file", b"old"), None);
    assert_eq!(write(&*storage, 2, "holder/ram/folder/file", b"new"), None);
    assert_eq!(fs::read(disks.at("holder/ram/folder/file")).unwrap(), b"new");
    assert!(!disks.at("holder/ram/folder/.passerelle").exists());
    let file = path(b"holder/ram/folder/file");
    assert_eq!(code(storage.trash(&file, None, trash_id(3), NOW)), Some(ErrorCode::CrossDevice));
    storage.remove(&file, None).unwrap();
    assert_eq!(storage.list_staged().unwrap(), []);
}

/// Two mounts of one disk share its private directory, and its items are listed once.
#[test]
fn a_disk_that_is_mounted_twice_has_one_trash() {
    if !in_namespace("a_disk_that_is_mounted_twice_has_one_trash") {
        return;
    }
    let disks = Disks::new();
    bind(disks.large.path(), &disks.at("again"));
    bind(disks.root.path(), &disks.at("itself"));
    let storage = disks.storage();
    for (number, name) in [(1, "big/a"), (2, "again/b"), (3, "itself/c"), (4, "d")] {
        write(&*storage, number, name, b"content");
        storage.trash(&path(name.as_bytes()), None, trash_id(number), NOW).unwrap();
    }
    assert_eq!(items(&*storage).len(), 4);
    storage.purge(trash_id(1), &mut || Visit::Continue).unwrap();
    assert_eq!(items(&*storage).len(), 3);
}

#[test]
fn a_purge_does_not_enter_a_disk() {
    if !in_namespace("a_purge_does_not_enter_a_disk") {
        return;
    }
    let disks = Disks::new();
    for containment in [Containment::Kernel, Containment::Portable] {
        let storage = LocalStorage::open_with(disks.root.path(), None, containment).unwrap();
        storage.make_folder(&path(b"folder")).unwrap();
        storage.make_folder(&path(b"folder/inner")).unwrap();
        storage.trash(&path(b"folder"), None, trash_id(1), NOW).unwrap();
        let inner = disks.at(&format!(".passerelle/trash/{}.data/inner", trash_id(1)));
        mount(&["-t", "tmpfs", "none"], &inner);
        fs::write(inner.join("precious"), "").unwrap();
        let error = storage.purge(trash_id(1), &mut || Visit::Continue).unwrap_err();
        assert_eq!(error.code, ErrorCode::Mounted);
        if containment == Containment::Kernel {
            assert_eq!(error.path.as_deref(), Some(&path(b"folder/inner")));
        }
        assert!(inner.join("precious").exists());
        unmount(&inner);
        storage.purge(trash_id(1), &mut || Visit::Continue).unwrap();
        assert_eq!(items(&*storage), []);
    }
}

/// A start without the disk forgets no upload on it.
#[tokio::test]
async fn an_upload_continues_once_its_disk_is_back() {
    if !in_namespace("an_upload_continues_once_its_disk_is_back") {
        return;
    }
    let disks = Disks::new();
    let records = Arc::new(Database::in_memory().unwrap());
    let start = || TestServer::with_database(disks.storage().into(), Arc::clone(&records), ServerConfig::default());
    let server = start().await;
    let id = server.client.stage(&stage("big/file", Some(4))).await.unwrap().id;
    put(&server.client, id, 0, b"12").await.unwrap();
    server.stop().await;

    unmount(&disks.at("big"));
    let server = start().await;
    assert_eq!(server.client.upload_status(&writer(), id).await.unwrap().offset, 2);
    assert_eq!(error_code(put(&server.client, id, 2, b"34").await), ErrorCode::DiskAbsent);
    // Found without another start.
    bind(disks.large.path(), &disks.at("big"));
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
    if !in_namespace("a_put_is_measured_against_the_disk_of_its_target") {
        return;
    }
    let disks = Disks::new();
    mount(&["-t", "tmpfs", "-o", "size=1m", "none"], &disks.at("small"));
    bind(disks.large.path(), &disks.at("small/large"));
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

/// The server names the mount point, says which disk is missing, and changes nothing.
#[tokio::test]
async fn outcomes_name_the_mount_point_and_the_missing_disk() {
    if !in_namespace("outcomes_name_the_mount_point_and_the_missing_disk") {
        return;
    }
    let disks = Disks::new();
    fs::create_dir_all(disks.at("target/holder")).unwrap();
    fs::write(disks.at("big/file"), "content").unwrap();
    let server = TestServer::with_storage(disks.storage().into()).await;
    let item = |text: &str| PathItem { path: path(text.as_bytes()), if_etag: None };
    let (from, to) = (path(b"holder"), path(b"target/holder"));
    let merged = vec![PathPair { from, to, if_etag: None }];
    for (number, request, point) in [
        (1, Change::Trash { items: vec![item("holder")] }, "holder/ram"),
        (2, Change::Trash { items: vec![item("big")] }, "big"),
        (3, Change::Delete { items: vec![item("holder")] }, "holder/ram"),
        (4, Change::Delete { items: vec![item("big")] }, "big"),
        (5, Change::Move { items: merged, conflict: Conflict::Replace }, "holder/ram"),
    ] {
        let job = change(&server.client, number, request).await;
        let [Outcome::Failed { code, path: Some(at), incomplete: false, .. }] = job.outcomes.as_slice() else {
            panic!("{job:?}")
        };
        assert_eq!((*code, at), (ErrorCode::Mounted, &path(point.as_bytes())));
    }
    assert!(disks.at("big/file").exists());
    let job = change(&server.client, 6, Change::Trash { items: vec![item("big/file")] }).await;
    let [Outcome::Done { trash: Some(id), .. }] = job.outcomes[..] else { panic!("{job:?}") };
    server.stop().await;

    unmount(&disks.at("big"));
    let server = TestServer::with_storage(disks.storage().into()).await;
    let listed = server.client.list_trash(&writer(), None, 9).await.unwrap().items;
    assert!(matches!(&listed[..], [only] if only.absent && only.expires.is_none()), "{listed:?}");
    let items = vec![RestoreItem { id, to: None }];
    for (number, request) in [
        (7, Change::Restore { items, conflict: Conflict::Fail }),
        (8, Change::Purge { ids: Some(vec![id]) }),
        (9, Change::Purge { ids: None }),
    ] {
        let job = change(&server.client, number, request).await;
        assert!(matches!(job.outcomes[..], [Outcome::Failed { code: ErrorCode::DiskAbsent, .. }]), "{job:?}");
    }
    server.stop().await;
    bind(disks.large.path(), &disks.at("big"));
    let server = TestServer::with_storage(disks.storage().into()).await;
    let items = vec![RestoreItem { id, to: None }];
    let job = change(&server.client, 7, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert!(matches!(&job.outcomes[..], [Outcome::Done { entry: Some(entry), .. }] if entry.path == path(b"big/file")));
    server.stop().await;
}

/// An exFAT file system in a file, by FUSE, which ends when it is dropped.
struct Exfat {
    at: std::path::PathBuf,
    device: String,
    _image: tempfile::NamedTempFile,
}

impl Exfat {
    fn mount(at: std::path::PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let run = |program: &str, arguments: &[&std::ffi::OsStr]| {
            let output = Command::new(program).args(arguments).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        run("mkfs.exfat", &[image.path().as_ref()])?;
        let device = run("losetup", &["-f".as_ref(), "--show".as_ref(), image.path().as_ref()])?;
        let mounted = Self { at, device, _image: image };
        run("mount.exfat-fuse", &[mounted.device.as_ref(), mounted.at.as_ref()])?;
        Some(mounted)
    }
}

impl Drop for Exfat {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.at).output();
        let _ = Command::new("losetup").args(["-d", &self.device]).output();
    }
}

/// exFAT by FUSE has neither `RENAME_NOREPLACE` nor links of any kind, and folds letter case.
#[test]
fn a_file_system_without_links_is_written_to_and_renames_by_letter_case() {
    if !in_namespace("a_file_system_without_links_is_written_to_and_renames_by_letter_case") {
        return;
    }
    let disks = Disks::new();
    let Some(_exfat) = Exfat::mount(disks.at("exfat")) else {
        eprintln!("skipped: needs mkfs.exfat, mount.exfat-fuse and a loop device");
        return;
    };
    let storage = disks.storage();
    let publish = |number: u8, name: &str, bytes: &[u8], expected: &Expected| {
        let target = path(name.as_bytes());
        let keep = Some(Keep { id: trash_id(number), now: NOW, bytes_max: 1_000, owner: 0 });
        let staged = storage.stage_for(upload_id(number), &target)?;
        staged.write_at(bytes, 0)?;
        drop(staged);
        storage.publish(upload_id(number), &target, expected, &Attributes { keep, ..Attributes::default() })
    };
    let names = |folder: &str| {
        let listed = fs::read_dir(disks.at(folder)).unwrap();
        let mut names: Vec<_> = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".passerelle");
        names.sort();
        names
    };
    publish(1, "exfat/file", b"old", &Expected::Nothing).unwrap();
    assert_eq!(code(publish(2, "exfat/file", b"other", &Expected::Nothing)), Some(ErrorCode::AlreadyExists));
    storage.unstage(upload_id(2)).unwrap();
    // Nothing can keep what is replaced, and the answer says so.
    let published = publish(3, "exfat/file", b"new", &Expected::Anything).unwrap();
    assert!(published.replaced && published.kept.is_none());
    assert_eq!(fs::read(disks.at("exfat/file")).unwrap(), b"new");
    assert_eq!((names("exfat"), items(&*storage)), (vec!["file".to_owned()], vec![]));

    let rename = |from: &str, to: &str| {
        storage.rename(&path(from.as_bytes()), None, &path(to.as_bytes()), &Expected::Nothing).map(drop)
    };
    storage.make_folder(&path(b"exfat/folder")).unwrap();
    rename("exfat/file", "exfat/File").unwrap();
    rename("exfat/folder", "exfat/FOLDER").unwrap();
    assert_eq!(names("exfat"), ["FOLDER", "File"]);
    rename("exfat/File", "exfat/FOLDER/moved").unwrap();
    publish(4, "exfat/taken", b"taken", &Expected::Nothing).unwrap();
    assert_eq!(code(rename("exfat/FOLDER/moved", "exfat/TAKEN")), Some(ErrorCode::AlreadyExists));
    storage.trash(&path(b"exfat/FOLDER"), None, trash_id(5), NOW).unwrap();
    assert_eq!(items(&*storage).len(), 1);
    storage.restore(trash_id(5), &path(b"exfat/FOLDER")).unwrap();
    assert_eq!(fs::read(disks.at("exfat/FOLDER/moved")).unwrap(), b"new");
    storage.trash(&path(b"exfat/taken"), None, trash_id(6), NOW).unwrap();
    storage.purge(trash_id(6), &mut || Visit::Continue).unwrap();
    assert_eq!(names("exfat"), ["FOLDER"]);
}

/// The id of a disk names a folder, and another program may write it.
#[test]
fn a_disk_does_not_choose_the_folder_with_the_notes_about_it() {
    if !in_namespace("a_disk_does_not_choose_the_folder_with_the_notes_about_it") {
        return;
    }
    let disks = Disks::new();
    fs::create_dir(disks.at("big/.passerelle")).unwrap();
    std::os::unix::fs::symlink("../trash", disks.at("big/.passerelle/disk")).unwrap();
    let storage = disks.storage();
    for (number, name) in [(1, "file"), (2, "big/file")] {
        write(&*storage, number, name, b"content");
        storage.trash(&path(name.as_bytes()), None, trash_id(number), NOW).unwrap();
    }
    for _ in 0..2 {
        let mut paths: Vec<_> = items(&*storage).into_iter().map(|item| item.entry.path).collect();
        paths.sort();
        assert_eq!(paths, [path(b"big/file"), path(b"file")]);
    }
    assert!(!disks.at(".passerelle/trash/at").is_symlink());
    drop(storage);
    unmount(&disks.at("big"));
    let listed = items(&*disks.storage());
    assert!(listed.iter().any(|item| !item.connected && item.entry.path == path(b"big/file")), "{listed:?}");
}

/// An item whose deletion has begun is not restored: its deletion would go on in the restored folder.
#[test]
fn an_item_that_is_being_purged_is_not_restored() {
    let root = tempfile::tempdir().unwrap();
    let storage = LocalStorage::open(root.path(), None).unwrap();
    storage.make_folder(&path(b"folder")).unwrap();
    write(&*storage, 1, "folder/a", b"1");
    write(&*storage, 2, "folder/b", b"2");
    storage.trash(&path(b"folder"), None, trash_id(3), NOW).unwrap();
    let restore = || storage.restore(trash_id(3), &path(b"restored"));
    // It stops after the first entry.
    let mut stop = || {
        assert_eq!(code(restore()), Some(ErrorCode::Gone));
        Visit::Stop
    };
    storage.purge(trash_id(3), &mut stop).unwrap();
    restore().unwrap();
    assert_eq!(fs::read_dir(root.path().join("restored")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_disk_that_fails_does_not_keep_the_replaced_files_of_others() {
    if !in_namespace("a_disk_that_fails_does_not_keep_the_replaced_files_of_others") {
        return;
    }
    let disks = Disks::new();
    let storage = disks.storage();
    for number in 0..8 {
        write(&*storage, number, &format!("{}/file", DISKS[usize::from(number % 2)]), b"12345678");
    }
    // A file that is a mount point is not removed.
    fs::write(disks.at("outside"), "12345678").unwrap();
    let kept = |disk: usize| {
        let folder = disks.at(DISKS[disk]).join(".passerelle/replaced");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_none()).collect::<Vec<_>>()
    };
    for file in kept(0) {
        let mounted = Command::new("mount").arg("--bind").args([&disks.at("outside"), &file]).status().unwrap();
        assert!(mounted.success());
    }
    assert_eq!((kept(0).len(), kept(1).len()), (3, 3));
    let config = ServerConfig { trash_bytes_max: 10, ..ServerConfig::default() };
    let server = TestServer::with_config(storage.into(), config).await;
    let started = std::time::Instant::now();
    while kept(1).len() > 1 {
        assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", kept(1));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(kept(0).len(), 3);
    server.stop().await;
}

/// Deleting frees space also where there is none for the information about an item of the trash.
#[tokio::test]
async fn a_folder_on_a_full_disk_is_deleted() {
    if !in_namespace("a_folder_on_a_full_disk_is_deleted") {
        return;
    }
    let disks = Disks::new();
    mount(&["-t", "tmpfs", "-o", "nr_inodes=40", "none"], &disks.at("full"));
    let storage = disks.storage();
    write(&*storage, 1, "full/file", b"content");
    storage.trash(&path(b"full/file"), None, trash_id(1), NOW).unwrap();
    fs::create_dir_all(disks.at("full/folder/inner")).unwrap();
    let number = (0..40).find(|number| fs::write(disks.at(&format!("full/folder/inner/{number}")), "").is_err());
    assert!(number.is_some());
    let server = TestServer::with_storage(storage.into()).await;
    let folder = PathItem { path: path(b"full/folder"), if_etag: None };
    let job = change(&server.client, 1, Change::Delete { items: vec![folder] }).await;
    assert!(matches!(job.outcomes[..], [Outcome::Done { .. }]), "{job:?}");
    assert!(!disks.at("full/folder").exists());
    server.stop().await;
}

/// Uploads of one folder share the hidden folder beside their destinations, which each removes when it is empty.
#[test]
fn parallel_uploads_to_a_disk_without_a_private_directory_succeed() {
    if !in_namespace("parallel_uploads_to_a_disk_without_a_private_directory_succeed") {
        return;
    }
    let disks = Disks::new();
    fs::write(disks.at("holder/ram/.passerelle"), "").unwrap();
    let folder = disks.at("holder/ram/folder");
    fs::create_dir(&folder).unwrap();
    let storage = disks.storage();
    std::thread::scope(|scope| {
        for first in (0..200).step_by(25) {
            let storage = &*storage;
            scope.spawn(move || {
                (first..first + 25).for_each(|number| {
                    write(storage, number, &format!("holder/ram/folder/{number}"), b"content");
                });
            });
        }
    });
    assert_eq!(
        fs::read_dir(&folder).unwrap().filter(|entry| entry.as_ref().unwrap().file_name() != ".passerelle").count(),
        200
    );
    // A crash leaves a copy there, which does not keep the folder.
    fs::create_dir_all(folder.join("inner/.passerelle")).unwrap();
    fs::write(folder.join(format!("inner/.passerelle/{}.copy", upload_id(1))), "").unwrap();
    let inner = path(b"holder/ram/folder/inner");
    fs::write(folder.join("inner/file"), "").unwrap();
    assert_eq!(code(storage.remove(&inner, None)), Some(ErrorCode::NotEmpty));
    assert_eq!(fs::read_dir(folder.join("inner/.passerelle")).unwrap().count(), 1);
    fs::remove_file(folder.join("inner/file")).unwrap();
    storage.remove(&inner, None).unwrap();
    assert!(!folder.join("inner").exists());
}

/// An open upload holds the private directory of its disk while that of the root is replaced.
#[test]
fn files_are_kept_on_a_disk_after_the_private_directory_of_the_root_has_gone() {
    if !in_namespace("files_are_kept_on_a_disk_after_the_private_directory_of_the_root_has_gone") {
        return;
    }
    let disks = Disks::new();
    let storage = disks.storage();
    write(&*storage, 1, "file", b"on the root's disk");
    let upload = storage.stage_for(upload_id(2), &path(b"big/other")).unwrap();
    fs::rename(disks.at(".passerelle"), disks.at("away")).unwrap();
    storage.check_root().unwrap();
    assert_eq!(write(&*storage, 3, "big/file", b"old"), None);
    assert_eq!(write(&*storage, 4, "big/file", b"new"), Some(trash_id(4)));
    drop(upload);
}

#[test]
fn a_disk_that_is_moved_while_the_server_runs_keeps_its_trash() {
    if !in_namespace("a_disk_that_is_moved_while_the_server_runs_keeps_its_trash") {
        return;
    }
    let disks = Disks::new();
    let storage = disks.storage();
    write(&*storage, 1, "holder/ram/file", b"old");
    let upload = storage.stage_for(upload_id(2), &path(b"holder/ram/other")).unwrap();
    fs::create_dir(disks.at("moved")).unwrap();
    let moved = Command::new("mount").arg("--move").args([disks.at("holder/ram"), disks.at("moved")]).status();
    assert!(moved.unwrap().success());
    assert_eq!(write(&*storage, 3, "moved/file", b"new"), Some(trash_id(3)));
    storage.trash(&path(b"moved/file"), None, trash_id(4), NOW).unwrap();
    let listed = items(&*storage);
    assert!(listed.len() == 2 && listed.iter().all(|item| item.entry.path == path(b"moved/file")), "{listed:?}");
    drop(upload);
}
