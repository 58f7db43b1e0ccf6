//! A simulated disk without free space: what frees space goes on, and what takes space is refused.

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::SimulatedDisk;
use backend::storage::{Staged, StorageError, Visit};
use shared::ErrorCode;

use super::interruption::NOW;
use super::{code, path, trash_id, upload_id};

/// How often a disk that other programs fill again and again can be emptied.
const ROUNDS: u8 = 15;

fn trash(storage: &LocalStorage, number: u8) -> Result<(), StorageError> {
    storage.trash(&path(format!("{number}").as_bytes()), None, trash_id(number), NOW)
}

/// A disk that has become full during an upload.
fn full_disk() -> (SimulatedDisk, LocalStorage, Box<dyn Staged>) {
    let disk = SimulatedDisk::with_capacity(7, 64 << 20);
    for number in 0..ROUNDS + 3 {
        disk.add_file(format!("{number}"), "content").unwrap();
    }
    let storage = disk.storage();
    let staged = storage.stage(upload_id(1)).unwrap();
    staged.write_at(b"begun", 0).unwrap();
    disk.leave_free(0);
    (disk, storage, staged)
}

#[test]
fn what_frees_space_goes_on_and_what_takes_it_waits() {
    let (disk, storage, staged) = full_disk();
    for number in 0..ROUNDS {
        trash(&storage, number).unwrap();
        assert_eq!(code(staged.write_at(b"more", 5)), Some(ErrorCode::NoSpace));
        assert_eq!(code(storage.stage(upload_id(2))), Some(ErrorCode::NoSpace));
        disk.leave_free(0);
    }
    storage.remove(&path(format!("{ROUNDS}").as_bytes()), None).unwrap();
    for number in 0..ROUNDS {
        storage.purge(trash_id(number), &mut || Visit::Continue).unwrap();
    }
    disk.leave_free(32 << 20);
    staged.write_at(b"more", 5).unwrap();
    storage.stage(upload_id(2)).unwrap();
    // The reserve is whole again.
    disk.leave_free(0);
    trash(&storage, ROUNDS + 1).unwrap();
}

/// A machine whose disk other programs have filled up to the last byte, each time that the server gave up a part.
#[test]
fn a_reserve_that_was_used_up_is_taken_again_by_a_later_process() {
    let (disk, storage, staged) = full_disk();
    let used_up = (0..=ROUNDS + 2).take_while(|number| {
        let trashed = trash(&storage, *number);
        disk.leave_free(0);
        trashed.is_ok()
    });
    assert!(used_up.count() > ROUNDS.into());
    drop((storage, staged));
    let disk = disk.reboot();
    disk.leave_free(1 << 20);
    let storage = disk.storage();
    assert_eq!(code(storage.stage(upload_id(2))), Some(ErrorCode::NoSpace));
    disk.leave_free(17 << 20);
    storage.stage(upload_id(2)).unwrap();
    disk.leave_free(0);
    trash(&storage, ROUNDS + 2).unwrap();
}

#[test]
fn a_disk_gets_its_reserve_once_there_is_room() {
    let disk = SimulatedDisk::with_capacity(7, 8 << 20);
    disk.add_file("file", "content").unwrap();
    let storage = disk.storage();
    storage.stage(upload_id(1)).unwrap();
    disk.leave_free(32 << 20);
    storage.maintain_reserves();
    disk.leave_free(0);
    storage.trash(&path(b"file"), None, trash_id(1), NOW).unwrap();
}

/// Other programs get nothing of what a deletion frees before the reserve has it.
#[test]
fn what_a_deletion_frees_is_taken_for_the_reserve_at_once() {
    let (disk, storage, _staged) = full_disk();
    trash(&storage, 0).unwrap();
    disk.leave_free(1 << 20);
    storage.remove(&path(b"1"), None).unwrap();
    // Less than what was given up.
    disk.leave_free(1 << 16);
    storage.stage(upload_id(2)).unwrap();
}

#[test]
fn the_reserve_survives_the_process() {
    let (disk, storage, staged) = full_disk();
    trash(&storage, 0).unwrap();
    disk.leave_free(0);
    drop((storage, staged));
    let disk = disk.reboot();
    disk.leave_free(0);
    let storage = disk.storage();
    assert_eq!(code(storage.stage(upload_id(2))), Some(ErrorCode::NoSpace));
    trash(&storage, 1).unwrap();
    assert_eq!(code(storage.stage(upload_id(2))), Some(ErrorCode::NoSpace));
    disk.leave_free(32 << 20);
    storage.stage(upload_id(2)).unwrap();
}
