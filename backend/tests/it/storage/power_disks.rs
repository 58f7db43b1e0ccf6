//! What is on another file system below the root survives a loss of power, a full disk and a failing disk, as on the root's:
//! uploads, replaced files, the trash, and what goes from one file system to the other.

use std::ops::RangeInclusive;

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::{Fault, SimulatedDisk};
use backend::storage::{Attributes, Expected, Keep, Kept, Published, Replacement, StorageError};
use shared::{ErrorCode, TrashId};

use super::interruption::{Case, NEW, NOW, OLD, OTHER_DISK, SEEDS, add, content_at, trashed};
use super::{code, path, staged_bytes, trash_id, upload_id};

const FILE: &[u8] = b"mounted/file";
const KEEP: Keep = Keep { id: TrashId([1; 16]), now: NOW, bytes_max: 1_000, owner: 0 };

fn publish(storage: &LocalStorage) -> Result<Published, StorageError> {
    let attributes = Attributes { keep: Some(KEEP), ..Attributes::default() };
    storage.publish(upload_id(1), &path(FILE), &Expected::Anything, &attributes)
}

/// The old file is at its path or in the trash, and the new one is a file or still an upload.
fn check_replaced(storage: &LocalStorage, done: bool) {
    let (content, items) = (content_at(storage, FILE).unwrap(), trashed(storage));
    if content == OLD {
        assert!(!done && items.is_empty(), "{items:?}");
    } else {
        assert_eq!((content.as_slice(), items.len()), (NEW, 1));
        assert_eq!(items[0].entry.path, path(FILE));
        assert!(items[0].connected);
    }
}

#[test]
fn a_replaced_file_is_at_its_path_or_in_the_trash_of_its_disk() {
    let case = Case {
        prepare: |storage| add(storage, FILE, OLD),
        change: |storage| -> Result<Option<Kept>, StorageError> {
            let attributes = Attributes { keep: Some(KEEP), ..Attributes::default() };
            Ok(storage.store(upload_id(1), NEW, &path(FILE), &Expected::Anything, &attributes)?.kept)
        },
        check: check_replaced,
    };
    case.lose_power();
}

#[test]
fn an_upload_on_another_disk_is_complete_or_still_an_upload() {
    let case = Case {
        prepare: |storage| {
            let staged = storage.stage_for(upload_id(1), &path(FILE)).unwrap();
            staged.write_at(NEW, 0).unwrap();
            staged.sync().unwrap();
        },
        change: publish,
        check: |storage, done| match content_at(storage, FILE) {
            Some(content) => {
                assert_eq!(content, NEW);
                assert_eq!(code(storage.staged(upload_id(1), None)), Some(ErrorCode::NotFound));
            }
            None => {
                assert!(!done);
                assert_eq!(staged_bytes(&*storage.staged(upload_id(1), None).unwrap()), NEW);
                assert_eq!(storage.list_staged().unwrap(), [upload_id(1)]);
            }
        },
    };
    case.run();
}

/// The target of an upload may become known with its COMMIT. The removal of the original comes last, and may fail.
#[test]
fn an_upload_that_is_copied_to_another_disk_is_complete_or_still_an_upload() {
    let steps = steps_of_a_copied_upload();
    for (step, seed) in steps.flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
        let (disk, storage) = disk_with(seed, prepare_copied);
        disk.at(step, Fault::PowerLoss);
        let done = publish(&storage).is_ok();
        eprintln!("seed {seed}, power lost at step {step}: {:?}", disk.history().get(step as usize - 1));
        let storage = disk.reboot().storage();
        check_replaced(&storage, done);
        if content_at(&storage, FILE).unwrap() == OLD {
            assert_eq!(staged_bytes(&*storage.staged(upload_id(1), None).unwrap()), NEW);
        }
    }
}

