//! Another storage made to fail on purpose, the same way each time: at scripted calls, or by chance from a seed that a
//! failed test can print. It knows neither a clock nor a disk of its own.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::rules::copy_by_hand;
use super::{
    Attributes, Expected, OpenFile, Published, Staged, Storage, StorageError, TrashItem, Visit, WatchEvent, WatchHandle,
};

/// A storage that fails as its [`Faults`] say, and does what the one inside does otherwise.
pub struct FaultyStorage<S> {
    inner: S,
    faults: Arc<Faults>,
}

/// What goes wrong, and when. Shared by the storage and each file and upload that it opened, so that a test can add to it later.
pub struct Faults {
    seed: u64,
    /// How many calls of each operation there were.
    calls: [AtomicU64; OPERATIONS],
    chances: [AtomicU64; OPERATIONS],
    script: Mutex<Vec<Scripted>>,
    /// Uploads of which a sync has failed.
    unsure: Mutex<BTreeSet<UploadId>>,
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
    /// A call of [`Storage::stage`], [`Storage::staged`], [`Storage::list_staged`] or [`Storage::unstage`].
    Stage,
    /// A call of [`Staged::write_at`], also where one copies.
    Write,
    /// A call of [`Staged::read_at`], [`Staged::length`] or [`Staged::truncate`].
    Reread,
    /// A call of [`Staged::sync`]. Once it has failed, what was written is not to be trusted: every later one fails until
    /// the upload was cut.
    Sync,
    /// A call of [`Storage::publish`], before anything is done.
    Publish,
    /// A call of [`Storage::publish`], after all of it is done: the answer is lost.
    Published,
    /// A call of [`Storage::make_folder`] or [`Storage::make_link`].
    Make,
    /// A call of [`Storage::rename`].
    Rename,
    /// A call of [`Storage::remove`].
    Remove,
    /// A call of [`Storage::trash`].
    Trash,
    /// A call of [`Storage::list_trash`], [`Storage::restore`] or [`Storage::purge`].
    Restore,
    /// One entry that a purge removes: it stops there.
    Purge,
    /// A call of [`Storage::space`].
    Space,
    /// A call of [`Storage::watch`].
    Watch,
}

const OPERATIONS: usize = 20;

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
        Arc::new(Self { seed, calls: zeros(), chances: zeros(), script: Mutex::default(), unsure: Mutex::default() })
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

    fn check_sure(&self, id: UploadId) -> Result<(), StorageError> {
        if self.lock_unsure().contains(&id) { Err(failure(ErrorCode::Io)) } else { Ok(()) }
    }

    fn lock_unsure(&self) -> std::sync::MutexGuard<'_, BTreeSet<UploadId>> {
        self.unsure.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        self.faults.check(Operation::Stage)?;
        Ok(self.wrap(id, self.inner.stage(id)?))
    }

    fn staged(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        self.faults.check(Operation::Stage)?;
        Ok(self.wrap(id, self.inner.staged(id)?))
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        self.faults.check(Operation::Stage)?;
        self.inner.list_staged()
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.faults.check(Operation::Stage)?;
        self.faults.lock_unsure().remove(&id);
        self.inner.unstage(id)
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.faults.check(Operation::Publish)?;
        self.faults.check_sure(id)?;
        let published = self.inner.publish(id, target, expected, attributes)?;
        self.faults.check(Operation::Published)?;
        Ok(published)
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Make)?;
        self.inner.make_folder(path)
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Make)?;
        self.inner.make_link(path, target)
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Rename)?;
        self.inner.rename(from, from_etag, to, expected)
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.faults.check(Operation::Remove)?;
        self.inner.remove(path, etag)
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        self.faults.check(Operation::Trash)?;
        self.inner.trash(path, etag, id, now)
    }

    fn list_trash(&self, visit: &mut dyn FnMut(TrashItem) -> Visit) -> Result<(), StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.list_trash(visit)
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.restore(id, to)
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        self.faults.check(Operation::Restore)?;
        let mut broken = Ok(());
        self.inner.purge(id, &mut || {
            broken = self.faults.check(Operation::Purge);
            if broken.is_err() { Visit::Stop } else { visit() }
        })?;
        broken
    }

    fn space(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        self.faults.check(Operation::Space)?;
        self.inner.space(folder)
    }

    fn watch(
        &self,
        folder: &VPath,
        notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        self.faults.check(Operation::Watch)?;
        self.inner.watch(folder, notice)
    }
}

impl<S> FaultyStorage<S> {
    fn wrap(&self, id: UploadId, inner: Box<dyn Staged>) -> Box<dyn Staged> {
        Box::new(FaultyStaged { inner, id, faults: Arc::clone(&self.faults) })
    }
}

/// An upload of a [`FaultyStorage`]. It has no [`Staged::as_file`], so that every byte comes through here.
struct FaultyStaged {
    inner: Box<dyn Staged>,
    id: UploadId,
    faults: Arc<Faults>,
}

impl Staged for FaultyStaged {
    fn length(&self) -> Result<u64, StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.length()
    }

    /// A write that fails leaves half of its bytes, as one does that runs out of room.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError> {
        if let Err(error) = self.faults.check(Operation::Write) {
            self.inner.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.inner.write_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.read_at(buffer, offset)
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_by_hand(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_by_hand(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.truncate(length)?;
        self.faults.lock_unsure().remove(&self.id);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        if let Err(error) = self.faults.check(Operation::Sync) {
            self.faults.lock_unsure().insert(self.id);
            return Err(error);
        }
        self.faults.check_sure(self.id)?;
        self.inner.sync()
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
pub(super) fn scramble(mut state: u64) -> u64 {
    state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
