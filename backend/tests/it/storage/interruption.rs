//! Runs a change on a simulated disk and interrupts it at each step: by a loss of power, a full disk or a failing disk.

use std::fmt::Debug;

use backend::storage::local::LocalStorage;
use backend::storage::testing::simulated::{Fault, SimulatedDisk};
use backend::storage::{Attributes, Expected, StorageError, TrashItem, TrashQuery};
use shared::{ErrorCode, Timestamp};

use super::{path, read, upload_id};

pub(super) const OLD: &[u8] = b"what was there before, and is precious";
pub(super) const NEW: &[u8] = b"what is to come: longer than what was there before";
pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);
pub(super) const SEEDS: u64 = 12;

/// A folder that is another file system.
pub(super) const OTHER_DISK: &[u8] = b"mounted";

/// Makes a disk with a seed.
pub(super) type NewDisk = fn(u64) -> SimulatedDisk;

/// The kinds of disks that a change is interrupted on: without and with a log that orders all changes.
const DISKS: [NewDisk; 2] = [SimulatedDisk::new, SimulatedDisk::with_log];

/// A change, the state before it, and a check of the state after an interruption.
pub(super) struct Case<T> {
    pub(super) prepare: fn(&LocalStorage),
    pub(super) change: fn(&LocalStorage) -> Result<T, StorageError>,
    /// Gets whether the change was acknowledged.
    pub(super) check: fn(&LocalStorage, bool),
}

impl<T: Debug> Case<T> {
    /// A disk in the state before the change.
    pub(super) fn begin(&self, new: NewDisk, seed: u64) -> (SimulatedDisk, LocalStorage) {
        let disk = new(seed);
        disk.add_mount(OTHER_DISK).unwrap();
        let storage = disk.storage();
        (self.prepare)(&storage);
        (disk, storage)
    }

    pub(super) fn steps(&self, new: NewDisk) -> std::ops::RangeInclusive<u64> {
        let (disk, storage) = self.begin(new, 0);
        let before = disk.steps();
        (self.change)(&storage).unwrap();
        before + 1..=disk.steps()
    }

    /// Loses power at each step and after the last, with several seeds.
    pub(super) fn lose_power(&self) {
        DISKS.iter().for_each(|new| self.lose_power_on(*new));
    }

    fn lose_power_on(&self, new: NewDisk) {
        let steps = self.steps(new);
        let last = *steps.end() + 1;
        for (step, seed) in steps.chain([last]).flat_map(|step| (0..SEEDS).map(move |seed| (step, seed))) {
            let (disk, storage) = self.begin(new, seed);
            disk.at(step, Fault::PowerLoss);
            let done = (self.change)(&storage);
            eprintln!("seed {seed}, power lost at step {step}: {:?}", disk.history().get(step as usize - 1));
            assert_eq!(done.is_ok(), step == last);
            (self.check)(&disk.reboot().storage(), done.is_ok());
        }
    }

    /// Fails once at each step, and then tries again.
    pub(super) fn fail(&self, fault: Fault, refusal: ErrorCode) {
        DISKS.iter().for_each(|new| self.fail_on(*new, fault, refusal));
    }

    fn fail_on(&self, new: NewDisk, fault: Fault, refusal: ErrorCode) {
        for step in self.steps(new) {
            let (disk, storage) = self.begin(new, step);
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

    pub(super) fn run(&self) {
        self.lose_power();
        self.fail(Fault::NoSpace, ErrorCode::NoSpace);
        self.fail(Fault::Io, ErrorCode::Io);
    }
}

pub(super) fn code_of<T>(result: &Result<T, StorageError>) -> Option<ErrorCode> {
    result.as_ref().err().map(|error| error.code)
}

pub(super) fn stage_durably(storage: &LocalStorage) {
    let staged = storage.stage(upload_id(1)).unwrap();
    staged.write_at(&NEW[..20], 0).unwrap();
    staged.write_at(&NEW[20..], 20).unwrap();
    staged.sync().unwrap();
}

pub(super) fn add(storage: &LocalStorage, name: &[u8], content: &[u8]) {
    storage.stage(upload_id(9)).unwrap().write_at(content, 0).unwrap();
    storage.publish(upload_id(9), &path(name), &Expected::Nothing, &Attributes::default()).unwrap();
}

/// The content at a path; `None` if there is no entry.
pub(super) fn content_at(storage: &LocalStorage, name: &[u8]) -> Option<Vec<u8>> {
    match storage.open(&path(name)) {
        Ok(file) => Some(read(&*file).unwrap()),
        Err(error) => {
            assert_eq!(error.code, ErrorCode::NotFound);
            None
        }
    }
}

pub(super) fn trashed(storage: &LocalStorage) -> Vec<TrashItem> {
    storage.list_trash(&TrashQuery::default()).unwrap().items
}