/// A failed sync tells nothing about the new name, so the bytes that are sure to survive are those of the upload.
#[test]
fn an_upload_that_was_copied_to_its_name_stays_if_the_folder_is_not_synced() {
    let (mut unsynced, mut lost) = (0, 0);
    for (step, seed) in steps_of_a_copied_upload().flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
        let (disk, storage) = disk_with(seed, prepare_copied);
        disk.at(step, Fault::Io);
        let Err(error) = publish(&storage) else { continue };
        let name = format!("seed {seed}, {:?}", disk.history().get(step as usize - 1));
        assert_eq!(error.code, ErrorCode::Io, "{name}");
        let has_name = content_at(&storage, FILE).unwrap() == NEW;
        assert_eq!(staged_bytes(&*storage.staged(upload_id(1), None).unwrap()), NEW, "{name}");
        let storage = disk.reboot().storage();
        let has_lost_it = has_name && content_at(&storage, FILE).unwrap() == OLD;
        (unsynced, lost) = (unsynced + u32::from(has_name), lost + u32::from(has_lost_it));
        assert_eq!(staged_bytes(&*storage.staged(upload_id(1), None).unwrap()), NEW, "{name}");
    }
    assert!(unsynced > 0 && lost > 0, "no sync of a folder failed, or no name was lost");
}

/// An upload that was staged on the disk of the root, for a file on the other one.
fn prepare_copied(storage: &LocalStorage) {
    add(storage, FILE, OLD);
    let staged = storage.stage(upload_id(1)).unwrap();
    staged.write_at(NEW, 0).unwrap();
    staged.sync().unwrap();
}

fn steps_of_a_copied_upload() -> RangeInclusive<u64> {
    let (disk, storage) = disk_with(0, prepare_copied);
    let before = disk.steps();
    publish(&storage).unwrap();
    before + 1..=disk.steps()
}

fn disk_with(seed: u64, prepare: impl Fn(&LocalStorage)) -> (SimulatedDisk, LocalStorage) {
    let disk = SimulatedDisk::new(seed);
    disk.add_mount(OTHER_DISK).unwrap();
    let storage = disk.storage();
    prepare(&storage);
    (disk, storage)
}

#[test]
fn a_trashed_entry_of_another_disk_is_at_its_path_or_in_the_trash() {
    let case = Case {
        prepare: |storage| add(storage, FILE, OLD),
        change: |storage| storage.trash(&path(FILE), None, trash_id(1), NOW),
        check: |storage, done| {
            let items = trashed(storage);
            match content_at(storage, FILE) {
                Some(content) => assert!(content == OLD && !done),
                None => assert_eq!(items.len(), 1),
            }
            if let [item] = &items[..] {
                assert_eq!(item.entry.path, path(FILE));
                let back = path(b"mounted/back");
                storage.restore(item.id, &back).unwrap();
                assert_eq!(content_at(storage, b"mounted/back").unwrap(), OLD);
                assert!(trashed(storage).is_empty());
                storage.remove(&back, None).unwrap();
            }
        },
    };
    case.lose_power();
}

#[test]
fn a_replacement_on_another_disk_by_an_item_of_its_trash_keeps_both() {
    let case = Case {
        prepare: |storage| {
            add(storage, FILE, NEW);
            storage.trash(&path(FILE), None, trash_id(2), NOW).unwrap();
            add(storage, FILE, OLD);
        },
        change: |storage| storage.replace(&Replacement::Trashed(trash_id(2)), &path(FILE), &KEEP),
        check: |storage, done| {
            let (content, items) = (content_at(storage, FILE).unwrap(), trashed(storage));
            let ids: Vec<_> = items.iter().map(|item| item.id).collect();
            if content == OLD {
                assert!(!done);
                assert_eq!(ids, [trash_id(2)]);
            } else {
                assert_eq!(content, NEW);
                assert!(ids.contains(&trash_id(1)));
            }
        },
    };
    case.lose_power();
    case.fail(Fault::NoSpace, ErrorCode::NoSpace);
}
