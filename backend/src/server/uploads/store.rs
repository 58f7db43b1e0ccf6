//! STORE: a small file in one exchange. It is announced only once it is a file, so nothing is recorded: a crash leaves
//! bytes without a name at most, which the next start removes.

use std::sync::Arc;

use shared::limits::{STORE_BODY_TIME, STORE_WAIT_TIME, UPLOAD_UNRECORDED_TIME};
use shared::wire::{Failure, FrameKind, Store, Upload};
use shared::{Algorithm, Checksum, Digests, ErrorCode, UploadId, VPath};
use tokio::time::timeout;

use super::decide::{TargetCondition, target_condition, within_rights};
use super::destination::shown;
use super::drop_box::beside_taken;
use super::publish::{as_asked, check_blake3, publish_at, similar_to};
use super::registry::{Uploads, uploader};
use crate::random::random_bytes;
use crate::server::authority::share_of;
use crate::server::blocking::blocking_in_turn;
use crate::server::clock;
use crate::server::digests::hasher::Hasher;
use crate::server::digests::upload_hasher::{DigestCheckpoint, UploadHasher};
use crate::server::error::RequestError;
use crate::server::exchange::body::RequestBody;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::folders::{below_parents, refuse_state_folder};
use crate::server::peer::Peer;
use crate::server::records::uploads::{Destination, UploadRecord};
use crate::storage::{Published, Storage, StorageError};

/// Takes DATA… PUT_END, and answers UPLOAD with the file.
pub(in crate::server) async fn store<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    body: Option<RequestBody<'_>>,
    request: Store,
) -> Result<(), RequestError> {
    let body = body.ok_or(ErrorCode::Internal)?;
    let Store { stage, checksum } = request;
    response.set_deadline(stage.caller.deadline_ms);
    let (owner, who) = (uploader(&stage.caller, peer)?, share_of(&stage.caller, peer)?);
    let (Some(asked), Some(length)) = (stage.target.clone(), stage.length) else {
        return Err(Failure::new(ErrorCode::BadRequest, "a STORE needs a target and a length").into());
    };
    let destination = Destination::of(&stage.caller, &asked)?;
    refuse_state_folder(&destination.path)?;
    let scope = destination.scope.clone();
    let now = clock::now();
    let expires = clock::after(now, UPLOAD_UNRECORDED_TIME);
    let record = UploadRecord::new(UploadId(random_bytes()?), owner, stage, now, expires);
    let condition = within_rights(target_condition(&record, None, None), destination.rights())?;
    let (uploads, steps, bytes_of_all) = (Arc::clone(uploads), &uploads.steps, &uploads.stored_bytes);
    let gate = EffectGate::default();
    let operation = StoreOperation { uploads, record, condition, asked, destination, gate: gate.clone() };
    let memory = async {
        let taken = bytes_of_all.take_within(who, length, STORE_WAIT_TIME).await;
        taken.map_err(|refusal| RequestError::refused(refusal, "memory for files that arrive by STORE"))
    };
    let memory = response.until_cancelled(memory).await?;
    body.receive();
    let bytes = timeout(STORE_BODY_TIME, body.whole(response, length)).await.unwrap_or_else(|_| Err(too_slow()))?;
    let stored = blocking_in_turn(steps, who, move || {
        let stored = operation.run(&bytes, checksum.as_ref());
        drop((bytes, memory));
        stored
    });
    let upload = response.until_effect(gate, stored).await?;
    response.send(FrameKind::Upload, &shown(&scope, upload)).await
}

/// The storing of one file.
struct StoreOperation {
    uploads: Arc<Uploads>,
    record: UploadRecord,
    condition: TargetCondition,
    /// The caller's path.
    asked: VPath,
    destination: Destination,
    /// Passed before the first change in the storage.
    gate: EffectGate,
}

impl StoreOperation {
    fn run(self, bytes: &[u8], checksum: Option<&Checksum>) -> Result<Upload, RequestError> {
        // A server without records is read-only.
        self.uploads.records()?;
        self.uploads.check_reserve()?;
        check(bytes, checksum)?;
        let mut hasher = UploadHasher::resume(DigestCheckpoint::default());
        hasher.update(bytes);
        let digests = hasher.finish();
        check_blake3(&digests, self.record.request.blake3.as_deref())?;
        let uploads = Arc::clone(&self.uploads);
        let record = self.record.clone();
        let blake3 = digests.get(Algorithm::Blake3).unwrap_or_default().to_vec();
        uploads.stored.answer(&record, &blake3, || self.publish(bytes, digests))
    }

    /// Makes the file, after passing the gate.
    fn publish(self, bytes: &[u8], digests: Digests) -> Result<Upload, RequestError> {
        self.gate.begin()?;
        let publish = |path: &VPath| Ok(self.store(path, bytes)?);
        let storage = self.seen();
        let destination = beside_taken(&*storage, &self.destination)?;
        let placed = publish_at(&*storage, &destination, self.condition.conflict, publish)?;
        let (replaced, skipped) = (placed.as_ref().is_some_and(|(_, published)| published.replaced), placed.is_none());
        let similar = match &placed {
            Some((path, published)) if !published.replaced => {
                similar_to(&self.uploads, &*storage, self.record.who(), &self.destination, &self.asked, path)
            }
            _ => None,
        };
        let kept = placed.as_ref().and_then(|(_, published)| published.kept);
        let trash = self.uploads.kept.count(kept);
        let entry = placed.map(|(path, Published { mut entry, .. })| {
            if let Some(etag) = entry.etag {
                self.uploads.digests.keep(etag, &digests);
            }
            entry.path = as_asked(&self.destination, &self.asked, &path);
            entry
        });
        let described = self.record.describe_with(Some(digests).filter(|_| !skipped));
        let (offset, target) = (bytes.len() as u64, Some(self.asked));
        Ok(Upload { entry, replaced, trash, skipped, similar, offset, target, ..described })
    }

    /// The storage as the caller sees it.
    fn seen(&self) -> Arc<dyn Storage> {
        self.uploads.seen_by(&self.destination, &self.condition, &self.record.request)
    }

    /// Stores the file at `path`, after making its missing parents if the request says so.
    fn store(&self, path: &VPath, bytes: &[u8]) -> Result<Published, StorageError> {
        let attributes = self.uploads.attributes(&self.record);
        let storage = self.seen();
        let makes_parents = self.destination.makes_parents(&self.record.request);
        let store = || storage.store(self.record.id, bytes, path, &self.condition.expected, &attributes);
        match (store(), makes_parents) {
            (Err(error), Some(scope)) if error.code == ErrorCode::ParentMissing => {
                below_parents(&*storage, path, scope, &mut || {}, store)
            }
            (stored, _) => stored,
        }
    }
}

fn too_slow() -> RequestError {
    Failure::new(ErrorCode::DeadlineExceeded, "the bytes of the file took too long; a STAGE has no such bound").into()
}

fn check(bytes: &[u8], checksum: Option<&Checksum>) -> Result<(), RequestError> {
    let Some(checksum) = checksum else { return Ok(()) };
    let mut hasher = Hasher::new(checksum.algorithm);
    hasher.update(bytes);
    if hasher.finish() == *checksum { Ok(()) } else { Err(ErrorCode::ChecksumMismatch.into()) }
}
