//! Uploads survive a loss of power, a full disk and a failing disk at each of their steps: either the old or the new
//! file is complete, and acknowledged bytes are durable.

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::{Fault, SimulatedDisk};
use backend::storage::{Attributes, Durability, Expected, Keep, Kept, Published, StorageError};
use shared::ErrorCode;

use super::interruption::{Case, NEW, NOW, OLD, SEEDS, add, content_at, stage_durably, trashed};
use super::{code, path, staged_bytes, trash_id, upload_id};

fn publish(storage: &LocalStorage) -> Result<bool, StorageError> {
    let attributes = Attributes { modified: Some(NOW), executable: Some(true), ..Attributes::default() };
    storage.publish(upload_id(1), &path(b"file"), &Expected::Anything, &attributes).map(|published| published.replaced)
}

#[test]
fn synced_bytes_of_an_upload_survive() {
    let case = Case {
        prepare: |_| {},
        change: |storage| {
            let staged = storage.stage(upload_id(1))?;
            staged.write_at(NEW, 0)?;
            staged.sync()
        },
        check: |storage, done| {
            if done {
                let staged = storage.staged(upload_id(1), None).unwrap();
                assert_eq!(staged_bytes(&*staged), NEW);
            }
        },
    };
    case.run();
}

#[test]
fn a_new_file_is_complete_or_still_an_upload() {
    let case = Case {
        prepare: stage_durably,
        change: publish,
        check: |storage, done| match content_at(storage, b"file") {
            Some(content) => {
                assert_eq!(content, NEW);
                let entry = storage.stat(&path(b"file")).unwrap();
                assert_eq!((entry.modified, entry.executable), (NOW, true));
                // The visible file cannot be written as an upload.
                assert_eq!(code(storage.staged(upload_id(1), None)), Some(ErrorCode::NotFound));
            }
            None => {
                assert!(!done);
                assert_eq!(staged_bytes(&*storage.staged(upload_id(1), None).unwrap()), NEW);
            }
        },
    };
    case.run();
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_one() {
    let case = Case {
        prepare: |storage| {
            add(storage, b"file", OLD);
            stage_durably(storage);
        },
        change: publish,
        check: |storage, done| {
            let content = content_at(storage, b"file").unwrap();
            assert!(content == NEW || content == OLD && !done);
        },
    };
    case.run();
}

#[test]
fn a_published_upload_is_complete_without_an_earlier_sync() {
    let case = Case {
        prepare: |storage| {
            add(storage, b"file", OLD);
            storage.stage(upload_id(1)).unwrap().write_at(NEW, 0).unwrap();
        },
        change: publish,
        check: |storage, done| {
            let content = content_at(storage, b"file").unwrap();
            assert!(content == NEW || content == OLD && !done);
        },
    };
    case.run();
}

fn store(storage: &LocalStorage, expected: Expected) -> Result<(), StorageError> {
    let attributes = Attributes { modified: Some(NOW), executable: Some(true), ..Attributes::default() };
    storage.store(upload_id(1), NEW, &path(b"file"), &expected, &attributes).map(drop)
}

#[test]
fn a_stored_file_is_the_old_or_the_new_one() {
    let new = Case {
        prepare: |_| {},
        change: |storage| store(storage, Expected::Nothing),
        check: |storage, done| match content_at(storage, b"file") {
            Some(content) => {
                assert_eq!(content, NEW);
                assert_eq!(storage.stat(&path(b"file")).unwrap().modified, NOW);
                assert_eq!(code(storage.staged(upload_id(1), None)), Some(ErrorCode::NotFound));
            }
            None => assert!(!done),
        },
    };
    new.run();
    let replaced = Case {
        prepare: |storage| add(storage, b"file", OLD),
        change: |storage| store(storage, Expected::Anything),
        check: |storage, done| {
            let content = content_at(storage, b"file").unwrap();
            assert!(content == NEW || content == OLD && !done);
        },
    };
    replaced.run();
}

/// Stores a file in the place of another one, which is to be kept.
fn store_and_keep(storage: &LocalStorage) -> Result<Option<Kept>, StorageError> {
    let keep = Some(Keep { id: trash_id(1), now: NOW, bytes_max: 1_000, owner: 7 });
    let attributes = Attributes { keep, ..Attributes::default() };
    let stored = storage.store(upload_id(1), NEW, &path(b"file"), &Expected::Anything, &attributes)?;
    Ok(stored.kept)
}

/// The old file is at its path or in the trash, where it is no item before it was replaced.
fn check_kept(storage: &LocalStorage, done: bool) {
    let (content, items) = (content_at(storage, b"file").unwrap(), trashed(storage));
    if content == OLD {
        assert!(!done && items.is_empty(), "{items:?}");
    } else {
        assert_eq!((content.as_slice(), items.len()), (NEW, 1));
        assert_eq!((&items[0].entry.path, items[0].entry.size), (&path(b"file"), OLD.len() as u64));
        storage.restore(trash_id(1), &path(b"back")).unwrap();
        assert_eq!(content_at(storage, b"back").unwrap(), OLD);
    }
}

#[test]
fn a_replaced_file_is_at_its_path_or_in_the_trash() {
    let case = Case { prepare: |storage| add(storage, b"file", OLD), change: store_and_keep, check: check_kept };
    case.lose_power();
}

/// As ext4 and XFS do it, where the sync of the new file makes the second name of the old one durable.
#[test]
fn where_one_log_orders_all_changes_a_replaced_file_needs_no_sync_of_its_own() {
    let prepared = |seed| {
        let disk = SimulatedDisk::with_log(seed);
        let storage = disk.storage();
        add(&storage, b"file", OLD);
        (disk, storage)
    };
    let steps = {
        let (disk, storage) = prepared(0);
        let before = disk.history().len();
        assert!(store_and_keep(&storage).unwrap().is_some());
        let steps = &disk.history()[before..];
        assert_eq!(steps.iter().filter(|step| step.starts_with("sync")).count(), 2, "{steps:?}");
        before as u64 + 1..=disk.steps() + 1
    };
    for (step, seed) in steps.flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
        let (disk, storage) = prepared(seed);
        disk.at(step, Fault::PowerLoss);
        let done = store_and_keep(&storage).is_ok();
        eprintln!("seed {seed}, power lost at step {step}: {:?}", disk.history());
        check_kept(&disk.reboot().storage(), done);
    }
}

