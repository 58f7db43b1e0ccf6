//! Files that are read as a whole for their digests: few at a time and in turns, each once for all requests that want it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use shared::wire::Failure;
use shared::{Algorithm, Digests, ETag, ErrorCode};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::clock;
use super::digests::hash_range::hash_range;
use super::digests::hasher::Hashers;
use super::entries::check_cancelled;
use super::error::RequestError;
use super::records::digest_cache::DigestCache;
use super::turns::{Turn, TurnLength, Worked, run_in_turns};
use crate::admission::{Admission, Permit};
use crate::storage::{OpenFile, is_settled};

/// The files that are being read.
pub(super) struct Readings {
    cache: Arc<DigestCache>,
    /// Places for them.
    pub(super) places: Admission,
    /// How long a reading keeps its place while others wait.
    turn: TurnLength,
    /// By validator: the readings of one file differ in their digests. A reading without references is being cancelled.
    running: Mutex<HashMap<ETag, Vec<Weak<Reading>>>>,
}

/// One file that is being read. It is read on as long as a request keeps a reference.
pub(super) struct Reading {
    algorithms: Vec<Algorithm>,
    progress: watch::Receiver<Progress>,
    _cancel_on_drop: DropGuard,
}

/// How far a reading is.
#[derive(Clone, Debug)]
enum Progress {
    Bytes(u64),
    Ended(Result<Digests, Failure>),
}

impl Readings {
    pub(super) fn new(cache: Arc<DigestCache>, places: Admission, turn: TurnLength) -> Self {
        Self { cache, places, turn, running: Mutex::default() }
    }

    /// The reading of a file with this validator that computes all of these digests, if there is one.
    pub(super) fn find(&self, etag: ETag, algorithms: &[Algorithm]) -> Option<Arc<Reading>> {
        covering(self.running().get(&etag)?, algorithms)
    }

    /// Reads a file, or gives the reading that has begun meanwhile and computes all of these digests.
    pub(super) fn start(
        self: &Arc<Self>,
        file: Box<dyn OpenFile>,
        algorithms: Vec<Algorithm>,
        place: Permit,
    ) -> Arc<Reading> {
        let (progress, receiver) = watch::channel(Progress::Bytes(0));
        let cancelled = CancellationToken::new();
        let reading = Arc::new(Reading {
            algorithms: algorithms.clone(),
            progress: receiver,
            _cancel_on_drop: cancelled.clone().drop_guard(),
        });
        let etag = file.entry().etag;
        if let Some(etag) = etag {
            let mut running = self.running();
            let of_file = running.entry(etag).or_default();
            if let Some(known) = covering(of_file, &algorithms) {
                return known;
            }
            of_file.push(Arc::downgrade(&reading));
        }
        let progress = Arc::new(progress);
        let hashing = Hashing {
            file,
            hashers: Hashers::new(&algorithms),
            at: 0,
            cache: Arc::clone(&self.cache),
            progress: Arc::clone(&progress),
            cancelled: cancelled.clone(),
        };
        let (readings, this) = (Arc::clone(self), Arc::downgrade(&reading));
        tokio::spawn(async move {
            let read = run_in_turns(readings.turn, Some(place), cancelled, hashing, Hashing::go_on);
            let ended = read.await.map_err(failure);
            // A request that comes after the end finds the digests in the cache.
            etag.into_iter().for_each(|etag| readings.forget(etag, &this));
            progress.send_replace(Progress::Ended(ended));
        });
        reading
    }

