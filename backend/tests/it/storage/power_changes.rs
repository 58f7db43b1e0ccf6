//! Renaming, trashing, restoring, purging, creating and removing survive a loss of power, a full disk and a failing
//! disk at each of their steps.

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::{Fault, SimulatedDisk};
use backend::storage::{Expected, StorageError, ToRestore, ToTrash, Visit};
use shared::{Entry, ErrorCode};

use super::interruption::{Case, NOW, OLD, add, content_at, trashed};
use super::{grouped_id, path, trash_id};

#[test]
fn a_renamed_file_has_at_least_one_name() {
    let case = Case {
        prepare: |storage| {
            storage.make_folder(&path(b"a")).unwrap();
            storage.make_folder(&path(b"b")).unwrap();
            add(storage, b"a/file", OLD);
        },
        change: |storage| storage.rename(&path(b"a/file"), None, &path(b"b/moved"), &Expected::Nothing),
        check: |storage, done| {
            let places = [content_at(storage, b"a/file"), content_at(storage, b"b/moved")];
            assert!(places.iter().flatten().all(|content| content == OLD));
            assert!(places.iter().any(Option::is_some));
            assert!(!done || places[0].is_none() && places[1].is_some());
        },
    };
    case.run();
}

#[test]
fn a_renamed_folder_keeps_its_content() {
    let case = Case {
        prepare: |storage| {
            storage.make_folder(&path(b"a")).unwrap();
            storage.make_folder(&path(b"b")).unwrap();
            add(storage, b"a/file", OLD);
        },
        change: |storage| storage.rename(&path(b"a"), None, &path(b"b/a"), &Expected::Nothing),
        check: |storage, done| {
            let places = [content_at(storage, b"a/file"), content_at(storage, b"b/a/file")];
            assert_eq!(places.iter().flatten().count(), 1);
            assert!(!done || places[1].is_some());
        },
    };
    case.run();
}

#[test]
fn a_trashed_entry_is_in_its_folder_or_in_the_trash() {
    let case = Case {
        prepare: |storage| {
            storage.make_folder(&path(b"a")).unwrap();
            add(storage, b"a/file", OLD);
        },
        change: |storage| storage.trash(&path(b"a/file"), None, trash_id(1), NOW),
        check: |storage, done| {
            let items = trashed(storage);
            let left = content_at(storage, b"a/file");
            assert!(left.as_deref().is_none_or(|content| content == OLD));
            assert!(left.is_some() || items.len() == 1);
            assert!(!done || left.is_none());
            for item in items {
                assert_eq!((item.entry.path, item.entry.size, item.trashed), (path(b"a/file"), OLD.len() as u64, NOW));
                storage.restore(item.id, &path(b"back")).unwrap();
                assert_eq!(content_at(storage, b"back").unwrap(), OLD);
            }
        },
    };
    // The check restores items, so it runs once: after the failure and a restart.
    case.lose_power();
}

#[test]
fn an_entry_whose_trashing_fails_stays_or_can_be_restored() {
    let case = Case {
        prepare: |storage| add(storage, b"file", OLD),
        change: |storage| storage.trash(&path(b"file"), None, trash_id(1), NOW),
        check: |storage, done| {
            let left = content_at(storage, b"file");
            assert!(left.is_some() || trashed(storage).len() == 1);
            assert!(!done || left.is_none());
        },
    };
    case.fail(Fault::NoSpace, ErrorCode::NoSpace);
}

#[test]
fn a_restored_entry_is_in_the_trash_or_back() {
    let case = Case {
        prepare: |storage| {
            add(storage, b"file", OLD);
            storage.trash(&path(b"file"), None, trash_id(1), NOW).unwrap();
        },
        change: |storage| storage.restore(trash_id(1), &path(b"back")),
        check: |storage, done| {
            let items = trashed(storage);
            let back = content_at(storage, b"back");
            assert!(back.as_deref().is_none_or(|content| content == OLD));
            assert!(back.is_some() || items.len() == 1);
            assert!(!done || items.is_empty());
            // An entry that is in the trash as well can be listed and restored.
            for item in items {
                assert_eq!((item.entry.path, item.trashed), (path(b"file"), NOW));
            }
        },
    };
    case.run();
}

const GROUP: [&[u8]; 3] = [b"a/one", b"a/two", b"a/three"];

/// Moves a group of entries of one folder into the trash; they are items 1, 2 and 3.
fn trash_group(storage: &LocalStorage) -> Result<Vec<()>, StorageError> {
    let paths = GROUP.map(path);
    let entry = |(index, path)| ToTrash { path, etag: None, id: grouped_id(index as u8 + 1) };
    storage.trash_all(&paths.iter().enumerate().map(entry).collect::<Vec<_>>(), NOW).into_iter().collect()
}

