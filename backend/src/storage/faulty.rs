//! Another storage made to fail on purpose, the same way each time: at scripted calls, or by chance from a seed that a
//! failed test can print. It knows neither a clock nor a disk of its own.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use shared::{ETag, Entry, ErrorCode, VPath};

use super::{OpenFile, Storage, StorageError, Visit};

/// A storage that fails as its [`Faults`] say, and does what the one inside does otherwise.
pub struct FaultyStorage<S> {
    inner: S,
    faults: Arc<Faults>,
}

/// What goes wrong, and when. Shared by the storage and each file that it opened, so that a test can add to it later.
pub struct Faults {
    seed: u64,
    /// How many calls of each operation there were.
    calls: [AtomicU64; OPERATIONS],
    chances: [AtomicU64; OPERATIONS],
    script: Mutex<Vec<Scripted>>,
}

/// What can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A call of [`Storage::stat`].
    Stat,
    /// A call of [`Storage::list`], before the first entry.
    List,
    /// One entry that a listing hands out: the listing ends there.
    Entry,
    /// A call of [`Storage::open`].
    Open,
    /// A call of [`OpenFile::read_at`].
    Read,
    /// A call of [`OpenFile::etag_now`].
    Validate,
}

const OPERATIONS: usize = 6;

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The call fails, with this code.
    Fail(ErrorCode),
    /// A read gives half of what it could. The contract forbids that, so nothing but a file that got shorter looks so.
    ShortRead,
    /// From this call on the file ends where this read begins, as if it had been cut short.
    Shrink,
    /// From this call on the file has another validator, as if it had been written to.
    Change,
}

struct Scripted {
    operation: Operation,
    call: u64,
    fault: Fault,
}

impl<S: Storage> FaultyStorage<S> {
    /// A storage that fails as those faults say.
    pub fn new(inner: S, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// What goes wrong, to add to it.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }
}

impl Faults {
    /// Nothing fails yet; chance, where it is asked for, comes from that seed.
    pub fn seeded(seed: u64) -> Arc<Self> {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Arc::new(Self { seed, calls: zeros(), chances: zeros(), script: Mutex::default() })
    }

    /// The seed, for a failed test to print.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Lets calls of that operation fail with [`ErrorCode::Io`], each with that probability.
    pub fn by_chance(&self, operation: Operation, probability: f64) -> &Self {
        // From 2^64 for certainty down; the cast saturates.
        self.chances[operation as usize].store((probability * u64::MAX as f64) as u64, Ordering::Relaxed);
        self
    }

    /// Lets one call of that operation go wrong, counted from 1 among all calls so far and to come.
    pub fn at(&self, operation: Operation, call: u64, fault: Fault) -> &Self {
        self.lock_script().push(Scripted { operation, call, fault });
        self
    }

    /// How often that operation was called.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.calls[operation as usize].load(Ordering::Relaxed)
    }

    /// Counts a call and says what goes wrong with it.
    fn strike(&self, operation: Operation) -> Option<Fault> {
        let call = self.calls[operation as usize].fetch_add(1, Ordering::Relaxed) + 1;
        let script = self.lock_script();
        let scripted = script.iter().find(|scripted| scripted.operation == operation && scripted.call == call);
        let chance = self.chances[operation as usize].load(Ordering::Relaxed);
        let by_chance =
            chance > 0 && scramble(self.seed ^ scramble(call * OPERATIONS as u64 + operation as u64)) <= chance;
        scripted.map(|scripted| scripted.fault).or(by_chance.then_some(Fault::Fail(ErrorCode::Io)))
    }

    /// For operations that can do nothing but fail.
    fn check(&self, operation: Operation) -> Result<(), StorageError> {
        match self.strike(operation) {
            Some(Fault::Fail(code)) => Err(failure(code)),
            _ => Ok(()),
        }
    }

    fn lock_script(&self) -> std::sync::MutexGuard<'_, Vec<Scripted>> {
        self.script.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl<S: Storage> Storage for FaultyStorage<S> {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Stat)?;
        self.inner.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.faults.check(Operation::List)?;
        let mut broken = Ok(());
        self.inner.list(path, &mut |entry| {
            broken = self.faults.check(Operation::Entry);
            if broken.is_err() { Visit::Stop } else { visit(entry) }
        })?;
        broken
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.faults.check(Operation::Open)?;
        let inner = self.inner.open(path)?;
        let faults = Arc::clone(&self.faults);
        Ok(Box::new(FaultyFile { inner, faults, end: AtomicU64::new(u64::MAX), changed: AtomicBool::new(false) }))
    }
}

/// An open file of a [`FaultyStorage`]. It has no [`OpenFile::as_file`], so that every byte comes through `read_at`.
struct FaultyFile {
    inner: Box<dyn OpenFile>,
    faults: Arc<Faults>,
    /// Where the file ends since [`Fault::Shrink`].
    end: AtomicU64,
    changed: AtomicBool,
}

impl OpenFile for FaultyFile {
    fn entry(&self) -> &Entry {
        self.inner.entry()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        let mut wanted = buffer.len();
        match self.faults.strike(Operation::Read) {
            Some(Fault::Fail(code)) => return Err(failure(code)),
            Some(Fault::ShortRead) => wanted /= 2,
            Some(Fault::Shrink) => {
                self.end.fetch_min(offset, Ordering::Relaxed);
                self.changed.store(true, Ordering::Relaxed);
            }
            Some(Fault::Change) => self.changed.store(true, Ordering::Relaxed),
            None => {}
        }
        let left = self.end.load(Ordering::Relaxed).saturating_sub(offset);
        let wanted = usize::try_from(left).map_or(wanted, |left| left.min(wanted));
        self.inner.read_at(&mut buffer[..wanted], offset)
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        match self.faults.strike(Operation::Validate) {
            Some(Fault::Fail(code)) => return Err(failure(code)),
            Some(Fault::Change | Fault::Shrink) => self.changed.store(true, Ordering::Relaxed),
            Some(Fault::ShortRead) | None => {}
        }
        let etag = self.inner.etag_now()?;
        Ok(if self.changed.load(Ordering::Relaxed) { ETag(etag.0.map(|byte| !byte)) } else { etag })
    }
}

impl<S> fmt::Debug for FaultyStorage<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FaultyStorage(seed {:#x})", self.faults.seed)
    }
}

fn failure(code: ErrorCode) -> StorageError {
    let source = io::Error::other("a fault that was asked for");
    StorageError { code, context: "failing on purpose", source: Some(source) }
}

/// SplitMix64's mixing step: each input bit moves half of the output bits.
fn scramble(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
