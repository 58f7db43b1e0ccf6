//! An entry that is or holds a mount point stays where it is, and the refusal names the mount point.

use std::fs;
use std::path::Path;

use backend::storage::local::{Containment, LocalStorage};
use backend::storage::{Attributes, Expected, StorageError, Visit};
use shared::change::RestoreItem;
use shared::job::LeftOutEntry;
use shared::{Change, Conflict, ErrorCode, Outcome};

use super::{
    Disks, NOW, bind, mount, mount_onto, purge, trash_id, trashed, unmount, upload_id, write, write_and_trash,
};
use crate::changes::{change, pair, path_items};
use crate::storage::code;
use crate::storage::hidden::check_hidden;
use crate::test_server::{path, writer};

#[test]
fn an_entry_that_is_or_holds_a_mount_point_stays_where_it_is() {
    let Some(disks) = Disks::of(an_entry_that_is_or_holds_a_mount_point_stays_where_it_is) else { return };
    fs::write(disks.at("config"), "on the root's disk").unwrap();
    fs::write(disks.at("outside"), "on no disk of its own").unwrap();
    // A single file that is mounted, as for a container.
    mount_onto("--bind", &disks.at("outside"), &disks.at("config"));
    let storage = disks.storage();
    for (entry, point) in [("big", "big"), ("holder", "holder/ram"), ("holder/ram", "holder/ram"), ("config", "config")]
    {
        let (entry, point) = (path(entry), path(point));
        let refused = |result: Result<(), StorageError>| {
            let error = result.unwrap_err();
            assert_eq!(error.code, ErrorCode::Mounted, "{entry:?}");
            assert!(error.path.is_none_or(|path| *path == point), "{entry:?}");
        };
        refused(storage.trash(&entry, None, trash_id(5), NOW));
        refused(storage.rename(&entry, None, &path("moved"), &Expected::Nothing).map(drop));
        if entry != path("holder") {
            refused(storage.remove(&entry, None));
        }
        if entry != path("config") {
            refused(storage.check_mounts(&entry));
        }
    }
    storage.check_mounts(&path("holder/ram/x")).unwrap();
    storage.check_mounts(&path("outside")).unwrap();
    // An upload does not replace a file that is a mount point.
    storage.stage(upload_id(1)).unwrap().write_at(b"new", 0).unwrap();
    let published = storage.publish(upload_id(1), &path("config"), &Expected::Anything, &Attributes::default());
    assert_eq!(code(published), Some(ErrorCode::Mounted));
    assert_eq!(fs::read(disks.at("config")).unwrap(), b"on no disk of its own");
    assert_eq!(trashed(&storage), []);
    assert!(disks.at("big").exists() && disks.at("holder/ram").exists());
}

#[test]
fn a_purge_does_not_enter_a_disk() {
    let Some(disks) = Disks::of(a_purge_does_not_enter_a_disk) else { return };
    for containment in [Containment::Kernel, Containment::Portable] {
        let storage = LocalStorage::open_with(disks.root.path(), None, containment).unwrap();
        storage.make_folder(&path("folder")).unwrap();
        storage.make_folder(&path("folder/inner")).unwrap();
        storage.trash(&path("folder"), None, trash_id(1), NOW).unwrap();
        let inner = disks.at(&format!(".passerelle/trash/{}.data/inner", trash_id(1)));
        mount(&["-t", "tmpfs", "none"], &inner);
        fs::write(inner.join("precious"), "").unwrap();
        let error = purge(&storage, 1).unwrap_err();
        assert_eq!(error.code, ErrorCode::Mounted);
        if containment == Containment::Kernel {
            assert_eq!(error.path.as_deref(), Some(&path("folder/inner")));
        }
        assert!(inner.join("precious").exists());
        unmount(&inner);
        purge(&storage, 1).unwrap();
        assert_eq!(trashed(&storage), []);
    }
}

