//! A wrapper that makes another storage fail, reproducibly: at scripted calls, or at random from a seed that a failed
//! test can print.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::scramble::scramble;
use crate::storage::staged::copy_through_buffer;
use crate::storage::{
    Attributes, Expected, OpenFile, Published, Staged, Storage, StorageError, TrashItem, TrashListing, TrashQuery,
    Visit, WatchEvent, WatchHandle,
};

/// Fails as its [`Faults`] say, and otherwise forwards to the inner storage.
pub struct FaultyStorage<S> {
    inner: S,
    faults: Arc<Faults>,
}

/// The planned faults. The storage shares them with its open files and uploads, so a test can plan more at any time.
pub struct Faults {
    seed: u64,
    /// Number of calls of each operation.
    calls: [AtomicU64; OPERATIONS],
    chances: [AtomicU64; OPERATIONS],
    script: Mutex<Vec<Scripted>>,
    /// Uploads of which a sync has failed.
    unsynced: Mutex<BTreeSet<UploadId>>,
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
    /// A call of [`Storage::publish`], after its effect: only the result is lost.
    Published,
    /// A call of [`Storage::make_folder`] or [`Storage::make_link`].
    Make,
    /// A call of [`Storage::rename`].
    Rename,
    /// A call of [`Storage::remove`].
    Remove,
    /// A call of [`Storage::trash`].
    Trash,
    /// A call of [`Storage::list_trash`], [`Storage::stat_trash`], [`Storage::restore`] or [`Storage::purge`].
    Restore,
    /// One entry that a purge deletes; the purge ends there.
    Purge,
    /// A call of [`Storage::space`].
    Space,
    /// A call of [`Storage::watch`].
    Watch,
}

const OPERATIONS: usize = 20;

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

struct Scripted {
    operation: Operation,
    call: u64,
    fault: Fault,
}

impl<S: Storage> FaultyStorage<S> {
    /// Wraps a storage.
    pub fn new(inner: S, faults: Arc<Faults>) -> Self {
        Self { inner, faults }
    }

    /// The planned faults, for planning more.
    pub fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }
}

impl Faults {
    /// No faults. Random ones come from `seed`.
    pub fn seeded(seed: u64) -> Arc<Self> {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Arc::new(Self { seed, calls: zeros(), chances: zeros(), script: Mutex::default(), unsynced: Mutex::default() })
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

    /// Number of calls of an operation so far.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.calls[operation as usize].load(Ordering::Relaxed)
    }

    /// Counts a call and returns its fault.
    fn strike(&self, operation: Operation) -> Option<Fault> {
        let call = self.calls[operation as usize].fetch_add(1, Ordering::Relaxed) + 1;
        let script = self.lock_script();
        let scripted = script.iter().find(|scripted| scripted.operation == operation && scripted.call == call);
        let chance = self.chances[operation as usize].load(Ordering::Relaxed);
        let by_chance =
            chance > 0 && scramble(self.seed ^ scramble(call * OPERATIONS as u64 + operation as u64)) <= chance;
        scripted.map(|scripted| scripted.fault).or(by_chance.then_some(Fault::Fail(ErrorCode::Io)))
    }

    /// Counts a call of an operation that has no fault but [`Fault::Fail`].
    fn check(&self, operation: Operation) -> Result<(), StorageError> {
        match self.strike(operation) {
            Some(Fault::Fail(code)) => Err(failure(code)),
            _ => Ok(()),
        }
    }

    fn check_synced(&self, id: UploadId) -> Result<(), StorageError> {
        if self.lock_unsynced().contains(&id) { Err(failure(ErrorCode::Io)) } else { Ok(()) }
    }

    fn lock_unsynced(&self) -> std::sync::MutexGuard<'_, BTreeSet<UploadId>> {
        self.unsynced.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
        self.faults.lock_unsynced().remove(&id);
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
        self.faults.check_synced(id)?;
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

    fn list_trash(&self, query: &TrashQuery) -> Result<TrashListing, StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.list_trash(query)
    }

    fn stat_trash(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        self.faults.check(Operation::Restore)?;
        self.inner.stat_trash(id)
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
        on_event: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        self.faults.check(Operation::Watch)?;
        self.inner.watch(folder, on_event)
    }
}

impl<S> FaultyStorage<S> {
    fn wrap(&self, id: UploadId, inner: Box<dyn Staged>) -> Box<dyn Staged> {
        Box::new(FaultyStaged { inner, id, faults: Arc::clone(&self.faults) })
    }
}

/// An upload of a [`FaultyStorage`]. Without [`Staged::as_file`], so that every byte passes through it.
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

    /// A failing write leaves half of its bytes, as a full disk does.
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
        copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        self.faults.check(Operation::Reread)?;
        self.inner.truncate(length)?;
        self.faults.lock_unsynced().remove(&self.id);
        Ok(())
    }

    fn sync(&self) -> Result<(), StorageError> {
        if let Err(error) = self.faults.check(Operation::Sync) {
            self.faults.lock_unsynced().insert(self.id);
            return Err(error);
        }
        self.faults.check_synced(self.id)?;
        self.inner.sync()
    }
}

/// An open file of a [`FaultyStorage`]. Without [`OpenFile::as_file`], so that every byte passes through `read_at`.
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
    let source = io::Error::other("a planned fault");
    StorageError { code, context: "a planned fault", source: Some(source) }
}
