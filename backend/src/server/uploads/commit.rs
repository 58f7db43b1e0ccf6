//! COMMIT: a whole upload with the right digest becomes a file, in one step. The target is recorded before that, so a
//! crash in between is detected and a second COMMIT gets the same answer.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Instant;

use shared::limits::{JOB_KEPT, UPLOAD_UNRECORDED_TIME};
use shared::wire::{Commit, Failure, FrameKind, Upload};
use shared::{Algorithm, Conflict, Digests, Entry, ErrorCode, VPath};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::before_crash::Interrupted;
use super::begin::check_space;
use super::decide::{TargetCondition, target_condition, within_rights};
use super::destination::shown;
use super::drop_box::beside_taken;
use super::publish::{as_asked, check_blake3, is_at_or_beside, publish_at, similar_to};
use super::registry::{Patience, Uploads, taken_over_by_newer, uploader};
use super::slot::UploadLock;
use super::so_far::{SoFar, Stop};
use crate::admission::{Permit, Who};
use crate::server::authority::share_of;
use crate::server::clock;
use crate::server::digests::hash_range::hash_range;
use crate::server::digests::upload_hasher::UploadHasher;
use crate::server::entries::check_cancelled;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::folders::below_parents;
use crate::server::peer::Peer;
use crate::server::records::uploads::{Destination, UploadRecord};
use crate::server::turns::{Turn, Worked, run_in_turns};
use crate::storage::{OpenFile, Published, Staged, Storage, StorageError};

/// Bytes that are copied in one step: a client that cancels waits no longer than that.
const STEP_BYTES: u64 = 64 << 20;
/// With more committed uploads in memory, the answer to the COMMIT of an upload without a record is not kept.
const ANSWERS_KEPT_MAX: usize = 10_000;

/// Answers UPLOAD with the file.
pub(in crate::server) async fn commit<W: Sink>(
    uploads: &Arc<Uploads>,
    peer: &Peer,
    response: &mut ResponseWriter<'_, W>,
    request: Commit,
) -> Result<(), RequestError> {
    response.set_deadline(request.caller.deadline_ms);
    let (owner, who) = (uploader(&request.caller, peer)?, share_of(&request.caller, peer)?);
    let lock = uploads.lock(response, request.upload, owner, Patience::Finishing).await?;
    let record = lock.record();
    let asked = request.target.clone().or_else(|| record.request.target.clone());
    let Some(asked) = asked else {
        return Err(Failure::new(ErrorCode::BadRequest, "a part of another upload cannot become a file").into());
    };
    let destination = Destination::of(&request.caller, &asked)?;
    let scope = destination.scope.clone();
    if let Some(answer) = &record.answer {
        if answer.target.as_ref() != Some(&asked) {
            return Err(committed_elsewhere());
        }
        return response.send(FrameKind::Upload, &shown(&scope, record.describe())).await;
    }
    if lock.taken_over.by_change.is_cancelled() {
        return Err(taken_over_by_newer());
    }
    let condition = target_condition(&record, request.conflict, request.if_match);
    let condition = within_rights(condition, destination.rights())?;
    let blake3 = request.blake3.or_else(|| record.wanted_blake3().map(<[u8]>::to_vec));
    let parts = response.until_cancelled(uploads.lock_parts(&record)).await?;
    // Nothing has begun yet, so the upload is left to a newer PUT or ABORT.
    let turn = async {
        tokio::select! {
            () = lock.taken_over.by_change.cancelled() => Err(taken_over_by_newer()),
            place = uploads.place_to_commit(&record, who) => place,
        }
    };
    let place = response.until_cancelled(turn).await?;
    let (gate, cancelled) = (EffectGate::default(), response.cancelled().clone());
    let operation = CommitOperation {
        uploads: Arc::clone(uploads),
        lock,
        parts,
        record,
        condition,
        asked,
        destination,
        blake3,
        cancelled: cancelled.clone(),
        gate: gate.clone(),
        so_far: RefCell::default(),
    };
    // On the heap: an idle connection has room for the largest of its requests.
    let committing =
        Box::pin(run_in_turns(uploads.reading_turn, Some(place), cancelled, operation, CommitOperation::run));
    let upload = response.until_effect(gate, committing).await?;
    response.send(FrameKind::Upload, &shown(&scope, upload)).await
}

