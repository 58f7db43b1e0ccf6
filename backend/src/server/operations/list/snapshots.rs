//! Sorted folders, kept between the pages of a listing so that the pages fit together, and between requests so that a
//! large folder is read once for all who ask. Bounded in bytes, in number and in time; what is gone is made again.
//!
//! A snapshot has names and their order, and nothing else: what is shown of a name is looked at when it is shown. A
//! first page may come from it only while the folder is in the state in which it was read, by its own word and by that
//! of the system's notices.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::{ETag, Order, VPath};
use tokio::sync::OwnedMutexGuard;

use super::sorted_names::Sorted;
use crate::random::random_bytes;
use crate::storage::WatchHandle;

/// Most snapshots that are kept: a watch of the system goes with each.
const SNAPSHOTS_MAX: usize = 256;
/// How long after it was read a snapshot may serve first pages. Bounds what a file system can hide that neither marks
/// its folders nor tells of changes on other machines.
const TRUST_TIME: Duration = Duration::from_secs(30);

/// A folder's names, read at one moment.
pub(in crate::server) struct Snapshot {
    /// What a cursor calls it: a moment on [`Snapshots::now`]'s count, just before the first name was read.
    pub id: u64,
    /// Which folder, and how it is sorted.
    pub key: Key,
    /// Its names.
    pub sorted: Sorted,
    /// None where nothing shows that the folder still has these names.
    pub trust: Option<Trust>,
    read: Instant,
}

/// Which listing.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::server) struct Key {
    /// The folder's path in the storage.
    pub folder: VPath,
    /// How it is sorted.
    pub order: Order,
}

/// What shows that a folder still has the names that it had.
pub(in crate::server) struct Trust {
    /// The folder's state then, which was old enough to be told from every later one.
    pub state: ETag,
    /// False once the system told that something happened.
    pub quiet: Arc<AtomicBool>,
    /// Held so that the system tells.
    pub _watching: Held,
}

/// A watch, which is ended where that may block.
pub(in crate::server) struct Held(pub Option<Box<dyn WatchHandle>>);

impl Drop for Held {
    fn drop(&mut self) {
        let watching = self.0.take();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(watching))),
            Err(_) => drop(watching),
        }
    }
}

impl Snapshot {
    /// Of names that were read.
    pub(in crate::server) fn new(id: u64, key: Key, sorted: Sorted, trust: Option<Trust>) -> Self {
        Self { id, key, sorted, trust, read: Instant::now() }
    }

    /// Whether the folder, in that state by its own word, still has these names.
    pub(in crate::server) fn agrees_with(&self, state: Option<ETag>) -> bool {
        self.is_trusted() && self.trust.as_ref().is_some_and(|trust| Some(trust.state) == state)
    }

    /// Whether nothing speaks against it but what the folder may say itself.
    pub(in crate::server) fn is_trusted(&self) -> bool {
        self.read.elapsed() < TRUST_TIME && self.trust.as_ref().is_some_and(|trust| trust.quiet.load(Ordering::Acquire))
    }

    /// From now on for further pages only.
    pub(in crate::server) fn distrust(&self) {
        if let Some(trust) = &self.trust {
            trust.quiet.store(false, Ordering::Release);
        }
    }
}

/// The snapshots that are kept, and who is at reading a folder.
pub(in crate::server) struct Snapshots {
    kept: Mutex<Kept>,
    turns: Mutex<HashMap<Key, Arc<Slot>>>,
    clock: AtomicU64,
    bytes_max: usize,
    time: Duration,
}

/// The latest snapshot, for who waited while it was made; whoever has the lock may read the folder.
type Slot = tokio::sync::Mutex<Option<Arc<Snapshot>>>;

/// One request's turn at a folder: nobody else reads it for the same listing meanwhile.
pub(in crate::server) struct Turn<'a> {
    snapshots: &'a Snapshots,
    key: Key,
    slot: Option<OwnedMutexGuard<Option<Arc<Snapshot>>>>,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    /// Least recently used first.
    queue: VecDeque<Used>,
}

