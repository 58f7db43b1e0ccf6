//! Snapshots of folders: sorted names, kept between the pages of a listing so that the pages fit together, and between
//! requests so that one of them reads a large folder for all. Limited in bytes, in number and in time: the owner with most
//! loses its least recently used one. A snapshot that was dropped is read again.
//!
//! A snapshot has names and their order only. A first page may come from it only while the folder is in the state in
//! which it was read, according to both the folder's time stamps and the system's change notifications.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use shared::{ETag, Order, VPath};
use tokio::sync::OwnedMutexGuard;

use super::shown::Shown;
use super::sorted_names::SortedNames;
use crate::admission::{Admission, Who, heaviest};
use crate::random::random_bytes;
use crate::server::counted_memory::CountedMemory;
use crate::storage::{LinkScope, StorageError, WatchHandle};

/// Most snapshots: each has a watch of the system.
const SNAPSHOTS_MAX: usize = 256;
/// How long a snapshot may serve first pages. Limits the harm of file systems that neither change a folder's time
/// stamps nor report changes by other machines.
const TRUST_TIME: Duration = Duration::from_secs(30);

/// The names of a folder at one moment.
pub(super) struct Snapshot {
    /// A moment of [`Snapshots::now`], just before the first name was read. Cursors name the snapshot by it.
    pub(super) id: u64,
    pub(super) key: Key,
    pub(super) names: SortedNames,
    /// `None` if nothing shows that the folder still has these names.
    trust: Option<Trust>,
    read: Instant,
    /// The memory of the snapshot, counted once for each owner whose answers hold it while they are sent.
    holders: Mutex<HashMap<Who, Weak<CountedMemory>>>,
}

/// What is listed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    /// The folder's path in the storage.
    pub(super) folder: VPath,
    /// How far its links lead: a link to a folder is a folder only where it may be followed.
    pub(super) links: LinkScope,
    pub(super) shown: Shown,
    pub(super) order: Order,
}

/// What shows that a folder still has the names of a snapshot.
pub(super) struct Trust {
    /// The folder's state when it was read. It was settled, so every later state differs.
    pub(super) state: ETag,
    /// False once the system has reported a change.
    pub(super) unchanged: Arc<AtomicBool>,
    /// Held so that the system reports changes.
    pub(super) _watch: WatchGuard,
}

/// A watch that ends on a blocking thread.
pub(super) struct WatchGuard(pub(super) Option<Box<dyn WatchHandle>>);

impl Drop for WatchGuard {
    fn drop(&mut self) {
        let watch = self.0.take();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(watch))),
            Err(_) => drop(watch),
        }
    }
}

impl Snapshot {
    /// A snapshot that was read just now.
    pub(super) fn new(id: u64, key: Key, names: SortedNames, trust: Option<Trust>) -> Self {
        Self { id, key, names, trust, read: Instant::now(), holders: Mutex::default() }
    }

    /// Whether a folder in this state still has the names.
    pub(super) fn agrees_with(&self, state: Option<ETag>) -> bool {
        self.is_trusted() && self.trust.as_ref().is_some_and(|trust| Some(trust.state) == state)
    }

    /// Whether the folder probably still has the names; its state decides.
    pub(super) fn is_trusted(&self) -> bool {
        let unchanged = |trust: &Trust| trust.unchanged.load(Ordering::Acquire);
        self.read.elapsed() < TRUST_TIME && self.trust.as_ref().is_some_and(unchanged)
    }

    /// Counts the memory of the snapshot for an owner whose answer holds it while it is sent. The cache may drop the
    /// snapshot meanwhile, and does not count it then. `read` is what the reading of the snapshot counted.
    ///
    /// # Errors
    /// As [`CountedMemory::set`].
    pub(super) fn hold(
        &self,
        listed_bytes: &Admission,
        who: Who,
        read: Option<CountedMemory>,
    ) -> Result<Arc<CountedMemory>, StorageError> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = holders.get(&who).and_then(Weak::upgrade) {
            return Ok(held);
        }
        let mut memory = read.unwrap_or_else(|| CountedMemory::new(listed_bytes, who));
        memory.set(self.names.bytes())?;
        let memory = Arc::new(memory);
        holders.retain(|_, held| held.strong_count() > 0);
        holders.insert(who, Arc::downgrade(&memory));
        Ok(memory)
    }

    /// Lets the snapshot serve no further first page.
    pub(super) fn distrust(&self) {
        if let Some(trust) = &self.trust {
            trust.unchanged.store(false, Ordering::Release);
        }
    }
}

/// The kept snapshots, and the requests that are reading folders.
pub(in crate::server) struct Snapshots {
    kept: Mutex<Kept>,
    turns: Mutex<HashMap<Key, Arc<Slot>>>,
    clock: AtomicU64,
    bytes_max: usize,
    time: Duration,
}

/// The latest snapshot of a listing, for the requests that waited for it. The holder of the lock may read the folder.
type Slot = tokio::sync::Mutex<Option<Arc<Snapshot>>>;