/// The server names the mount point, says which disk is missing, and changes nothing.
#[tokio::test]
async fn outcomes_name_the_mount_point_and_the_missing_disk() {
    let Some(disks) = Disks::of(outcomes_name_the_mount_point_and_the_missing_disk) else { return };
    fs::create_dir_all(disks.at("target/holder")).unwrap();
    fs::write(disks.at("big/file"), "content").unwrap();
    let server = disks.server().await;
    let merged = vec![pair("holder", "target/holder")];
    for (number, request, point) in [
        (1, Change::Trash { items: path_items(&["holder"]) }, "holder/ram"),
        (2, Change::Trash { items: path_items(&["big"]) }, "big"),
        (3, Change::Delete { items: path_items(&["holder"]) }, "holder/ram"),
        (4, Change::Delete { items: path_items(&["big"]) }, "big"),
        (5, Change::Move { items: merged, conflict: Conflict::Replace }, "holder/ram"),
    ] {
        let job = change(&server.client, number, request).await;
        let [Outcome::Failed { code, path: Some(at), incomplete: false, .. }] = job.outcomes.as_slice() else {
            panic!("{job:?}")
        };
        assert_eq!((*code, at), (ErrorCode::Mounted, &path(point)));
    }
    assert!(disks.at("big/file").exists());
    let job = change(&server.client, 6, Change::Trash { items: path_items(&["big/file"]) }).await;
    let [Outcome::Done { trash: Some(id), .. }] = job.outcomes[..] else { panic!("{job:?}") };
    server.stop().await;

    disks.unmount("big");
    let server = disks.server().await;
    let listed = server.client.list_trash(&writer(), None, 9).await.unwrap().items;
    assert!(matches!(&listed[..], [only] if only.absent && only.expires.is_none()), "{listed:?}");
    let restore = || Change::Restore { items: vec![RestoreItem { id, to: None }], conflict: Conflict::Fail };
    for (number, request) in
        [(7, restore()), (8, Change::Purge { ids: Some(vec![id]) }), (9, Change::Purge { ids: None })]
    {
        let job = change(&server.client, number, request).await;
        assert!(matches!(job.outcomes[..], [Outcome::Failed { code: ErrorCode::DiskAbsent, .. }]), "{job:?}");
    }
    // The rest of the trash is emptied, and the outcome names what stays.
    fs::write(disks.at("here"), "on the root's disk").unwrap();
    change(&server.client, 10, Change::Trash { items: path_items(&["here"]) }).await;
    let job = change(&server.client, 11, Change::Purge { ids: None }).await;
    let [Outcome::Done { left_out, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
    let stays = LeftOutEntry { path: path("big/file"), code: ErrorCode::DiskAbsent };
    assert_eq!((left_out.total, &left_out.listed), (1, &vec![stays]));
    assert_eq!(server.client.list_trash(&writer(), None, 9).await.unwrap().items.len(), 1);
    server.stop().await;
    disks.bind_large("big");
    let server = disks.server().await;
    let job = change(&server.client, 7, restore()).await;
    assert!(matches!(&job.outcomes[..], [Outcome::Done { entry: Some(entry), .. }] if entry.path == path("big/file")));
    server.stop().await;
}

/// The outer folders of a deep tree are closed during its removal, and reopened by their names.
#[test]
fn a_disk_that_is_mounted_during_a_removal_is_left_alone() {
    let Some(disks) = Disks::of(a_disk_that_is_mounted_during_a_removal_is_left_alone) else { return };
    let deep = ["x"; 40].join("/");
    let files: Vec<_> = (0..20).map(|number| format!("file {number}")).collect();
    let fill = |top: &Path| {
        fs::create_dir_all(top.join(&deep)).unwrap();
        fs::write(top.join(&deep).join("leaf"), "deep").unwrap();
        files.iter().for_each(|name| fs::write(top.join(name), name).unwrap());
    };
    let other = tempfile::tempdir().unwrap();
    fill(other.path());
    let storage = disks.storage();
    for in_trash in [false, true] {
        fill(&disks.at("tree"));
        let mut top = disks.at("tree");
        if in_trash {
            storage.trash(&path("tree"), None, trash_id(1), NOW).unwrap();
            top = disks.at(&format!(".passerelle/trash/{}.data", trash_id(1)));
        }
        let (leaf, mut mounted) = (top.join(&deep).join("leaf"), false);
        let mut visit = || {
            if !mounted && !leaf.exists() {
                bind(other.path(), &top);
                mounted = true;
            }
            Visit::Continue
        };
        let removed = match in_trash {
            true => storage.purge(trash_id(1), &mut visit),
            false => storage.remove_tree(&path("tree"), &mut visit).map(drop),
        };
        assert_eq!(code(removed), Some(ErrorCode::Mounted), "in the trash: {in_trash}");
        assert!(files.iter().all(|name| other.path().join(name).exists()), "in the trash: {in_trash}");
        unmount(&top);
        if in_trash {
            purge(&storage, 1).unwrap();
        } else {
            assert_eq!(storage.remove_tree(&path("tree"), &mut || Visit::Continue).unwrap(), Visit::Continue);
        }
        assert!(!top.exists());
    }
}

/// As a container mounts it: the root and a folder in it, each at a place of its own.
#[test]
fn a_state_directory_that_is_mounted_beside_the_root_is_hidden_in_it() {
    let Some(disks) = Disks::of(a_state_directory_that_is_mounted_beside_the_root_is_hidden_in_it) else { return };
    let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(disks.at("state")).unwrap();
    fs::write(disks.at("state/key"), b"secret").unwrap();
    bind(disks.root.path(), root.path());
    bind(&disks.at("state"), state.path());
    for containment in [Containment::Kernel, Containment::Walk, Containment::Portable] {
        let storage = LocalStorage::open_with(root.path(), Some(state.path()), containment).unwrap();
        let not_found = Some(ErrorCode::NotFound);
        assert_eq!(code(storage.stat(&path("state"))), not_found);
        assert_eq!(code(storage.stat(&path("state/key"))), not_found);
        assert_eq!(code(storage.open(&path("state/key"))), not_found);
    }
    unmount(root.path());
    unmount(state.path());
}

#[test]
fn a_folder_above_a_state_directory_that_is_mounted_beside_the_root_stays() {
    let Some(disks) = Disks::of(a_folder_above_a_state_directory_that_is_mounted_beside_the_root_stays) else { return };
    let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(disks.at("states/of/one")).unwrap();
    bind(disks.root.path(), root.path());
    // The mount shows the state directory, or a folder above it.
    for (mounted, own) in [("states/of/one", ""), ("states/of", "one"), ("states", "of/one")] {
        bind(&disks.at(mounted), state.path());
        for containment in [Containment::Kernel, Containment::Walk, Containment::Portable] {
            let storage = LocalStorage::open_with(root.path(), Some(&state.path().join(own)), containment).unwrap();
            for folder in ["states", "states/of"].map(path) {
                let reserved = Some(ErrorCode::NameReserved);
                let moved = storage.rename(&folder, None, &path("moved"), &Expected::Nothing);
                assert_eq!(code(moved), reserved, "{mounted}");
                assert_eq!(code(storage.trash(&folder, None, trash_id(1), NOW)), reserved, "{mounted}");
                assert!(storage.remove_tree(&folder, &mut || Visit::Continue).is_err(), "{mounted}");
            }
            assert!(disks.at("states/of/one").is_dir());
        }
        unmount(state.path());
    }
    unmount(root.path());
}

/// A bind mount shows the server's own directory, or a part of it, under another name.
#[test]
fn the_private_directory_is_hidden_at_the_place_of_a_bind_mount() {
    let Some(disks) = Disks::of(the_private_directory_is_hidden_at_the_place_of_a_bind_mount) else { return };
    for (number, containment) in (2..).zip([Containment::Kernel, Containment::Walk, Containment::Portable]) {
        let open = || LocalStorage::open_with(disks.root.path(), None, containment).unwrap();
        let storage = open();
        write(&storage, 1, "file", b"content");
        write_and_trash(&storage, number, "holder/ram/file");
        for (own, place) in [(".passerelle", "shown"), ("holder/ram/.passerelle", "deep/er/shown")] {
            bind(&disks.at(own), &disks.at(place));
            check_hidden(&*storage, place.as_bytes());
        }
        bind(&disks.at(".passerelle/trash"), &disks.at("part"));
        assert_eq!(code(storage.stat(&path("part"))), Some(ErrorCode::NotFound));
        drop(storage);
        // What the root has is known from the start.
        let storage = open();
        check_hidden(&*storage, b"shown");
        drop(storage);
        for place in ["shown", "deep/er/shown", "part"] {
            disks.unmount(place);
        }
    }
}