fn add_group(storage: &LocalStorage) {
    storage.make_folder(&path(b"a")).unwrap();
    GROUP.iter().for_each(|name| add(storage, name, name));
}

#[test]
fn each_entry_of_a_trashed_group_is_at_its_path_or_in_the_trash() {
    let case = Case {
        prepare: add_group,
        change: trash_group,
        check: |storage, done| {
            let items = trashed(storage);
            for (name, number) in GROUP.into_iter().zip(1..) {
                let left = content_at(storage, name);
                assert!(left.as_deref().is_none_or(|content| content == name));
                let item = items.iter().find(|item| item.id == grouped_id(number));
                assert!(left.is_some() || item.is_some(), "{name:?}: {items:?}");
                assert!(!done || left.is_none());
                if let Some(item) = item {
                    let size = name.len() as u64;
                    assert_eq!((&item.entry.path, item.entry.size, item.trashed), (&path(name), size, NOW));
                    storage.restore(item.id, &path(b"back")).unwrap();
                    assert_eq!(content_at(storage, b"back").unwrap(), name);
                    storage.remove(&path(b"back"), None).unwrap();
                }
            }
        },
    };
    // The check restores items, so it runs once: after the failure and a restart.
    case.lose_power();
}

#[test]
fn entries_of_a_group_whose_trashing_fails_stay_or_can_be_restored() {
    let case = Case {
        prepare: add_group,
        change: trash_group,
        check: |storage, done| {
            let left = GROUP.iter().filter(|name| content_at(storage, name).is_some()).count();
            assert!(left + trashed(storage).len() >= GROUP.len());
            assert!(!done || left == 0);
        },
    };
    case.fail(Fault::NoSpace, ErrorCode::NoSpace);
    case.fail(Fault::Io, ErrorCode::Io);
}

/// Restores the group of [`trash_group`] at its place.
fn restore_group(storage: &LocalStorage) -> Result<Vec<Entry>, StorageError> {
    let paths = GROUP.map(path);
    let item = |(index, to)| ToRestore { id: grouped_id(index as u8 + 1), to };
    storage.restore_all(&paths.iter().enumerate().map(item).collect::<Vec<_>>()).into_iter().collect()
}

#[test]
fn each_item_of_a_restored_group_is_in_the_trash_or_back() {
    let case = Case {
        prepare: |storage| {
            add_group(storage);
            trash_group(storage).unwrap();
        },
        change: restore_group,
        check: |storage, done| {
            let items = trashed(storage);
            for (name, number) in GROUP.into_iter().zip(1..) {
                let back = content_at(storage, name);
                assert!(back.as_deref().is_none_or(|content| content == name));
                // An entry that is in the trash as well can be listed and restored.
                let item = items.iter().find(|item| item.id == grouped_id(number));
                assert!(item.is_none_or(|item| item.entry.path == path(name) && item.trashed == NOW));
                assert!(back.is_some() || item.is_some());
            }
            assert!(!done || items.is_empty());
        },
    };
    case.run();
}

/// Two of the items of [`trash_group`], at their places.
fn restore_part_of_group(storage: &LocalStorage) -> Result<Vec<Entry>, StorageError> {
    let paths = GROUP.map(path);
    let item = |number: u8| ToRestore { id: grouped_id(number), to: &paths[usize::from(number) - 1] };
    storage.restore_all(&[item(1), item(3)]).into_iter().collect()
}

#[test]
fn the_rest_of_a_group_keeps_its_information() {
    let case = Case {
        prepare: |storage| {
            add_group(storage);
            trash_group(storage).unwrap();
        },
        change: restore_part_of_group,
        check: |storage, done| {
            let items = trashed(storage);
            assert!(items.iter().all(|item| GROUP.map(path).contains(&item.entry.path) && item.trashed == NOW));
            assert!(items.iter().any(|item| item.id == grouped_id(2) && item.entry.path == path(GROUP[1])));
            assert!(!done || items.len() == 1);
        },
    };
    case.run();
}