/// A request's turn at a listing: no other request reads its folder meanwhile.
pub(super) struct Turn<'a> {
    snapshots: &'a Snapshots,
    key: Key,
    slot: Option<OwnedMutexGuard<Option<Arc<Snapshot>>>>,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    /// The least recently used first.
    queue: VecDeque<Used>,
}

struct Used {
    snapshot: Arc<Snapshot>,
    /// For whom it was read.
    who: Who,
    bytes: usize,
    last: Instant,
}

impl Snapshots {
    /// An empty store for at most `bytes_max`, each snapshot for `time` after its last use.
    pub(in crate::server) fn new(bytes_max: usize, time: Duration) -> Self {
        // Ids begin at random, so that a cursor from before a restart names no present snapshot. If the random
        // generator fails, such a cursor may name a snapshot of the same listing, which is harmless.
        let first = random_bytes().unwrap_or_default();
        let clock = AtomicU64::new(u64::from_le_bytes(first) >> 1);
        Self { kept: Mutex::default(), turns: Mutex::default(), clock, bytes_max, time }
    }

    /// A moment after all that were given before.
    pub(super) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::AcqRel)
    }

    /// Waits until no other request reads the folder for this listing.
    pub(super) async fn turn(&self, key: Key) -> Turn<'_> {
        let slot: Arc<Slot> = Arc::clone(self.turns().entry(key.clone()).or_default());
        let mut turn = Turn { snapshots: self, key, slot: None };
        turn.slot = Some(slot.lock_owned().await);
        turn
    }

    /// Keeps a snapshot that was read for `who`, if it is not too large.
    pub(super) fn keep(&self, snapshot: &Arc<Snapshot>, who: Who) {
        let bytes = snapshot.names.bytes();
        let mut kept = self.kept();
        kept.expire(self.time);
        if bytes <= self.bytes_max {
            // Both loops end with an empty queue at the latest, where a snapshot of this size fits.
            while kept.bytes + bytes > self.bytes_max {
                kept.drop_of_heaviest(|used| used.bytes as u64);
            }
            while kept.queue.len() >= SNAPSHOTS_MAX {
                kept.drop_of_heaviest(|_| 1);
            }
            kept.bytes += bytes;
            kept.queue.push_back(Used { snapshot: Arc::clone(snapshot), who, bytes, last: Instant::now() });
        }
    }

    /// The kept snapshot with this id, if it is one of this listing.
    pub(super) fn find(&self, id: u64, key: &Key) -> Option<Arc<Snapshot>> {
        self.use_kept(|snapshot| snapshot.id == id && snapshot.key == *key)
    }

    /// A kept snapshot that may serve the first page of this listing if the folder's state agrees.
    pub(super) fn trusted(&self, key: &Key) -> Option<Arc<Snapshot>> {
        self.use_kept(|snapshot| snapshot.key == *key && snapshot.is_trusted())
    }

    fn use_kept(&self, matches: impl Fn(&Snapshot) -> bool) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept();
        kept.expire(self.time);
        let at = kept.queue.iter().rposition(|used| matches(&used.snapshot))?;
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
    /// The snapshot that the previous holder of the turn made.
    pub(super) fn latest(&self) -> Option<Arc<Snapshot>> {
        self.slot.as_ref().and_then(|slot| slot.as_ref().map(Arc::clone))
    }

    /// Leaves a snapshot to the next holder of the turn.
    pub(super) fn hand_on(&mut self, snapshot: &Arc<Snapshot>) {
        if let Some(slot) = &mut self.slot {
            **slot = Some(Arc::clone(snapshot));
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.slot = None;
        let mut turns = self.snapshots.turns();
        // One reference, the map's own: no request waits, and none can begin to while the map is locked.
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

    /// Drops the least recently used snapshot of the owner whose snapshots weigh most.
    fn drop_of_heaviest(&mut self, weight: impl Fn(&Used) -> u64) {
        let whose = heaviest(self.queue.iter().map(|used| (used.who, weight(used))));
        let at = self.queue.iter().position(|used| Some(used.who) == whose);
        if let Some(used) = at.and_then(|at| self.queue.remove(at)) {
            self.bytes -= used.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::list::names::Names;

    #[test]
    fn the_owner_with_most_snapshots_loses_one() {
        let snapshots = Snapshots::new(1 << 20, Duration::from_secs(60));
        let keep = |id, who| {
            let (links, order) = (LinkScope::below(VPath::root()), Order::default());
            let key = Key { folder: VPath::root(), links, shown: Shown::All, order };
            let snapshot = Snapshot::new(id, key.clone(), SortedNames::by_name(Names::default(), order), None);
            snapshots.keep(&Arc::new(snapshot), Who::client(who));
            key
        };
        let key = keep(0, "quiet");
        for id in 1..=2 * SNAPSHOTS_MAX as u64 {
            keep(id, "busy");
        }
        let found = |id| snapshots.find(id, &key).is_some();
        assert!(found(0) && found(2 * SNAPSHOTS_MAX as u64) && !found(1));
    }
}
