//! The beginning of an upload, and the list of uploads. Blocks.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use shared::limits::UPLOAD_UNRECORDED_TIME;
use shared::wire::{Failure, Stage, Upload};
use shared::{ErrorCode, JobId, UploadId, VPath};

use super::decide::{TargetCondition, check_target, target_condition, within_rights};
use super::drop_box::beside_taken;
use super::registry::Uploads;
use super::slot::{Slot, TakenOver, UploadLock};
use crate::random::random_bytes;
use crate::server::authority::Owner;
use crate::server::clock;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::folders::{make_folders, refuse_state_folder};
use crate::server::records::uploads::{Destination, UploadRecord};
use crate::storage::{Storage, StorageError};

/// Most uploads in one answer to UPLOAD_STATUS.
const LISTED_MAX: u32 = 1_000;

impl Uploads {
    /// Begins an upload after passing `gate`, or finds the one that was begun with the same key. One that is whole at
    /// once, because it is empty or joins others, becomes a file at `destination` without waiting for a request, if that
    /// was asked for.
    pub(super) fn begin(
        self: &Arc<Self>,
        owner: Owner,
        destination: Option<Destination>,
        request: Stage,
        gate: &EffectGate,
    ) -> Result<Upload, RequestError> {
        self.records()?;
        if let Some(known) = self.begun_before(&owner, request.caller.client.as_deref(), &request)? {
            return Ok(known);
        }
        let length =
            if request.parts.is_empty() { request.length } else { Some(self.joined_length(&owner, &request)?) };
        let now = clock::now();
        let kept = if request.resumable { self.expiry } else { UPLOAD_UNRECORDED_TIME };
        let record = UploadRecord::new(UploadId(random_bytes()?), owner, request, now, clock::after(now, kept));
        let finished_at = destination.clone().filter(|_| record.request.finish == Some(true));
        let record = UploadRecord { length, destination: finished_at, ..record };
        gate.begin()?;
        let mut target = None;
        match &destination {
            Some(destination) => {
                let condition = within_rights(target_condition(&record, None, None), destination.rights())?;
                let storage = self.seen_by(destination, &condition, &record.request);
                let destination = beside_taken(&*storage, destination)?;
                check_ahead(&*storage, &record, &destination, &condition)?;
                check_space(&*storage, record.length, &destination.path)?;
                target = Some(destination.path);
            }
            None => check_space(&*self.storage, record.length, &VPath::root())?,
        }
        self.count_and_insert(record, target.as_ref())
    }

    /// Counts the upload as unfinished, and makes its staged file and its record.
    fn count_and_insert(
        self: &Arc<Self>,
        record: UploadRecord,
        target: Option<&VPath>,
    ) -> Result<Upload, RequestError> {
        let (id, bytes) = (record.id, record.length.unwrap_or(0));
        self.unfinished.enter(id, &record.owner, record.client.as_deref())?;
        let unfinished = &self.unfinished;
        let fits = if record.is_joined() { unfinished.hold(id, bytes) } else { unfinished.check(id, bytes) };
        let inserted = fits.map_err(RequestError::from).and_then(|()| self.insert(record, target));
        if !inserted.as_ref().is_ok_and(|upload| upload.id == id) {
            self.unfinished.leave(id);
        }
        inserted
    }

    /// Makes the staged file, on the disk of the target, and the record.
    fn insert(self: &Arc<Self>, record: UploadRecord, target: Option<&VPath>) -> Result<Upload, RequestError> {
        let (id, upload, due) = (record.id, record.describe(), record.is_due());
        self.stage(&record, target)?;
        // In memory before it is recorded: a request that finds the record finds this slot.
        let slot = Slot::new(record.clone());
        let turn = Arc::clone(&slot.turn).try_lock_owned().ok().filter(|_| due);
        if let Err(error) = self.record(&record, &slot) {
            self.slots().remove(id);
            // Without a record the staged file is of no use.
            let _ = self.storage.unstage(id);
            // Of two requests with the same key at the same time, the other one was first.
            let first = self.begun_before(&record.owner, record.client.as_deref(), &record.request)?;
            return first.ok_or_else(|| error.into());
        }
        if let Some(turn) = turn {
            // No token of the slot: a request that waits for the turn keeps its own.
            let lock = Arc::new(UploadLock::new(slot, TakenOver::default(), turn));
            lock.begin_finishing();
            self.finishing.spawn(Arc::clone(self).finish(lock));
        }
        Ok(upload)
    }

    /// Makes an upload known under its id and its key.
    ///
    /// # Errors
    /// As [`super::registry::Slots::insert`] and [`Uploads::records`].
    fn record(&self, record: &UploadRecord, slot: &Arc<Slot>) -> Result<(), StorageError> {
        self.slots().insert(record, Arc::clone(slot))?;
        if record.request.resumable { self.records()?.insert_upload(record) } else { Ok(()) }
    }