    /// Forgets a reading that has ended.
    fn forget(&self, etag: ETag, ended: &Weak<Reading>) {
        let mut running = self.running();
        if let Some(of_file) = running.get_mut(&etag) {
            of_file.retain(|known| !Weak::ptr_eq(known, ended));
            if of_file.is_empty() {
                running.remove(&etag);
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<ETag, Vec<Weak<Reading>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading that computes all of these digests and that a request still waits for.
fn covering(readings: &[Weak<Reading>], algorithms: &[Algorithm]) -> Option<Arc<Reading>> {
    readings.iter().filter_map(Weak::upgrade).find(|reading| reading.covers(algorithms))
}

impl Reading {
    /// Whether it computes all of these digests.
    fn covers(&self, algorithms: &[Algorithm]) -> bool {
        algorithms.iter().all(|algorithm| self.algorithms.contains(algorithm))
    }

    /// How many bytes are read.
    pub(super) fn bytes(&self) -> u64 {
        match *self.progress.borrow() {
            Progress::Bytes(bytes) => bytes,
            Progress::Ended(_) => 0,
        }
    }

    /// The digests, once the file is read.
    ///
    /// # Errors
    /// [`ErrorCode::Changed`] if the file changed meanwhile; as [`OpenFile::read_at`].
    pub(super) async fn ended(&self) -> Result<Digests, RequestError> {
        let mut progress = self.progress.clone();
        let ended = progress.wait_for(|progress| matches!(progress, Progress::Ended(_))).await;
        match ended.as_deref() {
            Ok(Progress::Ended(ended)) => Ok(ended.clone()?),
            // The runtime has dropped the task.
            _ => Err(ErrorCode::Internal.into()),
        }
    }
}

/// A file, and the digests of its bytes so far.
struct Hashing {
    file: Box<dyn OpenFile>,
    hashers: Hashers,
    at: u64,
    cache: Arc<DigestCache>,
    progress: Arc<watch::Sender<Progress>>,
    cancelled: CancellationToken,
}

impl Hashing {
    /// Reads on until the turn is over.
    fn go_on(mut self, mut turn: Turn) -> Result<Worked<Self, Digests>, RequestError> {
        let Self { file, hashers, at: end, progress, cancelled, .. } = &mut self;
        let length = file.entry().size;
        let read = |buffer: &mut [u8], at| file.read_at(buffer, at);
        let goes_on = |at, bytes| {
            progress.send_replace(Progress::Bytes(at));
            check_cancelled(cancelled)?;
            Ok(!turn.is_over_after(bytes, Instant::now()))
        };
        *end = hash_range(*end, length, read, |bytes| hashers.update(bytes), goes_on)?;
        if *end < length { Ok(Worked::Unfinished(self)) } else { self.finish().map(Worked::Done) }
    }

    /// The digests of the whole file, which are kept.
    fn finish(self) -> Result<Digests, RequestError> {
        let Self { file, hashers, cache, .. } = self;
        if file.entry().etag != Some(file.etag_now()?) {
            return Err(Failure::new(ErrorCode::Changed, "the file changed while it was read").into());
        }
        let digests = hashers.finish();
        // Of a file that is not settled nothing is kept: its next change may leave the validator as it is.
        let settled = is_settled(file.entry().modified, clock::now());
        if let Some(etag) = file.entry().etag.filter(|_| settled) {
            cache.keep(etag, &digests);
        }
        Ok(digests)
    }
}

fn failure(error: RequestError) -> Failure {
    match error {
        RequestError::Failed(failure) => failure,
        RequestError::Connection(error) => Failure::new(error.code(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::{Entry, VPath};
    use tokio::time::timeout;

    use super::*;
    use crate::admission::{Bounds, Who};
    use crate::storage::memory::MemoryStorage;
    use crate::storage::{Storage, StorageError};

    fn readings(places: u64) -> Arc<Readings> {
        let bounds = Bounds { all: places, one: places, waiting_one: 0, waiting_all: 0 };
        let turn = TurnLength { bytes: 4096, time: Duration::MAX };
        Arc::new(Readings::new(Arc::new(DigestCache::new(None)), Admission::new(bounds), turn))
    }

    /// Each request looked for a reading before the other began its own.
    #[tokio::test]
    async fn requests_for_other_digests_of_one_file_begin_readings_of_their_own() {
        let readings = readings(8);
        let storage = MemoryStorage::new();
        storage.add_file("file", "content").unwrap();
        let start = |algorithms: &[Algorithm]| {
            let file = storage.open(&VPath::parse("file").unwrap()).unwrap();
            readings.start(file, algorithms.into(), readings.places.try_take(Who::one(), 1).unwrap())
        };
        let both = start(&[Algorithm::Crc32, Algorithm::Sha256]);
        let other = start(&[Algorithm::Sha1]);
        assert!(Arc::ptr_eq(&both, &start(&[Algorithm::Sha256])));
        assert!(other.ended().await.unwrap().get(Algorithm::Sha1).is_some());
        assert!(both.ended().await.unwrap().get(Algorithm::Sha256).is_some());
        assert!(readings.running().is_empty());
    }

    /// A file that takes for ever to read.
    struct Endless {
        inner: Box<dyn OpenFile>,
        entry: Entry,
    }

    impl OpenFile for Endless {
        fn entry(&self) -> &Entry {
            &self.entry
        }

        fn read_at(&self, buffer: &mut [u8], _offset: u64) -> Result<usize, StorageError> {
            // Small steps: in a test without optimisation, hashing is slow.
            Ok(buffer.len().min(512))
        }

        fn etag_now(&self) -> Result<ETag, StorageError> {
            self.inner.etag_now()
        }

        fn size_now(&self) -> Result<u64, StorageError> {
            Ok(self.entry.size)
        }

        fn identity(&self) -> u128 {
            self.inner.identity()
        }
    }

    #[tokio::test]
    async fn a_long_reading_lets_others_go_first() {
        let readings = readings(1);
        let storage = MemoryStorage::new();
        storage.add_file("file", "content").unwrap();
        let inner = storage.open(&VPath::parse("file").unwrap()).unwrap();
        let entry = Entry { size: 1 << 40, ..inner.entry().clone() };
        let file = Endless { inner, entry };
        let place = readings.places.try_take(Who::client("192.0.2.1"), 1).unwrap();
        let reading = readings.start(Box::new(file), vec![Algorithm::Crc32], place);
        let other = readings.places.take_accepted(Who::client("192.0.2.2"), 1);
        drop(timeout(Duration::from_secs(30), other).await.unwrap());
        drop(reading);
    }
}
