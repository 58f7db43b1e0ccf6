//! Every disk has its own staging and trash, also while it comes, goes and moves.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use backend::client::Caller;
use backend::server::ServerConfig;
use backend::storage::local::LocalStorage;
use backend::storage::{Attributes, Expected, Replacement, Visit};
use shared::change::RestoreItem;
use shared::{Change, Conflict, ErrorCode, Outcome, Rights, Scope};

use super::{
    DISKS, Disks, NOW, bind, check_trashed, keep, mount_onto, purge, trash_id, trashed, upload_id, write,
    write_and_trash,
};
use crate::changes::{key, path_items, trash_ids};
use crate::storage::code;
use crate::test_server::{TestServer, path, writer};

#[test]
fn every_disk_has_its_own_staging_and_trash() {
    let Some(disks) = Disks::of(every_disk_has_its_own_staging_and_trash) else { return };
    for disk in DISKS {
        let storage = disks.storage();
        let file = format!("{disk}/deep/file");
        let at = path(&file);
        storage.make_folder(&path(&format!("{disk}/deep"))).unwrap();
        let staged = storage.stage_for(upload_id(1), &at).unwrap();
        assert_eq!(fs::read_dir(disks.at(disk).join(".passerelle/staging-of-tree")).unwrap().count(), 1);
        drop(staged);
        assert_eq!(storage.list_staged().unwrap(), [upload_id(1)]);
        storage.unstage(upload_id(1)).unwrap();
        assert_eq!(write(&storage, 1, &file, b"old"), None);
        assert_eq!(write(&storage, 2, &file, b"new"), Some(trash_id(2)));
        storage.trash(&at, None, trash_id(3), NOW).unwrap();
        drop(storage);

        // After a restart the disk is known.
        let storage = disks.storage();
        check_trashed(&storage, &[2, 3], &file, true);
        storage.restore(trash_id(3), &at).unwrap();
        storage.replace(&Replacement::Trashed(trash_id(2)), &at, &keep(4)).unwrap();
        assert_eq!(fs::read(disks.at(&file)).unwrap(), b"old");
        // An item and its target on two disks.
        assert_eq!(code(storage.restore(trash_id(4), &path("elsewhere"))), Some(ErrorCode::CrossDevice));
        purge(&storage, 4).unwrap();
        assert_eq!(trashed(&storage), []);
        assert!(!disks.at(disk).join("deep/.passerelle").exists());
    }
    // The upload's disk turns out when it is published.
    let storage = disks.storage();
    storage.stage(upload_id(5)).unwrap().write_at(b"late", 0).unwrap();
    let target = path("big/late");
    storage.publish(upload_id(5), &target, &Expected::Nothing, &Attributes::default()).unwrap();
    assert_eq!(fs::read(disks.at("big/late")).unwrap(), b"late");
    assert_eq!(storage.list_staged().unwrap(), []);
    assert_eq!(fs::read_dir(disks.at("big/.passerelle/staging-of-tree")).unwrap().count(), 0);
}

#[test]
fn what_is_on_a_disk_that_is_not_connected_is_listed_and_stays() {
    let Some(disks) = Disks::of(what_is_on_a_disk_that_is_not_connected_is_listed_and_stays) else { return };
    let storage = disks.storage();
    write(&storage, 1, "big/file", b"old");
    write(&storage, 2, "big/file", b"new");
    storage.trash(&path("big/file"), None, trash_id(3), NOW).unwrap();
    drop(storage);
    disks.unmount("big");
    let storage = disks.storage();
    check_trashed(&storage, &[2, 3], "big/file", false);
    assert!(!storage.stat_trash(trash_id(3)).unwrap().connected);
    assert_eq!(code(storage.restore(trash_id(3), &path("big/file"))), Some(ErrorCode::DiskAbsent));
    assert_eq!(code(purge(&storage, 3)), Some(ErrorCode::DiskAbsent));
    drop(storage);

    // The disk comes back at another place.
    disks.bind_large("moved");
    let storage = disks.storage();
    check_trashed(&storage, &[2, 3], "moved/file", true);
    storage.restore(trash_id(3), &path("moved/file")).unwrap();
    purge(&storage, 2).unwrap();
    assert_eq!(trashed(&storage), []);
    drop(storage);
    disks.unmount("moved");
    // What is gone is no longer noted.
    assert_eq!(trashed(&disks.storage()), []);
}

/// Two mounts of one disk share its private directory, and its items are listed once.
#[test]
fn a_disk_that_is_mounted_twice_has_one_trash() {
    let Some(disks) = Disks::of(a_disk_that_is_mounted_twice_has_one_trash) else { return };
    disks.bind_large("again");
    bind(disks.root.path(), &disks.at("itself"));
    let storage = disks.storage();
    for (number, name) in [(1, "big/a"), (2, "again/b"), (3, "itself/c"), (4, "d")] {
        write_and_trash(&storage, number, name);
    }
    assert_eq!(trashed(&storage).len(), 4);
    purge(&storage, 1).unwrap();
    assert_eq!(trashed(&storage).len(), 3);
}