/// The upload is a file already, at another target than a repeated COMMIT names.
fn committed_elsewhere() -> RequestError {
    Failure::new(ErrorCode::KeyReused, "the upload was committed to another target").into()
}

/// The commit of one upload.
pub(super) struct CommitOperation {
    pub(super) uploads: Arc<Uploads>,
    pub(super) lock: Arc<UploadLock>,
    /// The uploads that it concatenates, as far as they are still there. Their locks keep them there.
    pub(super) parts: Vec<UploadLock>,
    pub(super) record: UploadRecord,
    pub(super) condition: TargetCondition,
    /// The caller's path.
    pub(super) asked: VPath,
    pub(super) destination: Destination,
    /// The digest that the content must have.
    pub(super) blake3: Option<Vec<u8>>,
    /// Ends the reading before the effect.
    pub(super) cancelled: CancellationToken,
    /// Passed before the first change that remains.
    pub(super) gate: EffectGate,
    /// What its turns have read and joined, all of it before the gate.
    pub(super) so_far: RefCell<SoFar>,
}

impl CommitOperation {
    /// Publishes the upload, or records why not where the server makes it a file by itself. Once its turn is over, it has to
    /// be run again, and goes on reading where it was.
    pub(super) fn run(mut self, turn: Turn) -> Result<Worked<Self, Upload>, RequestError> {
        self.so_far.get_mut().turn = Some(turn);
        let published = Cell::new(false);
        let ended = match self.attempt(&published) {
            Ok(upload) => Ok(Worked::Done(upload)),
            Err(Stop::TurnOver) => return Ok(Worked::Unfinished(self)),
            Err(Stop::Failed(error)) => Err(error),
        };
        // A file that is not known to survive a crash, or whose answer could not be recorded, is no refusal: the next
        // COMMIT or start finds it.
        if let Err(RequestError::Failed(failure)) = &ended
            && !published.get()
            && self.gate.begin().is_ok()
            && let Err(error) = self.uploads.refuse(&self.lock, failure)
        {
            warn!(%error, "the refusal of an upload could not be recorded");
        }
        ended
    }

    /// Publishes the upload. Sets `published` once it is a file, or may be one.
    fn attempt(&self, published: &Cell<bool>) -> Result<Upload, Stop> {
        let length = self.whole_length()?;
        let blake3 = self.blake3.as_deref();
        let interrupted = self.uploads.interrupted(&self.record, |file| self.digests_of_file(file))?;
        if let Interrupted::Published { published: found, path, digests } = interrupted {
            published.set(true);
            let wanted = beside_taken(&*self.seen(), &self.destination)?;
            if !is_at_or_beside(&path, &wanted.path) {
                return Err(committed_elsewhere().into());
            }
            check_blake3(&digests, blake3)?;
            let path = found.entry.path.clone();
            self.gate.begin()?;
            self.seen().sync_name(&path)?;
            return Ok(self.finish(Some(found), &path, digests)?);
        }
        let digests = self.digests(length)?;
        let checked = check_blake3(&digests, blake3);
        self.gate.begin()?;
        if let Err(mismatch) = checked {
            self.uploads.require_blake3(&self.lock, blake3)?;
            return Err(mismatch.into());
        }
        let upload = match self.publish(&digests, published)? {
            Some((path, made)) => self.finish(Some(made), &path, digests),
            None => self.finish(None, &self.destination.path, digests),
        };
        Ok(upload?)
    }

    /// The storage as the caller sees it.
    fn seen(&self) -> Arc<dyn Storage> {
        self.uploads.seen_by(&self.destination, &self.condition, &self.record.request)
    }

    /// The length of the upload, all of which is there.
    fn whole_length(&self) -> Result<u64, RequestError> {
        match self.record.length {
            Some(length) if self.record.is_joined() || self.record.durable == length => Ok(length),
            Some(_) => Err(Failure::new(ErrorCode::Incomplete, "the upload is incomplete").into()),
            None => Err(Failure::new(ErrorCode::Incomplete, "the length of the upload was never announced").into()),
        }
    }