/// An upload that was synced before the old file is kept: only its last change comes after the second name.
#[test]
fn where_one_log_orders_all_changes_an_upload_in_parts_replaces_durably() {
    for (step, seed) in (1..40).flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
        let disk = SimulatedDisk::with_log(seed);
        let storage = disk.storage();
        add(&storage, b"file", OLD);
        stage_durably(&storage);
        disk.at(disk.steps() + step, Fault::PowerLoss);
        let done = publish_and_keep(&storage).is_ok();
        check_kept(&disk.reboot().storage(), done);
    }
}

fn publish_and_keep(storage: &LocalStorage) -> Result<Published, StorageError> {
    let keep = Some(Keep { id: trash_id(1), now: NOW, bytes_max: 1_000, owner: 7 });
    let attributes = Attributes { keep, ..Attributes::default() };
    storage.publish(upload_id(1), &path(b"file"), &Expected::Anything, &attributes)
}

#[test]
fn an_upload_whose_item_keeps_another_file_already_is_published() {
    const OTHER: &[u8] = b"the file of another program";
    for step in 1..40 {
        let disk = SimulatedDisk::new(step);
        let storage = disk.storage();
        add(&storage, b"file", OLD);
        stage_durably(&storage);
        disk.at(disk.steps() + step, Fault::PowerLoss);
        let _ = publish_and_keep(&storage);
        let disk = disk.reboot();
        disk.remove("file").unwrap().add_file("file", OTHER).unwrap();
        let storage = disk.storage();
        if storage.staged(upload_id(1), None).is_err() {
            continue;
        }
        let published = publish_and_keep(&storage).unwrap();
        assert_eq!(content_at(&storage, b"file").unwrap(), NEW, "power lost at step {step}");
        let items = trashed(&storage);
        assert_eq!(items.len(), 1, "{items:?}");
        // Either this attempt has kept the other file, or the one before the crash the old file.
        let kept = if published.kept.is_some() { OTHER } else { OLD };
        storage.restore(trash_id(1), &path(b"back")).unwrap();
        assert_eq!(content_at(&storage, b"back").unwrap(), kept);
    }
}

/// The second name changes the change time itself, and yet a later write is noticed that leaves size and time as before.
#[test]
fn a_file_that_is_written_in_place_while_it_is_replaced_is_in_another_state() {
    let written: Vec<u8> = OLD.iter().map(|byte| byte ^ 1).collect();
    let begin = || {
        let disk = SimulatedDisk::new(1);
        let storage = disk.storage();
        add(&storage, b"file", OLD);
        stage_durably(&storage);
        let before = storage.stat(&path(b"file")).unwrap();
        (disk, storage, before)
    };
    let steps = {
        let (disk, storage, _) = begin();
        let before = disk.history().len();
        publish_and_keep(&storage).unwrap();
        let steps = disk.history()[before..].to_vec();
        let linked = steps.iter().position(|step| *step == "link").unwrap();
        let renamed = steps.iter().position(|step| *step == "rename").unwrap();
        (before + linked + 2..before + renamed + 1).map(|step| step as u64)
    };
    for step in steps {
        let (disk, storage, before) = begin();
        disk.write_before(step, "file", &written, before.modified);
        let keep = Some(Keep { id: trash_id(1), now: NOW, bytes_max: 1_000, owner: 7 });
        let attributes = Attributes { keep, ..Attributes::default() };
        let expected = Expected::State(vec![before.etag.unwrap()]);
        let published = storage.publish(upload_id(1), &path(b"file"), &expected, &attributes);
        assert_eq!(content_at(&storage, b"file").unwrap(), written, "{:?}", disk.history());
        assert_eq!(code(published), Some(ErrorCode::PreconditionFailed), "{:?}", disk.history());
        assert!(trashed(&storage).is_empty());
    }
}

