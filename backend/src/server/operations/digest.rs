//! DIGEST: the digests of a file's content.

use std::sync::Arc;
use std::time::Duration;

use shared::wire::{Digest, DigestsKnown, Failure, FrameKind};
use shared::{Algorithm, Digests, Entry, ErrorCode, Rights};
use tokio::sync::watch;

use crate::server::authority::{authorise, seen_by};
use crate::server::blocking::blocking;
use crate::server::clock;
use crate::server::digests::hash_range::hash_range;
use crate::server::digests::hasher::Hashers;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::records::digest_cache::DigestCache;
use crate::storage::{OpenFile, Storage, is_settled};

/// Time between two reports of progress.
const REPORT_TIME: Duration = Duration::from_millis(500);

/// Answers DIGESTS…: the progress while the file is read, then the digests.
pub(in crate::server) async fn digest<W: Sink>(
    storage: &Arc<dyn Storage>,
    cache: &Arc<DigestCache>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Digest,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let storage = &seen_by(&request.caller, storage)?;
    let path = authorise(&request.caller, peer, Rights::READ, &request.path)?;
    let (opening, finding) = (Arc::clone(storage), Arc::clone(cache));
    let opened = blocking(move || {
        let file = opening.open(&path)?;
        let known = file.entry().etag.map(|etag| finding.find(etag)).transpose()?.unwrap_or_default();
        Ok((file, known))
    });
    let (file, known) = response.until_cancelled(opened).await?;
    let entry = Entry { path: request.path, ..file.entry().clone() };
    let is_missing = |algorithm: &Algorithm| known.get(*algorithm).is_none();
    let missing: Vec<_> = request.algorithms.iter().copied().filter(is_missing).collect();
    let mut digests = if missing.is_empty() || request.known_only {
        Digests::default()
    } else {
        compute(cache, response, file, &entry, missing).await?
    };
    digests.known.extend(known.known.into_iter().filter(|sum| request.algorithms.contains(&sum.algorithm)));
    response.send(FrameKind::Digests, &DigestsKnown { bytes: entry.size, entry, digests }).await
}

/// Reads the whole file on a blocking thread, and reports its progress.
async fn compute<W: Sink>(
    cache: &Arc<DigestCache>,
    response: &mut ResponseWriter<'_, W>,
    file: Box<dyn OpenFile>,
    entry: &Entry,
    algorithms: Vec<Algorithm>,
) -> Result<Digests, RequestError> {
    let (progress, mut bytes_so_far) = watch::channel(0);
    let (cancelled, cache) = (response.cancelled().clone(), Arc::clone(cache));
    let work = blocking(move || {
        let digests = hash_file(&*file, &algorithms, |bytes| {
            progress.send_replace(bytes);
            if cancelled.is_cancelled() { Err(ErrorCode::Canceled.into()) } else { Ok(()) }
        })?;
        // Of a file that is not settled nothing is kept: its next change may leave the validator as it is.
        let settled = is_settled(file.entry().modified, clock::now());
        if let Some(etag) = file.entry().etag.filter(|_| settled) {
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
                () = tokio::time::sleep(REPORT_TIME) => Ok(None),
            }
        };
        if let Some(digests) = response.until_cancelled(step).await? {
            return Ok(digests);
        }
        let bytes = *bytes_so_far.borrow_and_update();
        let report = DigestsKnown { entry: entry.clone(), bytes, digests: Digests::default() };
        response.send(FrameKind::Digests, &report).await?;
        response.flush().await?;
    }
}

fn hash_file(
    file: &dyn OpenFile,
    algorithms: &[Algorithm],
    progress: impl FnMut(u64) -> Result<(), RequestError>,
) -> Result<Digests, RequestError> {
    let mut hashers = Hashers::new(algorithms);
    let read = |buffer: &mut [u8], at| file.read_at(buffer, at);
    hash_range(file.entry().size, read, |bytes| hashers.update(bytes), progress)?;
    if file.entry().etag != Some(file.etag_now()?) {
        return Err(Failure::new(ErrorCode::Changed, "the file changed while it was read").into());
    }
    Ok(hashers.finish())
}