    /// The digests of the upload: those that were computed as its bytes arrived. The bytes of a joined upload, and of
    /// one that an earlier version of the server began, are read again.
    fn digests(&self, length: u64) -> Result<Digests, Stop> {
        if let Some(known) = self.record.digests_at(length) {
            self.uploads.open(&self.record)?;
            return Ok(known.digests());
        }
        let mut so_far = self.so_far.borrow_mut();
        let SoFar { turn, staged, joined, content, .. } = &mut *so_far;
        let staged = match staged {
            Some(staged) => staged,
            None => staged.insert(self.open_to_read(length)?),
        };
        if self.record.is_joined() {
            self.join(&**staged, joined, turn.as_mut())?;
        }
        self.hash(content, length, |buffer, at| staged.read_at(buffer, at), turn.as_mut())?;
        let checkpoint = content.clone().checkpoint();
        let digests = checkpoint.digests();
        // It is renamed now.
        so_far.staged = None;
        let mut state = self.lock.state();
        // The next attempt neither copies nor reads the bytes again.
        (state.record.durable, state.record.digests) = (length, Some(checkpoint));
        Ok(digests)
    }

    fn open_to_read(&self, length: u64) -> Result<Box<dyn Staged>, RequestError> {
        if self.record.is_joined() {
            let storage = self.seen();
            let destination = beside_taken(&*storage, &self.destination)?;
            check_space(&*storage, Some(length), &destination.path)?;
        }
        Ok(self.uploads.open(&self.record)?)
    }

    /// Copies the parts together, in their order, from the bytes that are `joined` already.
    fn join(&self, staged: &dyn Staged, joined: &mut u64, mut turn: Option<&mut Turn>) -> Result<(), Stop> {
        let mut at = 0;
        for id in &self.record.request.parts {
            let gone = || Failure::new(ErrorCode::Gone, "one of the parts has expired, was aborted or is a file");
            let part = self.parts.iter().find(|part| part.slot.state().record.id == *id).ok_or_else(gone)?;
            let end = at + part.state().record.durable;
            if (at + 1..=*joined).contains(&end) {
                at = end;
                continue;
            }
            let source = match self.uploads.staged(&part.record()) {
                // It has become a file since.
                Err(error) if error.code == ErrorCode::NotFound => return Err(gone().into()),
                source => source?,
            };
            while *joined < end {
                check_cancelled(&self.cancelled)?;
                let step = STEP_BYTES.min(end - *joined);
                let bytes = staged.copy_from_staged(&*source, *joined - at, step, *joined)?;
                if bytes == 0 {
                    return Err(Failure::new(ErrorCode::Gone, "one of the parts has lost bytes").into());
                }
                *joined += bytes;
                if turn.as_mut().is_some_and(|turn| turn.is_over_after(bytes, Instant::now())) {
                    return Err(Stop::TurnOver);
                }
            }
            at = end;
        }
        Ok(())
    }

    /// Reads on to `length`, or until the turn is over; without a turn, to the end.
    fn hash(
        &self,
        hasher: &mut UploadHasher,
        length: u64,
        read: impl Fn(&mut [u8], u64) -> Result<usize, StorageError>,
        mut turn: Option<&mut Turn>,
    ) -> Result<(), Stop> {
        check_cancelled(&self.cancelled)?;
        let goes_on = |_, bytes| {
            check_cancelled(&self.cancelled)?;
            Ok(!turn.as_mut().is_some_and(|turn| turn.is_over_after(bytes, Instant::now())))
        };
        let at = hash_range(hasher.bytes(), length, read, |bytes| hasher.update(bytes), goes_on)?;
        if at < length { Err(Stop::TurnOver) } else { Ok(()) }
    }

