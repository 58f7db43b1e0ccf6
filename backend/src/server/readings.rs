//! Files that are read as a whole for their digests: few at a time, each once for all requests that want it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use shared::wire::Failure;
use shared::{Algorithm, Digests, ETag, ErrorCode};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::blocking::blocking;
use super::clock;
use super::digests::hash_range::hash_range;
use super::digests::hasher::Hashers;
use super::error::RequestError;
use super::records::digest_cache::DigestCache;
use crate::admission::{Admission, Permit};
use crate::storage::{OpenFile, is_settled};

/// The files that are being read.
pub(super) struct Readings {
    cache: Arc<DigestCache>,
    /// Places for them.
    pub(super) places: Admission,
    /// By validator: those of one file differ in their digests. Without references left, a reading is being cancelled.
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
    pub(super) fn new(cache: Arc<DigestCache>, places: Admission) -> Self {
        Self { cache, places, running: Mutex::default() }
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
        let (readings, cache, this) = (Arc::clone(self), Arc::clone(&self.cache), Arc::downgrade(&reading));
        tokio::spawn(async move {
            let progress = Arc::new(progress);
            let reported = Arc::clone(&progress);
            let read = blocking(move || {
                let _place = place;
                read(&*file, &algorithms, &cache, |bytes| {
                    reported.send_replace(Progress::Bytes(bytes));
                    if cancelled.is_cancelled() { Err(ErrorCode::Canceled.into()) } else { Ok(()) }
                })
            });
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

/// Reads a file to its end. `progress` gets the number of bytes so far, and may stop the reading.
fn read(
    file: &dyn OpenFile,
    algorithms: &[Algorithm],
    cache: &DigestCache,
    progress: impl FnMut(u64) -> Result<(), RequestError>,
) -> Result<Digests, RequestError> {
    let mut hashers = Hashers::new(algorithms);
    let read = |buffer: &mut [u8], at| file.read_at(buffer, at);
    hash_range(file.entry().size, read, |bytes| hashers.update(bytes), progress)?;
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

fn failure(error: RequestError) -> Failure {
    match error {
        RequestError::Failed(failure) => failure,
        RequestError::Connection(error) => Failure::new(error.code(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::{Bounds, Who};
    use crate::storage::Storage;
    use crate::storage::memory::MemoryStorage;

    /// Each request looked for a reading before the other began its own.
    #[tokio::test]
    async fn requests_for_other_digests_of_one_file_begin_readings_of_their_own() {
        let bounds = Bounds { all: 8, one: 8, waiting_one: 0, waiting_all: 0 };
        let readings = Arc::new(Readings::new(Arc::new(DigestCache::new(None)), Admission::new(bounds)));
        let storage = MemoryStorage::new();
        storage.add_file("file", "content").unwrap();
        let start = |algorithms: &[Algorithm]| {
            let file = storage.open(&shared::VPath::parse("file").unwrap()).unwrap();
            readings.start(file, algorithms.into(), readings.places.try_take(Who::one(), 1).unwrap())
        };
        let both = start(&[Algorithm::Crc32, Algorithm::Sha256]);
        let other = start(&[Algorithm::Sha1]);
        assert!(Arc::ptr_eq(&both, &start(&[Algorithm::Sha256])));
        assert!(other.ended().await.unwrap().get(Algorithm::Sha1).is_some());
        assert!(both.ended().await.unwrap().get(Algorithm::Sha256).is_some());
        assert!(readings.running().is_empty());
    }
}
