//! DIGEST: the digests of a file's content.

use std::sync::Arc;
use std::time::Duration;

use shared::wire::{Digest, DigestsKnown, FrameKind};
use shared::{Algorithm, Digests, Entry, Rights};

use crate::admission::Who;
use crate::server::authority::{authorise, seen_by, share_of};
use crate::server::blocking::blocking;
use crate::server::error::RequestError;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::peer::Peer;
use crate::server::readings::Readings;
use crate::server::records::digest_cache::DigestCache;
use crate::storage::{OpenFile, Storage};

/// Time between two reports of progress.
const REPORT_TIME: Duration = Duration::from_millis(500);

/// Answers DIGESTS…: the progress while the file is read, then the digests.
pub(in crate::server) async fn digest<W: Sink>(
    storage: &Arc<dyn Storage>,
    cache: &Arc<DigestCache>,
    readings: &Arc<Readings>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Digest,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let storage = &seen_by(&request.caller.scope, Rights::READ, storage);
    let who = share_of(&request.caller, peer)?;
    let path = authorise(&request.caller, Rights::READ, &request.path)?;
    let (opening, finding) = (Arc::clone(storage), Arc::clone(cache));
    let opened = blocking(move || {
        let file = opening.open(&path)?;
        let known = file.entry().etag.map(|etag| finding.find(etag)).transpose()?.unwrap_or_default();
        Ok((file, known))
    });
    let (file, known) = response.until_cancelled(opened).await?;
    let entry = Entry { path: request.path, ..file.entry().clone() };
    let missing = missing_in(&known, &request.algorithms);
    let mut digests = if missing.is_empty() || request.known_only {
        Digests::default()
    } else {
        Following { cache, readings, who, entry: &entry }.compute(response, file, missing).await?
    };
    digests.known.extend(known.known);
    let digests = in_order(&digests, &request.algorithms);
    response.send(FrameKind::Digests, &DigestsKnown { bytes: entry.size, entry, digests }).await
}

/// Those of the wanted digests that are not known.
fn missing_in(known: &Digests, wanted: &[Algorithm]) -> Vec<Algorithm> {
    wanted.iter().copied().filter(|algorithm| known.get(*algorithm).is_none()).collect()
}

/// Those of the known digests that are wanted, in the order of the wanted ones and as often.
fn in_order(known: &Digests, wanted: &[Algorithm]) -> Digests {
    let find = |algorithm: &Algorithm| known.known.iter().find(|sum| sum.algorithm == *algorithm).cloned();
    Digests { known: wanted.iter().filter_map(find).collect() }
}

/// A request that waits for the digests of a file.
struct Following<'a> {
    cache: &'a Arc<DigestCache>,
    readings: &'a Arc<Readings>,
    who: Who,
    entry: &'a Entry,
}

impl Following<'_> {
    /// The digests of the whole file, from a reading that computes them all, or from a new one once it is the caller's turn.
    async fn compute<W: Sink>(
        &self,
        response: &mut ResponseWriter<'_, W>,
        file: Box<dyn OpenFile>,
        algorithms: Vec<Algorithm>,
    ) -> Result<Digests, RequestError> {
        let running = file.entry().etag.and_then(|etag| self.readings.find(etag, &algorithms));
        let reading = match running {
            Some(running) => {
                // It is read by the other request: no handle is held for as long as that takes.
                drop(file);
                running
            }
            None => {
                let turn = async {
                    let place = self.readings.places.take(self.who, 1).await;
                    place.map_err(|refusal| RequestError::refused(refusal, "files that are read for their digests"))
                };
                let place = self.report_until(response, || 0, turn).await?;
                // Another request may have had them computed while this one waited for its turn.
                let (cache, etag) = (Arc::clone(self.cache), file.entry().etag);
                let finding = blocking(move || Ok(etag.map(|etag| cache.find(etag)).transpose()?.unwrap_or_default()));
                let known = response.until_cancelled(finding).await?;
                if missing_in(&known, &algorithms).is_empty() {
                    return Ok(in_order(&known, &algorithms));
                }
                self.readings.start(file, algorithms, place)
            }
        };
        self.report_until(response, || reading.bytes(), reading.ended()).await
    }

    /// Waits for `work`, and reports the progress meanwhile.
    async fn report_until<W: Sink, T>(
        &self,
        response: &mut ResponseWriter<'_, W>,
        bytes: impl Fn() -> u64,
        work: impl Future<Output = Result<T, RequestError>>,
    ) -> Result<T, RequestError> {
        tokio::pin!(work);
        loop {
            let step = async {
                tokio::select! {
                    biased;
                    done = &mut work => done.map(Some),
                    () = tokio::time::sleep(REPORT_TIME) => Ok(None),
                }
            };
            if let Some(done) = response.until_cancelled(step).await? {
                return Ok(done);
            }
            let report = DigestsKnown { entry: self.entry.clone(), bytes: bytes(), digests: Digests::default() };
            response.send(FrameKind::Digests, &report).await?;
            response.flush().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::Checksum;

    use super::*;

    #[test]
    fn digests_come_in_the_order_of_the_request() {
        let sum = |algorithm| Checksum { algorithm, digest: vec![1] };
        let known = Digests { known: vec![sum(Algorithm::Blake3), sum(Algorithm::Crc32)] };
        for wanted in [
            vec![Algorithm::Crc32, Algorithm::Blake3],
            vec![Algorithm::Blake3, Algorithm::Blake3],
            vec![Algorithm::Crc32],
        ] {
            let found = in_order(&known, &wanted).known;
            assert_eq!(found.iter().map(|sum| sum.algorithm).collect::<Vec<_>>(), wanted);
        }
        assert!(in_order(&known, &[Algorithm::Sha1]).known.is_empty());
    }
}