    /// The upload that this client of the owner has begun with the key of `again`. One that has expired is forgotten: a
    /// client that repeats its STAGE gets an upload that it can continue.
    ///
    /// # Errors
    /// [`ErrorCode::KeyReused`] if another STAGE than `again` began it.
    fn begun_before(&self, owner: &Owner, client: Option<&str>, again: &Stage) -> Result<Option<Upload>, RequestError> {
        let Some(key) = again.key else { return Ok(None) };
        let unrecorded = self.slots().unrecorded(owner, owner.key_of(client, key));
        let found = if unrecorded.is_some() { unrecorded } else { self.recorded_by_key(owner, client, key)? };
        let Some(slot) = found else { return Ok(None) };
        let now = self.trusted_now();
        let expired = slot.state().is_expired(now);
        if expired && self.forget_unlocked(&slot, |state| state.is_expired(now)) {
            return Ok(None);
        }
        begun_by(&slot, again).map(Some)
    }

    fn recorded_by_key(
        &self,
        owner: &Owner,
        client: Option<&str>,
        key: JobId,
    ) -> Result<Option<Arc<Slot>>, StorageError> {
        let Some(record) = self.records()?.upload_by_key(owner, client, key)? else { return Ok(None) };
        match self.slot(record.id, owner) {
            Ok(slot) => Ok(Some(slot)),
            // Aborted since.
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The length of an upload that is the concatenation of others.
    fn joined_length(&self, owner: &Owner, request: &Stage) -> Result<u64, RequestError> {
        let mut length = 0_u64;
        let mut named = HashSet::with_capacity(request.parts.len());
        for id in &request.parts {
            if !named.insert(id) {
                return Err(Failure::new(ErrorCode::BadRequest, "a part is named more than once").into());
            }
            let slot = self.slot(*id, owner)?;
            let state = slot.state();
            let record = &state.record;
            if record.request.target.is_some() || record.is_joined() {
                return Err(Failure::new(ErrorCode::BadRequest, "one of the parts is not a partial upload").into());
            }
            if record.answer.is_some() {
                return Err(Failure::new(ErrorCode::Gone, "one of the parts has become a file").into());
            }
            if record.length != Some(record.durable) {
                return Err(Failure::new(ErrorCode::Incomplete, "one of the parts is incomplete").into());
            }
            length = length.saturating_add(record.durable);
        }
        match request.length {
            Some(announced) if announced != length => Err(ErrorCode::LengthMismatch.into()),
            _ => Ok(length),
        }
    }

    /// The uploads of an owner: those that are no files yet, then the newest.
    pub(super) fn of_owner(&self, owner: &Owner) -> Result<Vec<Upload>, StorageError> {
        let mut found = self.records()?.uploads_of(owner, LISTED_MAX)?;
        let unrecorded = |slot: &Arc<Slot>| {
            let state = slot.state();
            (!state.record.request.resumable && state.record.owner == *owner).then(|| state.record.clone())
        };
        found.extend(self.slots().by_id.values().filter_map(unrecorded));
        found.sort_by_key(|upload| (upload.answer.is_some(), Reverse(upload.created), upload.id.0));
        found.truncate(LISTED_MAX as usize);
        Ok(found.iter().map(|record| record.describe_with(None)).collect())
    }
}

/// The upload that an earlier STAGE with the key of `again` has begun.
///
/// # Errors
/// [`ErrorCode::KeyReused`] if that STAGE asked for something else.
fn begun_by(slot: &Slot, again: &Stage) -> Result<Upload, RequestError> {
    let state = slot.state();
    if state.record.is_begun_by(again) {
        return Ok(state.record.describe());
    }
    Err(Failure::new(ErrorCode::KeyReused, "the key was used for another upload").into())
}

/// Fails now if the COMMIT would fail, before any bytes are sent. `storage` is what the caller sees.
fn check_ahead(
    storage: &dyn Storage,
    record: &UploadRecord,
    destination: &Destination,
    condition: &TargetCondition,
) -> Result<(), RequestError> {
    let target = &destination.path;
    refuse_state_folder(target)?;
    if let Some(parent) = target.parent() {
        make_folders(storage, &parent, destination.makes_parents(&record.request))?;
    }
    let present = match storage.stat(target) {
        Ok(entry) => Some(entry),
        Err(error) if error.code == ErrorCode::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    Ok(check_target(condition, present.as_ref())?)
}

/// Fails if the disk that a file at `target` goes to has less space than `bytes`. `storage` is what the caller sees.
///
/// # Errors
/// [`ErrorCode::NoSpace`] with the missing bytes.
pub(super) fn check_space(storage: &dyn Storage, bytes: Option<u64>, target: &VPath) -> Result<(), RequestError> {
    match storage.space(&target.parent().unwrap_or_default()) {
        // The folder is made later.
        Err(error) if error.code == ErrorCode::NotFound => Ok(()),
        space => fits(bytes, space?),
    }
}

/// Fails if `bytes` are more than the free space, as far as both are known.
///
/// # Errors
/// [`ErrorCode::NoSpace`] with the missing bytes.
pub(super) fn fits(bytes: Option<u64>, space: Option<u64>) -> Result<(), RequestError> {
    match (bytes, space) {
        (Some(bytes), Some(space)) if bytes > space => {
            let failure = Failure::new(ErrorCode::NoSpace, "there is less space than is needed");
            Err(failure.missing(bytes - space).into())
        }
        _ => Ok(()),
    }
}
