//! The planned faults.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::{ErrorCode, UploadId};

use crate::storage::StorageError;
use crate::storage::testing::scramble::scramble;

/// The planned faults. The storage shares them with its open files and uploads, so a test can plan more at any time.
pub struct Faults {
    seed: u64,
    /// Number of calls of each operation.
    calls: [AtomicU64; OPERATIONS],
    chances: [AtomicU64; OPERATIONS],
    script: Mutex<Vec<Scripted>>,
    interruptions: Mutex<Vec<Interruption>>,
    /// Uploads of which a sync has failed.
    unsynced: Mutex<BTreeSet<UploadId>>,
    /// Free space that is reported instead of the true one, in bytes.
    space: Mutex<Option<u64>>,
}

/// An operation that can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A call of [`Storage::stat`].
    Stat,
    /// A call of [`Storage::list`], before the first entry.
    List,
    /// One entry of a listing, which ends there.
    Entry,
    /// A call of [`Storage::open`].
    Open,
    /// A call of [`OpenFile::read_at`].
    Read,
    /// A call of [`OpenFile::etag_now`].
    Validate,
    /// A call of [`Storage::stage`], [`Storage::staged`], [`Storage::list_staged`] or [`Storage::unstage`].
    Stage,
    /// A call of [`Staged::write_at`], also as part of a copy.
    Write,
    /// A call of [`Staged::read_at`], [`Staged::length`] or [`Staged::truncate`].
    Reread,
    /// A call of [`Staged::sync`]. After a failure every later sync of the upload fails until it is truncated.
    Sync,
    /// A call of [`Storage::publish`], before it has an effect.
    Publish,
    /// A call of [`Storage::publish`], after its effect: only the result is lost. A call of [`Storage::sync_name`].
    Published,
    /// A call of [`Storage::make_folder`] or [`Storage::make_link`].
    Make,
    /// A call of [`Storage::copy_folder_attributes`].
    FolderAttributes,
    /// A call of [`Storage::rename`].
    Rename,
    /// A call of [`Storage::remove`] or [`Storage::remove_tree`], and one entry that the latter removes.
    Remove,
    /// A call of [`Storage::trash`], or an entry of [`Storage::trash_all`].
    Trash,
    /// A call of [`Storage::list_trash`], [`Storage::stat_trash`], [`Storage::restore`] or [`Storage::purge`], or
    /// an item of [`Storage::stat_trash_all`] or [`Storage::restore_all`].
    Restore,
    /// One entry that a purge deletes; the purge ends there.
    Purge,
    /// A call of [`Storage::space`].
    Space,
    /// A call of [`Storage::watch`].
    Watch,
}

const OPERATIONS: usize = 21;

/// How a call fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The call fails, with this code.
    Fail(ErrorCode),
    /// A read returns half of the bytes, which the contract allows only at the end of a file.
    ShortRead,
    /// From this call on the file ends where this read begins, as if it had been truncated.
    Shrink,
    /// From this call on the file has another validator, as if it had been written.
    Change,
}

/// What happens right before a call.
struct Interruption {
    operation: Operation,
    call: u64,
    act: Box<dyn FnOnce() + Send>,
}

struct Scripted {
    operation: Operation,
    call: u64,
    fault: Fault,
}

impl Faults {
    /// No faults. Random ones come from `seed`.
    pub fn seeded(seed: u64) -> Arc<Self> {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        let (script, interruptions) = (Mutex::default(), Mutex::default());
        let (unsynced, space) = (Mutex::default(), Mutex::default());
        Arc::new(Self { seed, calls: zeros(), chances: zeros(), script, interruptions, unsynced, space })
    }

    /// The seed, for a failed test to print.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Makes each call of an operation fail with [`ErrorCode::Io`] with the given probability.
    pub fn by_chance(&self, operation: Operation, probability: f64) -> &Self {
        // Scaled to 2^64; the cast saturates.
        self.chances[operation as usize].store((probability * u64::MAX as f64) as u64, Ordering::Relaxed);
        self
    }

    /// Makes one call of an operation fail; calls are counted from 1 since the start.
    pub fn at(&self, operation: Operation, call: u64, fault: Fault) -> &Self {
        self.lock_script().push(Scripted { operation, call, fault });
        self
    }

    /// Lets another client act right before one call of an operation; calls are counted as by [`Faults::at`].
    pub fn before(&self, operation: Operation, call: u64, act: impl FnOnce() + Send + 'static) -> &Self {
        self.lock_interruptions().push(Interruption { operation, call, act: Box::new(act) });
        self
    }

    /// Tells `bytes` of free space from now on.
    pub fn leave_space(&self, bytes: u64) {
        *self.space.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
    }

    pub(super) fn space(&self) -> Option<u64> {
        *self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of calls of an operation so far.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.calls[operation as usize].load(Ordering::Relaxed)
    }

    /// Counts a call and returns its fault.
    pub(super) fn strike(&self, operation: Operation) -> Option<Fault> {
        let call = self.calls[operation as usize].fetch_add(1, Ordering::Relaxed) + 1;
        self.interrupt(operation, call);
        let script = self.lock_script();
        let scripted = script.iter().find(|scripted| scripted.operation == operation && scripted.call == call);
        let chance = self.chances[operation as usize].load(Ordering::Relaxed);
        let by_chance =
            chance > 0 && scramble(self.seed ^ scramble(call * OPERATIONS as u64 + operation as u64)) <= chance;
        scripted.map(|scripted| scripted.fault).or(by_chance.then_some(Fault::Fail(ErrorCode::Io)))
    }

    /// Acts as planned before a call, without the lock: the action may use the storage.
    fn interrupt(&self, operation: Operation, call: u64) {
        let mut planned = self.lock_interruptions();
        let due = planned.iter().position(|planned| planned.operation == operation && planned.call == call);
        let due = due.map(|index| planned.swap_remove(index));
        drop(planned);
        if let Some(due) = due {
            (due.act)();
        }
    }

    /// Counts a call of an operation that has no fault but [`Fault::Fail`].
    pub(super) fn check(&self, operation: Operation) -> Result<(), StorageError> {
        match self.strike(operation) {
            Some(Fault::Fail(code)) => Err(failure(code)),
            _ => Ok(()),
        }
    }

    pub(super) fn check_synced(&self, id: UploadId) -> Result<(), StorageError> {
        if self.lock_unsynced().contains(&id) { Err(failure(ErrorCode::Io)) } else { Ok(()) }
    }

    pub(super) fn lock_unsynced(&self) -> MutexGuard<'_, BTreeSet<UploadId>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_interruptions(&self) -> MutexGuard<'_, Vec<Interruption>> {
        self.interruptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_script(&self) -> MutexGuard<'_, Vec<Scripted>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn failure(code: ErrorCode) -> StorageError {
    let source = io::Error::other("a planned fault");
    StorageError { code, context: "a planned fault", path: None, source: Some(source) }
}
