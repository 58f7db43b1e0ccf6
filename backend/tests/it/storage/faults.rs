//! That faults strike where a test said.

use backend::storage::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::storage::memory::MemoryStorage;
use backend::storage::{Storage, Visit};
use shared::{ErrorCode, VPath};

use super::{code, path};

#[test]
fn faults_strike_where_the_script_says() {
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
fn chance_comes_from_the_seed() {
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
