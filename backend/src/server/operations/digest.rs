//! DIGEST: what a file's content comes to. What was found out once is kept by the file's validator, which changes when
//! the content does; of a file that changed a moment ago nothing is kept, for its next change may not be seen in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::limits::{DIGEST_KEPT, DIGESTS_MAX, PIECE_BYTES};
use shared::wire::{Digest, DigestsKnown, Failure, FrameKind};
use shared::{Algorithm, Checksum, Digests, ETag, Entry, ErrorCode, Rights};
use tokio::sync::watch;

use super::send::Sink;
use crate::server::authority::authorise;
use crate::server::blocking::attempt;
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::digests::hasher::Sums;
use crate::server::records::database::Database;
use crate::server::state::Server;
use crate::storage::{OpenFile, StorageError, is_settled};

/// Of how many files digests wait for being written down together: what is sorted among many touches few pages.
const WAITING_MAX: usize = 4096;
/// What is read at a time, in bytes.
const STEP_BYTES: usize = 4 * PIECE_BYTES;
/// How often the client hears how far it is.
const NEWS_TIME: Duration = Duration::from_millis(500);

/// Digests that are known.
pub(in crate::server) struct DigestCache {
    records: Option<Arc<Database>>,
    /// Not written down yet, by validator: to lose them is to make them again.
    waiting: Mutex<BTreeMap<[u8; 16], Vec<Checksum>>>,
}

impl DigestCache {
    /// Those that are written down.
    pub(in crate::server) fn new(records: Option<Arc<Database>>) -> Self {
        Self { records, waiting: Mutex::default() }
    }

    /// Keeps what is known of the content behind a validator. Blocks now and then.
    pub(in crate::server) fn keep(&self, etag: ETag, digests: &Digests) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(etag.0).or_default().extend(digests.known.iter().cloned());
        let full = waiting.len() >= WAITING_MAX;
        drop(waiting);
        if full {
            self.flush();
        }
    }

    /// Writes down what waits. Blocks.
    pub(in crate::server) fn flush(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(records) = self.records.as_ref().filter(|_| !waiting.is_empty()) else { return };
        if let Err(error) = records.keep_digests(waiting, clock::now()) {
            tracing::warn!(%error, "digests could not be kept");
        }
    }

    /// Forgets what is old. Blocks.
    pub(in crate::server) fn sweep(&self) -> Result<(), StorageError> {
        self.flush();
        let Some(records) = &self.records else { return Ok(()) };
        records.forget_digests(clock::before(clock::now(), DIGEST_KEPT), DIGESTS_MAX)
    }

    /// What is known of the content behind a validator. Blocks.
    fn find(&self, etag: ETag) -> Result<Digests, StorageError> {
        let mut known = match &self.records {
            Some(records) => records.digests(etag)?,
            None => Vec::new(),
        };
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(waiting.get(&etag.0).into_iter().flatten().cloned());
        Ok(Digests { known })
    }
}

/// DIGESTS…, END.
pub(in crate::server) async fn digest<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Digest,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let path = authorise(&request.caller, peer, Rights::READ, &request.path)?;
    let (storage, cache) = (Arc::clone(&server.storage), Arc::clone(&server.digests));
    let opened = attempt(move || {
        let file = storage.open(&path)?;
        let known = file.entry().etag.map(|etag| cache.find(etag)).transpose()?.unwrap_or_default();
        Ok((file, known))
    });
    let (file, known) = answer.during(opened).await?;
    let mut entry = file.entry().clone();
    entry.path = request.path;
    let wanted = |algorithm: &Algorithm| known.get(*algorithm).is_none();
    let missing: Vec<_> = request.algorithms.iter().copied().filter(wanted).collect();
    if missing.is_empty() || request.known_only {
        let known = known.known.into_iter().filter(|sum| request.algorithms.contains(&sum.algorithm));
        let digests = Digests { known: known.collect() };
        return answer.send(FrameKind::Digests, &DigestsKnown { bytes: entry.size, entry, digests }).await;
    }
    let mut digests = read(server, answer, file, &entry, missing).await?;
    let before = known.known.into_iter().filter(|sum| request.algorithms.contains(&sum.algorithm));
    digests.known.extend(before);
    answer.send(FrameKind::Digests, &DigestsKnown { bytes: entry.size, entry, digests }).await
}

/// Reads the whole file on a blocking thread, and tells the client how far it is.
async fn read<W: Sink>(
    server: &Server,
    answer: &mut Answer<'_, W>,
    file: Box<dyn OpenFile>,
    entry: &Entry,
    algorithms: Vec<Algorithm>,
) -> Result<Digests, Stop> {
    let (progress, mut news) = watch::channel(0);
    let (cancelled, cache) = (answer.cancelled().clone(), Arc::clone(&server.digests));
    let work = attempt(move || {
        let mut sums = Sums::new(&algorithms);
        let size = file.entry().size;
        digest_of(&mut sums, size, |buffer, at| file.read_at(buffer, at), &mut |bytes| {
            progress.send_replace(bytes);
            if cancelled.is_cancelled() { Err(ErrorCode::Canceled.into()) } else { Ok(()) }
        })?;
        if file.entry().etag != Some(file.etag_now()?) {
            return Err(Failure::new(ErrorCode::Changed, "the file changed while it was read").into());
        }
        let digests = sums.finish();
        if let Some(etag) = file.entry().etag.filter(|_| is_settled(file.entry().modified, clock::now())) {
            cache.keep(etag, &digests);
        }
        Ok(digests)
    });
    tokio::pin!(work);
    loop {
        let step = async {
            tokio::select! {
                biased;
                done = &mut work => done.map(Some),
                () = tokio::time::sleep(NEWS_TIME) => Ok(None),
            }
        };
        if let Some(digests) = answer.during(step).await? {
            return Ok(digests);
        }
        let bytes = *news.borrow_and_update();
        let so_far = DigestsKnown { entry: entry.clone(), bytes, digests: Digests::default() };
        answer.send(FrameKind::Digests, &so_far).await?;
        answer.flush().await?;
    }
}

/// Takes in `length` bytes that `read` reads; `told` hears how far it is, and may stop it.
///
/// # Errors
/// [`ErrorCode::Changed`] where there are fewer.
pub(in crate::server) fn digest_of(
    sums: &mut Sums,
    length: u64,
    read: impl Fn(&mut [u8], u64) -> Result<usize, StorageError>,
    told: &mut dyn FnMut(u64) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut buffer = vec![0; usize::try_from(length).unwrap_or(STEP_BYTES).min(STEP_BYTES)];
    let mut at = 0;
    while at < length {
        told(at)?;
        let wanted = usize::try_from(length - at).unwrap_or(STEP_BYTES).min(STEP_BYTES);
        match read(&mut buffer[..wanted], at)? {
            0 => return Err(Failure::new(ErrorCode::Changed, "the file became shorter while it was read").into()),
            bytes => {
                sums.update(&buffer[..bytes]);
                at += bytes as u64;
            }
        }
    }
    Ok(())
}