/// The id of a disk names a folder, and another program may write it.
#[test]
fn a_disk_does_not_choose_the_folder_with_the_notes_about_it() {
    let Some(disks) = Disks::of(a_disk_does_not_choose_the_folder_with_the_notes_about_it) else { return };
    fs::create_dir(disks.at("big/.passerelle")).unwrap();
    symlink("../trash", disks.at("big/.passerelle/disk")).unwrap();
    let storage = disks.storage();
    for (number, name) in [(1, "file"), (2, "big/file")] {
        write_and_trash(&storage, number, name);
    }
    for _ in 0..2 {
        let mut paths: Vec<_> = trashed(&storage).into_iter().map(|item| item.entry.path).collect();
        paths.sort();
        assert_eq!(paths, [path("big/file"), path("file")]);
    }
    assert!(!disks.at(".passerelle/trash/at").is_symlink());
    drop(storage);
    disks.unmount("big");
    let listed = trashed(&disks.storage());
    assert!(listed.iter().any(|item| !item.connected && item.entry.path == path("big/file")), "{listed:?}");
}

/// An item whose deletion has begun is not restored: its deletion would go on in the restored folder.
#[test]
fn an_item_that_is_being_purged_is_not_restored() {
    let root = tempfile::tempdir().unwrap();
    let storage = LocalStorage::open(root.path(), None).unwrap();
    storage.make_folder(&path("folder")).unwrap();
    write(&storage, 1, "folder/a", b"1");
    write(&storage, 2, "folder/b", b"2");
    storage.trash(&path("folder"), None, trash_id(3), NOW).unwrap();
    let restore = || storage.restore(trash_id(3), &path("restored"));
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
    let Some(disks) = Disks::of(a_disk_that_fails_does_not_keep_the_replaced_files_of_others) else { return };
    let storage = disks.storage();
    for number in 0..8 {
        write(&storage, number, &format!("{}/file", DISKS[usize::from(number % 2)]), b"12345678");
    }
    // A file that is a mount point is not removed.
    fs::write(disks.at("outside"), "12345678").unwrap();
    let kept = |disk: usize| {
        let folder = disks.at(DISKS[disk]).join(".passerelle/replaced");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_none()).collect::<Vec<_>>()
    };
    for file in kept(0) {
        mount_onto("--bind", &disks.at("outside"), &file);
    }
    assert_eq!((kept(0).len(), kept(1).len()), (3, 3));
    let config = ServerConfig { trash_bytes_max: 10, ..ServerConfig::default() };
    let server = TestServer::with_config(storage.into(), config).await;
    let started = Instant::now();
    while kept(1).len() > 1 {
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", kept(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(kept(0).len(), 3);
    server.stop().await;
}

/// An open upload holds the private directory of its disk while that of the root is replaced.
#[test]
fn files_are_kept_on_a_disk_after_the_private_directory_of_the_root_has_gone() {
    let Some(disks) = Disks::of(files_are_kept_on_a_disk_after_the_private_directory_of_the_root_has_gone) else {
        return;
    };
    let storage = disks.storage();
    write(&storage, 1, "file", b"on the root's disk");
    let upload = storage.stage_for(upload_id(2), &path("big/other")).unwrap();
    fs::rename(disks.at(".passerelle"), disks.at("away")).unwrap();
    storage.check_root().unwrap();
    assert_eq!(write(&storage, 3, "big/file", b"old"), None);
    assert_eq!(write(&storage, 4, "big/file", b"new"), Some(trash_id(4)));
    drop(upload);
}

#[test]
fn a_disk_that_is_moved_while_the_server_runs_keeps_its_trash() {
    let Some(disks) = Disks::of(a_disk_that_is_moved_while_the_server_runs_keeps_its_trash) else { return };
    let storage = disks.storage();
    write(&storage, 1, "holder/ram/file", b"old");
    let upload = storage.stage_for(upload_id(2), &path("holder/ram/other")).unwrap();
    fs::create_dir(disks.at("moved")).unwrap();
    mount_onto("--move", &disks.at("holder/ram"), &disks.at("moved"));
    assert_eq!(write(&storage, 3, "moved/file", b"new"), Some(trash_id(3)));
    storage.trash(&path("moved/file"), None, trash_id(4), NOW).unwrap();
    check_trashed(&storage, &[3, 4], "moved/file", true);
    drop(upload);
}

/// The root of a caller may be a link to another disk.
#[tokio::test]
async fn a_root_that_is_a_link_to_another_disk_has_its_trash() {
    let Some(disks) = Disks::of(a_root_that_is_a_link_to_another_disk_has_its_trash) else { return };
    fs::create_dir_all(disks.at("holder/ram/users/ada")).unwrap();
    symlink("holder/ram/users/ada", disks.at("home")).unwrap();
    let (server, home) = (disks.server().await, path("home"));
    let home = Caller { scope: Scope::below(home, Rights::ALL), ..Caller::default() };
    let client = &server.client;
    let run = async |number, change| client.change(&home, key(number), change, Duration::from_secs(30)).await.unwrap();
    for content in ["old", "new"] {
        fs::write(disks.at("home/file"), content).unwrap();
        let trashed = run(content.as_bytes()[0], Change::Trash { items: path_items(&["file"]) }).await;
        assert_eq!(trash_ids(&trashed).len(), 1);
    }
    let items = client.list_trash(&home, None, 10).await.unwrap().items;
    assert_eq!(items.iter().map(|item| item.entry.path.clone()).collect::<Vec<_>>(), [path("file"), path("file")]);
    let restore = RestoreItem { id: items[0].id, to: None };
    let restored = run(3, Change::Restore { items: vec![restore], conflict: Conflict::Fail }).await;
    assert!(matches!(restored.outcomes[..], [Outcome::Done { .. }]), "{restored:?}");
    assert!(disks.at("holder/ram/users/ada/file").exists());
    run(4, Change::Purge { ids: None }).await;
    assert_eq!(client.list_trash(&writer(), None, 10).await.unwrap().items, []);
    server.stop().await;
}