#[test]
fn a_replacement_that_fails_leaves_the_old_file() {
    let case = Case {
        prepare: |storage| add(storage, b"file", OLD),
        change: store_and_keep,
        check: |storage, done| {
            let (content, items) = (content_at(storage, b"file").unwrap(), trashed(storage));
            assert!(content == OLD && !done && items.is_empty() || content == NEW && items.len() == 1);
        },
    };
    case.fail(Fault::NoSpace, ErrorCode::NoSpace);
    case.fail(Fault::Io, ErrorCode::Io);
}

#[test]
fn where_a_file_has_one_name_only_an_exchange_keeps_what_is_replaced() {
    let steps = {
        let disk = SimulatedDisk::without_links(0);
        let storage = disk.storage();
        add(&storage, b"file", OLD);
        let before = disk.steps();
        assert!(store_and_keep(&storage).unwrap().is_some());
        before + 1..=disk.steps() + 1
    };
    for (step, seed) in steps.flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
        let disk = SimulatedDisk::without_links(seed);
        let storage = disk.storage();
        add(&storage, b"file", OLD);
        disk.at(step, Fault::PowerLoss);
        let done = store_and_keep(&storage).is_ok();
        let storage = disk.reboot().storage();
        let (content, items) = (content_at(&storage, b"file").unwrap(), trashed(&storage));
        assert!(content == OLD && !done || content == NEW && items.len() == 1, "{:?}", disk.history());
    }
}

#[test]
fn relaxed_durability_needs_no_sync() {
    let disk = SimulatedDisk::new(1);
    let storage = disk.storage();
    // The private directory is created once, durably.
    add(&storage, b"first", OLD);
    let syncs = || disk.history().iter().filter(|step| step.starts_with("sync")).count();
    let before = syncs();
    let relaxed = Attributes { durability: Durability::Relaxed, ..Attributes::default() };
    storage.stage(upload_id(1)).unwrap().write_at(NEW, 0).unwrap();
    storage.publish(upload_id(1), &path(b"first"), &Expected::Anything, &relaxed).unwrap();
    storage.store(upload_id(2), OLD, &path(b"second"), &Expected::Nothing, &relaxed).unwrap();
    assert_eq!(syncs(), before, "{:?}", disk.history());
    assert_eq!((content_at(&storage, b"first"), content_at(&storage, b"second")), (Some(NEW.into()), Some(OLD.into())));
}

#[test]
fn a_failed_sync_fails_later_syncs() {
    let disk = SimulatedDisk::new(1);
    let storage = disk.storage();
    let staged = storage.stage(upload_id(1)).unwrap();
    staged.write_at(&NEW[..10], 0).unwrap();
    staged.sync().unwrap();
    staged.write_at(&NEW[10..], 10).unwrap();
    disk.at(disk.steps() + 1, Fault::Io);
    assert_eq!(code(staged.sync()), Some(ErrorCode::Io));
    // The disk would report success although bytes are lost, so it is not asked.
    assert_eq!(code(staged.sync()), Some(ErrorCode::Io));
    drop(staged);
    let staged = storage.staged(upload_id(1), None).unwrap();
    assert_eq!(code(staged.sync()), Some(ErrorCode::Io));
    let published = storage.publish(upload_id(1), &path(b"file"), &Expected::Nothing, &Attributes::default());
    assert_eq!(code(published), Some(ErrorCode::Io));
    // Truncated to its durable length and written again, the upload can be synced.
    staged.truncate(10).unwrap();
    staged.write_at(&NEW[10..], 10).unwrap();
    staged.sync().unwrap();
    let staged = disk.reboot().storage().staged(upload_id(1), None).unwrap();
    assert_eq!(staged_bytes(&*staged), NEW);
}

/// The simulation loses what a disk would lose; otherwise the other tests would prove nothing.
#[test]
fn unsynced_changes_may_be_lost_torn_or_kept() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let disk = SimulatedDisk::new(seed);
        let storage = disk.storage();
        let staged = storage.stage(upload_id(1)).unwrap();
        staged.sync().unwrap();
        staged.write_at(NEW, 0).unwrap();
        let left = staged_bytes(&*disk.reboot().storage().staged(upload_id(1), None).unwrap());
        seen.insert(match left.as_slice() {
            NEW => "kept",
            b"" => "lost",
            left if left.iter().all(|byte| *byte == 0) => "zeros",
            left if NEW.starts_with(left) => "a part",
            _ => "something else",
        });
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["a part", "kept", "lost", "zeros"]);
}

#[test]
fn one_server_writes_at_a_time() {
    let disk = SimulatedDisk::new(1);
    let (first, second) = (disk.storage(), disk.storage());
    first.make_folder(&path(b"folder")).unwrap();
    first.stage(upload_id(1)).unwrap();
    assert_eq!(code(second.stage(upload_id(2))), Some(ErrorCode::Locked));
    assert_eq!(second.list_staged().unwrap(), [upload_id(1)]);
    drop(first);
    second.stage(upload_id(2)).unwrap();
}
