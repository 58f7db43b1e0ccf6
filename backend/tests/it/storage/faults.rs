//! The storage that fails on demand.

use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::storage::{Attributes, Expected, Storage, Visit};
use shared::{ErrorCode, VPath};

use super::{code, path, staged_bytes, upload_id};

#[test]
fn planned_faults_strike_at_their_call() {
    let faults = Faults::seeded(0);
    faults.at(Operation::Read, 2, Fault::Fail(ErrorCode::Io)).at(Operation::Read, 3, Fault::ShortRead);
    faults.at(Operation::Read, 4, Fault::Shrink).at(Operation::Entry, 2, Fault::Fail(ErrorCode::AccessDenied));
    let memory = MemoryStorage::new();
    memory.add_file("a", "0123456789").unwrap().add_file("b", "").unwrap().add_file("c", "").unwrap();
    let storage = FaultyStorage::new(memory, faults);
    let file = storage.open(&path(b"a")).unwrap();
    let mut buffer = [0; 4];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 4);
    assert_eq!(code(file.read_at(&mut buffer, 0)), Some(ErrorCode::Io));
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), 2);
    assert_eq!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(file.read_at(&mut buffer, 6).unwrap(), 0);
    assert_eq!(file.read_at(&mut buffer, 4).unwrap(), 2);
    assert_ne!(file.etag_now().unwrap(), file.entry().etag.unwrap());
    assert_eq!(storage.faults().calls(Operation::Read), 5);

    let mut seen = 0;
    let mut visit = |_| {
        seen += 1;
        Visit::Continue
    };
    assert_eq!(code(storage.list(&VPath::root(), &mut visit)), Some(ErrorCode::AccessDenied));
    assert_eq!(seen, 1);
}

#[test]
fn random_faults_come_from_the_seed() {
    let failures = |seed: u64, probability: f64| -> Vec<usize> {
        let faults = Faults::seeded(seed);
        faults.by_chance(Operation::Stat, probability);
        let storage = FaultyStorage::new(MemoryStorage::new(), faults);
        (0..1_000).filter(|_| storage.stat(&VPath::root()).is_err()).collect()
    };
    assert_eq!(failures(7, 0.1), failures(7, 0.1));
    assert_ne!(failures(7, 0.1), failures(8, 0.1));
    assert!((50..200).contains(&failures(7, 0.1).len()));
    assert_eq!((failures(7, 0.0).len(), failures(7, 1.0).len()), (0, 1_000));
}

#[test]
fn a_failed_write_leaves_a_part_and_a_failed_sync_is_remembered() {
    let faults = Faults::seeded(0);
    faults.at(Operation::Write, 2, Fault::Fail(ErrorCode::NoSpace)).at(Operation::Sync, 2, Fault::Fail(ErrorCode::Io));
    faults.at(Operation::Published, 1, Fault::Fail(ErrorCode::Io));
    let storage = FaultyStorage::new(MemoryStorage::new(), faults);
    let staged = storage.stage(upload_id(1)).unwrap();
    staged.write_at(b"0123", 0).unwrap();
    staged.sync().unwrap();
    assert_eq!(code(staged.write_at(b"4567", 4)), Some(ErrorCode::NoSpace));
    assert_eq!(staged_bytes(&*staged), b"012345");
    assert_eq!(code(staged.sync()), Some(ErrorCode::Io));
    assert_eq!(code(storage.staged(upload_id(1), None).unwrap().sync()), Some(ErrorCode::Io));
    let publish =
        || storage.publish(upload_id(1), &path(b"file"), &Expected::Nothing, &Attributes::default()).map(drop);
    assert_eq!(code(publish()), Some(ErrorCode::Io));
    assert_eq!(code(storage.stat(&path(b"file"))), Some(ErrorCode::NotFound));
    staged.truncate(4).unwrap();
    staged.sync().unwrap();
    // Only the result is lost.
    assert_eq!(code(publish()), Some(ErrorCode::Io));
    assert_eq!(storage.stat(&path(b"file")).unwrap().size, 4);
    assert_eq!(code(publish()), Some(ErrorCode::NotFound));
}