    /// The digests of the file that a COMMIT before a crash may have made.
    fn digests_of_file(&self, file: &dyn OpenFile) -> Result<Digests, Stop> {
        let mut so_far = self.so_far.borrow_mut();
        let SoFar { turn, file: known, .. } = &mut *so_far;
        let etag = file.entry().etag;
        let hasher = match known {
            Some((of, hasher)) if *of == etag => hasher,
            _ => &mut known.insert((etag, UploadHasher::default())).1,
        };
        self.hash(hasher, file.entry().size, |buffer, at| file.read_at(buffer, at), turn.as_mut())?;
        Ok(hasher.clone().finish())
    }

    /// Publishes the upload at its target, or beside it. `None` if the file that is there stays.
    fn publish(
        &self,
        digests: &Digests,
        is_published: &Cell<bool>,
    ) -> Result<Option<(VPath, Published)>, RequestError> {
        let storage = self.seen();
        let target_before = self.record.target_path();
        let attributes = self.uploads.attributes(&self.record);
        let makes_parents = self.destination.makes_parents(&self.record.request);
        let destination = beside_taken(&*storage, &self.destination)?;
        publish_at(&*storage, &destination, self.condition.conflict, |path| {
            self.uploads.set_target(&self.lock, path, digests)?;
            let publish = || storage.publish(self.record.id, path, &self.condition.expected, &attributes);
            let published = match makes_parents {
                Some(scope) => below_parents(&*storage, path, scope, &mut || {}, publish),
                None => publish(),
            };
            match published {
                Ok(published) => {
                    is_published.set(true);
                    Ok(published)
                }
                // The COMMIT before a crash may have published it.
                Err(error)
                    if error.code == ErrorCode::AlreadyExists
                        && self.condition.conflict == Conflict::Fail
                        && target_before.as_ref() == Some(path) =>
                {
                    let entry = self.file_with(path, digests)?.ok_or(error)?;
                    is_published.set(true);
                    storage.sync_name(path)?;
                    self.uploads.storage.unstage(self.record.id)?;
                    Ok(Published { entry, replaced: false, kept: None })
                }
                Err(error) => {
                    match error.code {
                        // It has its name. Its bytes stay, because a copy on another disk may be lost with the name.
                        _ if error.is_of_unsynced_name() => is_published.set(true),
                        ErrorCode::Io | ErrorCode::TooManyRequests | ErrorCode::NoSpace | ErrorCode::QuotaExceeded => {
                            // It has its name, and a later step has failed.
                            is_published.set(self.uploads.is_unstaged(&self.record).unwrap_or(false));
                            self.uploads.cut_back(&self.lock)?;
                        }
                        // The file there is not this upload: a second COMMIT must not take it for one. With `KeepBoth` the
                        // next name takes the place of this one.
                        ErrorCode::AlreadyExists | ErrorCode::PreconditionFailed
                            if self.condition.conflict != Conflict::KeepBoth
                                && target_before.as_ref() != Some(path) =>
                        {
                            self.uploads.forget_target(&self.lock)?;
                        }
                        _ => {}
                    }
                    Err(error.into())
                }
            }
        })
    }

    /// The file at `path`, if its content has these digests.
    fn file_with(&self, path: &VPath, digests: &Digests) -> Result<Option<Entry>, RequestError> {
        let file = self.seen().open(path)?;
        if Some(file.entry().size) != self.record.length {
            return Ok(None);
        }
        let mut hasher = UploadHasher::default();
        // The effect may have begun, which leaves no time for others to go first.
        match self.hash(&mut hasher, file.entry().size, |buffer, at| file.read_at(buffer, at), None) {
            Ok(()) => {}
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::TurnOver) => return Err(ErrorCode::Internal.into()),
        }
        let found = hasher.finish();
        let equal = found.get(Algorithm::Blake3) == digests.get(Algorithm::Blake3);
        Ok(equal.then(|| file.entry().clone()))
    }

    /// Records the answer, and removes what is left of the upload and of its parts.
    fn finish(&self, published: Option<Published>, path: &VPath, digests: Digests) -> Result<Upload, RequestError> {
        let skipped = published.is_none();
        let replaced = published.as_ref().is_some_and(|published| published.replaced);
        let created = published.is_some() && !replaced;
        let similar = created
            .then(|| similar_to(&self.uploads, &*self.seen(), self.record.who(), &self.destination, &self.asked, path))
            .flatten();
        let kept = published.as_ref().and_then(|published| published.kept);
        let trash = self.uploads.kept.count(kept);
        let entry = published.map(|published| {
            let mut entry = published.entry;
            if let Some(etag) = entry.etag {
                self.uploads.digests.keep(etag, &digests);
            }
            entry.path = as_asked(&self.destination, &self.asked, path);
            entry
        });
        let described = Upload { refused: None, ..self.record.describe_with(Some(digests).filter(|_| !skipped)) };
        let offset = self.record.length.unwrap_or(described.offset);
        let target = Some(self.asked.clone());
        let upload = Upload { entry, replaced, trash, skipped, similar, offset, target, ..described };
        self.uploads.set_answer(&self.lock, upload)?;
        // The bytes were not used; or a rename before a crash left them under their old name, too.
        if skipped || self.record.target.is_some() {
            self.uploads.storage.unstage(self.record.id)?;
        }
        self.parts.iter().try_for_each(|part| self.uploads.forget(&part.slot))?;
        // With the time until which the answer is kept.
        Ok(self.lock.record().describe())
    }
}

