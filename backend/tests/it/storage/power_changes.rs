//! Renaming, trashing, restoring, purging, creating and removing survive a loss of power, a full disk and a failing
//! disk at each of their steps.

use backend::storage::testing::simulated::Fault;
use backend::storage::{Expected, Visit};
use shared::ErrorCode;

use super::interruption::{Case, NOW, OLD, add, content_at, trashed};
use super::{path, trash_id};

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
