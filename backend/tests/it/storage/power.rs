//! Loss of power, a full disk and a failing disk at each step of each change: either the old or the new state is complete,
//! and acknowledged changes survive.

use std::fmt::Debug;

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::{Fault, SimulatedDisk};
use backend::storage::{Attributes, Durability, Expected, Storage, StorageError, TrashItem, TrashQuery, Visit};
use shared::{ErrorCode, Timestamp};

use super::{code, path, read, staged_bytes, trash_id, upload_id};

const OLD: &[u8] = b"what was there before, and is precious";
const NEW: &[u8] = b"what is to come: longer than what was there before";
const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);
const SEEDS: u64 = 12;

/// A change, the state before it, and a check of the state after an interruption.
struct Case<T> {
    prepare: fn(&LocalStorage),
    change: fn(&LocalStorage) -> Result<T, StorageError>,
    /// Gets whether the change was acknowledged.
    check: fn(&LocalStorage, bool),
}

impl<T: Debug> Case<T> {
    /// A disk in the state before the change.
    fn begin(&self, seed: u64) -> (SimulatedDisk, LocalStorage) {
        let disk = SimulatedDisk::new(seed);
        let storage = disk.storage();
        (self.prepare)(&storage);
        (disk, storage)
    }

    fn steps(&self) -> std::ops::RangeInclusive<u64> {
        let (disk, storage) = self.begin(0);
        let before = disk.steps();
        (self.change)(&storage).unwrap();
        before + 1..=disk.steps()
    }

    /// Loses power at each step and after the last, with several seeds.
    fn lose_power(&self) {
        let steps = self.steps();
        let last = *steps.end() + 1;
        for (step, seed) in steps.chain([last]).flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
            let (disk, storage) = self.begin(seed);
            disk.at(step, Fault::PowerLoss);
            let done = (self.change)(&storage);
            eprintln!("seed {seed}, power lost at step {step}: {:?}", disk.history().get(step as usize - 1));
            assert_eq!(done.is_ok(), step == last);
            (self.check)(&disk.reboot().storage(), done.is_ok());
        }
    }

    /// Fails once at each step, and then tries again.
    fn fail(&self, fault: Fault, refusal: ErrorCode) {
        for step in self.steps() {
            let (disk, storage) = self.begin(step);
            disk.at(step, fault);
            let done = (self.change)(&storage);
            eprintln!("{fault:?} at step {step}: {:?}", disk.history().get(step as usize - 1));
            // The failure of a cleanup step is ignored.
            assert!(done.is_ok() || code_of(&done) == Some(refusal), "{done:?}");
            (self.check)(&storage, done.is_ok());
            drop(storage);
            (self.check)(&disk.reboot().storage(), done.is_ok());
        }
    }

    fn run(&self) {
        self.lose_power();
        self.fail(Fault::NoSpace, ErrorCode::NoSpace);
        self.fail(Fault::Io, ErrorCode::Io);
    }
}

fn code_of<T>(result: &Result<T, StorageError>) -> Option<ErrorCode> {
    result.as_ref().err().map(|error| error.code)
}

fn stage_durably(storage: &LocalStorage) {
    let staged = storage.stage(upload_id(1)).unwrap();
    staged.write_at(&NEW[..20], 0).unwrap();
    staged.write_at(&NEW[20..], 20).unwrap();
    staged.sync().unwrap();
}

fn add(storage: &LocalStorage, name: &[u8], content: &[u8]) {
    storage.stage(upload_id(9)).unwrap().write_at(content, 0).unwrap();
    storage.publish(upload_id(9), &path(name), &Expected::Nothing, &Attributes::default()).unwrap();
}

/// The content at a path; `None` if there is no entry.
fn content_at(storage: &LocalStorage, name: &[u8]) -> Option<Vec<u8>> {
    match storage.open(&path(name)) {
        Ok(file) => Some(read(&*file).unwrap()),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::NotFound);
            None
        }
    }
}

fn trashed(storage: &LocalStorage) -> Vec<TrashItem> {
    storage.list_trash(&TrashQuery::default()).unwrap().items
}

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
                let staged = storage.staged(upload_id(1)).unwrap();
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
                assert_eq!(code(storage.staged(upload_id(1))), Some(ErrorCode::NotFound));
            }
            None => {
                assert!(!done);
                assert_eq!(staged_bytes(&*storage.staged(upload_id(1)).unwrap()), NEW);
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
                assert_eq!(code(storage.staged(upload_id(1))), Some(ErrorCode::NotFound));
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
    let staged = storage.staged(upload_id(1)).unwrap();
    assert_eq!(code(staged.sync()), Some(ErrorCode::Io));
    let published = storage.publish(upload_id(1), &path(b"file"), &Expected::Nothing, &Attributes::default());
    assert_eq!(code(published), Some(ErrorCode::Io));
    // Truncated to its durable length and written again, the upload can be synced.
    staged.truncate(10).unwrap();
    staged.write_at(&NEW[10..], 10).unwrap();
    staged.sync().unwrap();
    let staged = disk.reboot().storage().staged(upload_id(1)).unwrap();
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
        let left = staged_bytes(&*disk.reboot().storage().staged(upload_id(1)).unwrap());
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