impl Uploads {
    /// A place for a COMMIT.
    async fn place_to_commit(&self, record: &UploadRecord, who: Who) -> Result<Permit, RequestError> {
        if record.takes_reading() {
            // Other requests want the files of the disk, too.
            let place = self.files_read.take(who, 1).await;
            return place.map_err(|refusal| RequestError::refused(refusal, "uploads that are read again"));
        }
        Ok(self.steps.take_accepted(who, 1).await)
    }

    /// Makes later COMMITs without a digest require the one that this COMMIT named in vain, also in place of the digest
    /// of STAGE: bytes that are known to be damaged must not become a file.
    fn require_blake3(&self, lock: &UploadLock, blake3: Option<&[u8]>) -> Result<(), StorageError> {
        let record = lock.record();
        if record.wanted_blake3() == blake3 {
            return Ok(());
        }
        if record.request.resumable {
            self.records()?.set_refused(record.id, record.refused.as_ref(), blake3)?;
        }
        lock.state().record.required = blake3.map(<[u8]>::to_vec);
        Ok(())
    }

    /// Records the path that an upload is about to get, and its content, by which a COMMIT after a crash knows the file.
    fn set_target(&self, lock: &UploadLock, path: &VPath, digests: &Digests) -> Result<(), StorageError> {
        let record = lock.record();
        let content = digests.get(Algorithm::Blake3);
        if record.request.resumable {
            self.records()?.set_target(record.id, Some(path.as_bytes()), content)?;
        }
        let mut state = lock.state();
        (state.record.target, state.record.content) = (Some(path.as_bytes().to_vec()), content.map(<[u8]>::to_vec));
        Ok(())
    }

    /// Forgets the path of [`Uploads::set_target`], which the upload did not get.
    fn forget_target(&self, lock: &UploadLock) -> Result<(), StorageError> {
        let record = lock.record();
        if record.request.resumable {
            self.records()?.set_target(record.id, None, None)?;
        }
        let mut state = lock.state();
        (state.record.target, state.record.content) = (None, None);
        Ok(())
    }

    /// Records the answer to a COMMIT, for a client that asks again.
    fn set_answer(&self, lock: &UploadLock, upload: Upload) -> Result<(), StorageError> {
        let record = lock.record();
        let resumable = record.request.resumable;
        let expires = clock::after(clock::now(), if resumable { JOB_KEPT } else { UPLOAD_UNRECORDED_TIME });
        if resumable {
            self.records()?.set_answer(record.id, &record.owner, &upload, expires)?;
        }
        let mut state = lock.state();
        (state.record.answer, state.record.expires, state.record.digests) = (Some(upload), expires, None);
        state.record.refused = None;
        drop(state);
        if !resumable {
            let mut slots = self.slots();
            if slots.by_id.len() > ANSWERS_KEPT_MAX + self.unfinished.count() {
                slots.remove(record.id);
            }
        }
        self.unfinished.leave(record.id);
        Ok(())
    }
}
