//! Another program removes the entry at the target at any step of a replacement.

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::SimulatedDisk;
use backend::storage::{Attributes, Expected, Keep, Replacement, StorageError};
use shared::ErrorCode;

use super::interruption::{NEW, NOW, OLD, add, content_at, stage_durably};
use super::{path, trash_id, upload_id};

fn keep() -> Keep {
    Keep { id: trash_id(3), now: NOW, bytes_max: 1_000, owner: 7 }
}

type Operation = fn(&LocalStorage) -> Result<(), StorageError>;

fn replace(storage: &LocalStorage, new: &Replacement<'_>) -> Result<(), StorageError> {
    storage.replace(new, &path(b"to"), &keep()).map(drop)
}

fn publish(storage: &LocalStorage, keep: Option<Keep>) -> Result<(), StorageError> {
    let attributes = Attributes { keep, ..Attributes::default() };
    storage.publish(upload_id(1), &path(b"to"), &Expected::Anything, &attributes).map(drop)
}

const OPERATIONS: [(&str, Operation); 7] = [
    ("publish", |storage| publish(storage, None)),
    ("publish and keep", |storage| publish(storage, Some(keep()))),
    ("replace by an upload", |storage| replace(storage, &Replacement::Upload(upload_id(1), &Attributes::default()))),
    ("replace by an entry", |storage| replace(storage, &Replacement::Entry(&path(b"from"), None))),
    ("replace by an item", |storage| replace(storage, &Replacement::Trashed(trash_id(2)))),
    ("replace by a link", |storage| replace(storage, &Replacement::LinkCopy(&path(b"link"), false))),
    ("rename", |storage| storage.rename(&path(b"from"), None, &path(b"to"), &Expected::Anything).map(drop)),
];

fn begin() -> (SimulatedDisk, LocalStorage) {
    let disk = SimulatedDisk::new(1);
    disk.add_link("link", "from").unwrap();
    let storage = disk.storage();
    add(&storage, b"item", NEW);
    storage.trash(&path(b"item"), None, trash_id(2), NOW).unwrap();
    add(&storage, b"from", NEW);
    add(&storage, b"to", OLD);
    stage_durably(&storage);
    (disk, storage)
}

/// A failure says that nothing has happened, so that the caller can decide again.
#[test]
fn a_replacement_whose_target_is_taken_away_succeeds_or_has_changed_nothing() {
    for (name, operation) in OPERATIONS {
        let steps = {
            let (disk, storage) = begin();
            let before = disk.steps();
            operation(&storage).unwrap();
            before + 1..=disk.steps()
        };
        for step in steps {
            let (disk, storage) = begin();
            disk.remove_before(step, "to");
            let done = operation(&storage);
            let context = format!("{name}, step {step}: {:?}", disk.history());
            if let Err(error) = done {
                assert_eq!(error.code, ErrorCode::PreconditionFailed, "{context}: {error}");
                assert!(!name.starts_with("publish"), "{context}");
                assert_eq!(content_at(&storage, b"from").as_deref(), Some(NEW), "{context}");
                assert!(storage.stat_trash(trash_id(2)).is_ok(), "{context}");
                assert!(storage.staged(upload_id(1), None).is_ok(), "{context}");
                // The caller decides again.
                operation(&storage).unwrap_or_else(|error| panic!("{context}: {error}"));
            }
        }
    }
}
