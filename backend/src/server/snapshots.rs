//! Sorted folders, kept between the pages of a listing so that the pages fit together and a folder is read once.
//! Bounded in bytes and in time; what is gone is made again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use shared::order::Position;
use shared::{ETag, Entry, Order, VPath};

/// A folder, read and sorted at one moment.
pub(super) struct Snapshot {
    /// What a cursor calls it.
    pub id: u64,
    /// The folder's path in the storage.
    pub folder: VPath,
    /// How it is sorted.
    pub order: Order,
    /// Its entries, with paths in the storage.
    pub entries: Vec<Entry>,
    /// Changes whenever the listing does.
    pub etag: ETag,
}

impl Snapshot {
    /// Sorts a folder's entries.
    pub(super) fn new(folder: VPath, order: Order, entries: Vec<Entry>) -> Self {
        let mut placed: Vec<_> = entries.into_iter().map(|entry| (Position::of(&entry), entry)).collect();
        placed.sort_unstable_by(|(left, _), (right, _)| left.compare(right, order));
        let entries: Vec<_> = placed.into_iter().map(|(_, entry)| entry).collect();
        let etag = listing_etag(&entries);
        Self { id: 0, folder, order, entries, etag }
    }

    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        let paths: usize = self.entries.iter().map(|entry| entry.path.as_bytes().len()).sum();
        self.entries.capacity() * size_of::<Entry>() + paths
    }
}

/// In this order: the same entries sorted otherwise are another representation.
fn listing_etag(entries: &[Entry]) -> ETag {
    let mut hash = Sha256::new_with_prefix(b"listing-1");
    for entry in entries {
        let name = entry.path.name();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update(entry.etag.map_or([0; 16], |etag| etag.0));
        hash.update([entry.kind as u8, entry.link.as_ref().map_or(0, |link| 1 + link.word().len() as u8)]);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut etag = [0; 16];
    etag.copy_from_slice(&digest[..16]);
    ETag(etag)
}

/// The snapshots that are kept.
pub(super) struct Snapshots {
    kept: Mutex<Kept>,
    bytes_max: usize,
    time: Duration,
}

struct Kept {
    next_id: u64,
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
    pub(super) fn new(bytes_max: usize, time: Duration) -> Self {
        // A cursor from before a restart must not name a snapshot of now. Without randomness it falls back to its key,
        // since folder and order are compared as well.
        let mut first = [0; 8];
        let _ = getrandom::fill(&mut first);
        let next_id = u64::from_le_bytes(first) >> 1;
        Self { kept: Mutex::new(Kept { next_id, bytes: 0, queue: VecDeque::new() }), bytes_max, time }
    }

    /// Keeps a snapshot, if it is not too large, and gives it its name.
    pub(super) fn keep(&self, mut snapshot: Snapshot) -> Arc<Snapshot> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        snapshot.id = kept.next_id;
        kept.next_id += 1;
        let bytes = snapshot.bytes();
        let snapshot = Arc::new(snapshot);
        kept.expire(self.time);
        if bytes <= self.bytes_max {
            // The queue runs empty before this could go wrong: then nothing is kept, and this one fits.
            while kept.bytes + bytes > self.bytes_max {
                kept.drop_oldest();
            }
            kept.bytes += bytes;
            kept.queue.push_back(Used { snapshot: Arc::clone(&snapshot), bytes, last: Instant::now() });
        }
        snapshot
    }

    /// The snapshot of that name, if it is still there and of that folder in that order.
    pub(super) fn find(&self, id: u64, folder: &VPath, order: Order) -> Option<Arc<Snapshot>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.expire(self.time);
        let at = kept.queue.iter().position(|used| used.snapshot.id == id)?;
        let used = kept.queue.remove(at)?;
        let snapshot = Arc::clone(&used.snapshot);
        kept.queue.push_back(Used { last: Instant::now(), ..used });
        (snapshot.folder == *folder && snapshot.order == order).then_some(snapshot)
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