/// On Linux a sync after one that has failed succeeds without effect.
#[test]
fn information_stays_after_a_failed_sync_of_the_trash() {
    let disk = SimulatedDisk::new(1);
    let storage = disk.storage();
    add_group(&storage);
    trash_group(&storage).unwrap();
    // After a rename for each item and the sync of their folder.
    let failing = disk.steps() + GROUP.len() as u64 + 2;
    disk.at(failing, Fault::Io);
    assert_eq!(restore_group(&storage).unwrap_err().code, ErrorCode::Io);
    assert_eq!(disk.history()[failing as usize - 1], "sync a folder");
    assert!(trashed(&storage).is_empty());
    let later = &disk.history()[failing as usize..];
    assert!(!later.contains(&"remove a file"), "{later:?}");
}

/// How many syncs a group costs on a disk: to trash it, and to restore it.
fn syncs_of_a_group(disk: &SimulatedDisk) -> (usize, usize) {
    const ENTRIES: u8 = 100;
    let storage = disk.storage();
    let paths: Vec<_> = (0..ENTRIES).map(|number| path(format!("file {number}").as_bytes())).collect();
    paths.iter().for_each(|path| add(&storage, path.as_bytes(), OLD));
    let syncs = || disk.history().iter().filter(|step| step.starts_with("sync")).count();
    let before = syncs();
    let ids: Vec<_> = (1..=ENTRIES).map(grouped_id).collect();
    let entries: Vec<_> = paths.iter().zip(&ids).map(|(path, id)| ToTrash { path, etag: None, id: *id }).collect();
    assert!(storage.trash_all(&entries, NOW).iter().all(Result::is_ok));
    let trashed_by = syncs();
    let items: Vec<_> = paths.iter().zip(&ids).map(|(to, id)| ToRestore { id: *id, to }).collect();
    assert!(storage.restore_all(&items).iter().all(Result::is_ok));
    assert!(trashed(&storage).is_empty());
    (trashed_by - before, syncs() - trashed_by)
}

#[test]
fn a_group_costs_as_many_syncs_as_one_entry() {
    // The information, its names, the names of the entries in the trash, and their absence in the folder; the names in
    // the folder, and their absence in the trash.
    assert_eq!(syncs_of_a_group(&SimulatedDisk::new(1)), (4, 2));
    // The sync of the information includes its names, and each sync of names the whole renames.
    assert_eq!(syncs_of_a_group(&SimulatedDisk::with_log(1)), (2, 1));
}

#[test]
fn entries_are_trashed_where_a_file_has_one_name_only() {
    let disk = SimulatedDisk::without_links(1);
    let storage = disk.storage();
    add_group(&storage);
    trash_group(&storage).unwrap();
    let storage = disk.reboot().storage();
    assert_eq!(trashed(&storage).len(), GROUP.len());
    restore_group(&storage).unwrap();
    assert!(GROUP.iter().all(|name| content_at(&storage, name).as_deref() == Some(name)));
}

#[test]
fn a_purge_continues_after_a_crash() {
    let case = Case {
        prepare: |storage| {
            storage.make_folder(&path(b"folder")).unwrap();
            storage.make_folder(&path(b"folder/inner")).unwrap();
            for name in [b"kept".as_slice(), b"folder/one", b"folder/inner/two"] {
                add(storage, name, OLD);
            }
            storage.make_link(&path(b"folder/link"), b"../kept").unwrap();
            storage.trash(&path(b"folder"), None, trash_id(1), NOW).unwrap();
        },
        change: |storage| storage.purge(trash_id(1), &mut || Visit::Continue),
        check: |storage, done| {
            assert_eq!(content_at(storage, b"kept").unwrap(), OLD);
            let items = trashed(storage);
            assert!(!done || items.is_empty());
            for item in items {
                assert_eq!((item.entry.path, item.trashed), (path(b"folder"), NOW));
                storage.purge(item.id, &mut || Visit::Continue).unwrap();
            }
            assert!(trashed(storage).is_empty());
        },
    };
    case.run();
}

#[test]
fn creations_and_removals_are_durable() {
    let made = Case {
        prepare: |_| {},
        change: |storage| storage.make_folder(&path(b"folder")),
        check: |storage, done| assert!(!done || storage.stat(&path(b"folder")).is_ok()),
    };
    made.run();
    let linked = Case {
        prepare: |storage| add(storage, b"file", OLD),
        change: |storage| storage.make_link(&path(b"link"), b"file"),
        check: |storage, done| assert!(!done || content_at(storage, b"link").unwrap() == OLD),
    };
    linked.run();
    let removed = Case {
        prepare: |storage| add(storage, b"file", OLD),
        change: |storage| storage.remove(&path(b"file"), None),
        check: |storage, done| {
            let left = content_at(storage, b"file");
            assert!(left.as_deref().is_none_or(|content| content == OLD));
            assert!(!done || left.is_none());
        },
    };
    removed.run();
}