struct Used {
    snapshot: Arc<Snapshot>,
    bytes: usize,
    last: Instant,
}

impl Snapshots {
    /// An empty store that keeps at most `bytes_max`, each for `time` after its last use.
    pub(in crate::server) fn new(bytes_max: usize, time: Duration) -> Self {
        // A cursor from before a restart must not name a snapshot of now. Without randomness it does so only for the same
        // listing.
        let first = random_bytes().unwrap_or_default();
        let clock = AtomicU64::new(u64::from_le_bytes(first) >> 1);
        Self { kept: Mutex::default(), turns: Mutex::default(), clock, bytes_max, time }
    }

    /// A moment, later than all that were told before.
    pub(in crate::server) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::AcqRel)
    }

    /// Waits until nobody else reads that listing's folder.
    pub(in crate::server) async fn turn(&self, key: Key) -> Turn<'_> {
        let slot: Arc<Slot> = Arc::clone(self.turns().entry(key.clone()).or_default());
        let mut turn = Turn { snapshots: self, key, slot: None };
        turn.slot = Some(slot.lock_owned().await);
        turn
    }

    /// Keeps a snapshot, if it is not too large.
    pub(in crate::server) fn keep(&self, snapshot: &Arc<Snapshot>) {
        let bytes = snapshot.sorted.bytes();
        let mut kept = self.kept();
        kept.expire(self.time);
        if bytes <= self.bytes_max {
            // The queue runs empty before this could go wrong: then nothing is kept, and this one fits.
            while kept.bytes + bytes > self.bytes_max || kept.queue.len() >= SNAPSHOTS_MAX {
                kept.drop_oldest();
            }
            kept.bytes += bytes;
            kept.queue.push_back(Used { snapshot: Arc::clone(snapshot), bytes, last: Instant::now() });
        }
    }

    /// The snapshot of that name, if it is still there and of that listing.
    pub(in crate::server) fn find(&self, id: u64, key: &Key) -> Option<Arc<Snapshot>> {
        self.use_kept(|snapshot| snapshot.id == id && snapshot.key == *key)
    }

    /// A snapshot that may serve that listing's first page, if the folder is in the same state.
    pub(in crate::server) fn trusted(&self, key: &Key) -> Option<Arc<Snapshot>> {
        self.use_kept(|snapshot| snapshot.key == *key && snapshot.is_trusted())
    }

    fn use_kept(&self, is_it: impl Fn(&Snapshot) -> bool) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept();
        kept.expire(self.time);
        let at = kept.queue.iter().rposition(|used| is_it(&used.snapshot))?;
        let used = kept.queue.remove(at)?;
        let snapshot = Arc::clone(&used.snapshot);
        kept.queue.push_back(Used { last: Instant::now(), ..used });
        Some(snapshot)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Key, Arc<Slot>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// What the one before made.
    pub(in crate::server) fn latest(&self) -> Option<Arc<Snapshot>> {
        self.slot.as_ref().and_then(|slot| slot.as_ref().map(Arc::clone))
    }

    /// For those who wait.
    pub(in crate::server) fn hand_on(&mut self, snapshot: &Arc<Snapshot>) {
        if let Some(slot) = &mut self.slot {
            **slot = Some(Arc::clone(snapshot));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.slot = None;
        let mut turns = self.snapshots.turns();
        // The map's share alone: nobody waits, and nobody can begin to without the map.
        if turns.get(&self.key).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            turns.remove(&self.key);
        }
    }
}

impl Kept {
    fn expire(&mut self, time: Duration) {
        while self.queue.front().is_some_and(|used| used.last.elapsed() > time) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(used) = self.queue.pop_front() {
            self.bytes -= used.bytes;
        }
    }
}
