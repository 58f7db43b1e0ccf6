//! The beginning of an upload, and the list of uploads. Blocks.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shared::limits::{UPLOAD_UNRECORDED_TIME, UPLOADS_MAX};
use shared::wire::{Failure, Stage, Upload};
use shared::{ErrorCode, JobId, Rights, UploadId, VPath};

use super::decide::{check_target, target_condition, within_rights};
use super::registry::Uploads;
use super::slot::Slot;
use crate::random::random_bytes;
use crate::server::authority::Owner;
use crate::server::clock;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::folders::{make_folders, refuse_state_folder};
use crate::server::records::uploads::UploadRecord;
use crate::storage::StorageError;

/// Most uploads in one answer to UPLOAD_STATUS.
const LISTED_MAX: u32 = 1_000;

impl Uploads {
    /// Begins an upload after passing `gate`, or finds the one that was begun with the same key.
    pub(super) fn begin(
        &self,
        owner: Owner,
        rights: Rights,
        target: Option<VPath>,
        mut request: Stage,
        gate: &EffectGate,
    ) -> Result<Upload, RequestError> {
        self.records()?;
        if let Some(key) = request.key
            && let Some(known) = self.by_key(&owner, key, request.resumable)?
        {
            return Ok(known);
        }
        if self.unfinished.load(Ordering::Relaxed) >= UPLOADS_MAX {
            return Err(Failure::new(ErrorCode::TooManyRequests, "there are too many unfinished uploads").into());
        }
        if !request.parts.is_empty() {
            request.length = Some(self.joined_length(&owner, &request)?);
        }
        let now = clock::now();
        let make_parents = request.make_parents && rights.contains(Rights::CREATE);
        let kept = if request.resumable { self.expiry } else { UPLOAD_UNRECORDED_TIME };
        let record = UploadRecord::new(UploadId(random_bytes()?), owner, request, now, clock::after(now, kept));
        gate.begin()?;
        if let Some(target) = &target {
            self.check_ahead(&record, target, rights, make_parents)?;
        }
        self.check_space(record.length, target.as_ref())?;
        self.insert(record, target.as_ref())
    }

    /// Fails now if the COMMIT would fail, before any bytes are sent.
    fn check_ahead(
        &self,
        record: &UploadRecord,
        target: &VPath,
        rights: Rights,
        make_parents: bool,
    ) -> Result<(), RequestError> {
        let condition = within_rights(target_condition(record, None, None), rights)?;
        refuse_state_folder(target)?;
        if let Some(parent) = target.parent() {
            make_folders(&*self.storage, &parent, make_parents)?;
        }
        let present = match self.storage.stat(target) {
            Ok(entry) => Some(entry),
            Err(error) if error.code == ErrorCode::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(check_target(&condition, present.as_ref())?)
    }

    /// Fails if the file system has less space than the upload needs.
    fn check_space(&self, length: Option<u64>, target: Option<&VPath>) -> Result<(), RequestError> {
        let parent = target.and_then(VPath::parent).unwrap_or_default();
        match (length, self.storage.space(&parent)?) {
            (Some(length), Some(space)) if length > space => {
                Err(Failure::new(ErrorCode::NoSpace, "there is less space than the upload needs").into())
            }
            _ => Ok(()),
        }
    }

    /// Makes the staged file, on the disk of the target, and the record.
    fn insert(&self, record: UploadRecord, target: Option<&VPath>) -> Result<Upload, RequestError> {
        let id = record.id;
        match target {
            Some(target) => self.storage.stage_for(id, target)?,
            None => self.storage.stage(id)?,
        };
        if record.request.resumable
            && let Err(error) = self.records()?.insert_upload(&record)
        {
            // Without a record the staged file is of no use.
            let _ = self.storage.unstage(id);
            // Of two requests with the same key at the same time, the other one was first.
            let first = record.key.map(|key| self.by_key(&record.owner, key, true)).transpose()?.flatten();
            return first.ok_or_else(|| error.into());
        }
        self.unfinished.fetch_add(1, Ordering::Relaxed);
        let upload = record.describe();
        self.slots().insert(id, Slot::new(record));
        Ok(upload)
    }

    /// The upload that was begun with this key.
    fn by_key(&self, owner: &Owner, key: JobId, recorded: bool) -> Result<Option<Upload>, StorageError> {
        if recorded {
            let Some(record) = self.records()?.upload_by_key(owner, key)? else { return Ok(None) };
            return Ok(Some(self.slot(record.id, owner)?.state().record.describe()));
        }
        let matching = |slot: &Arc<Slot>| {
            let state = slot.state();
            (state.record.owner == *owner && state.record.key == Some(key)).then(|| state.record.describe())
        };
        Ok(self.slots().values().find_map(matching))
    }

    /// The length of an upload that is the concatenation of others.
    fn joined_length(&self, owner: &Owner, request: &Stage) -> Result<u64, RequestError> {
        let mut length = 0_u64;
        for id in &request.parts {
            let slot = self.slot(*id, owner)?;
            let state = slot.state();
            let record = &state.record;
            if record.request.target.is_some() || record.is_joined() {
                return Err(Failure::new(ErrorCode::BadRequest, "one of the parts is not a partial upload").into());
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

    /// The uploads of an owner, newest first.
    pub(super) fn of_owner(&self, owner: &Owner) -> Result<Vec<Upload>, StorageError> {
        let mut found = self.records()?.uploads_of(owner, LISTED_MAX)?;
        let unrecorded = |slot: &Arc<Slot>| {
            let state = slot.state();
            (!state.record.request.resumable && state.record.owner == *owner).then(|| state.record.clone())
        };
        found.extend(self.slots().values().filter_map(unrecorded));
        found.sort_by(|left, right| (right.created, left.id).cmp(&(left.created, right.id)));
        found.truncate(LISTED_MAX as usize);
        Ok(found.iter().map(|record| record.describe_with(None)).collect())
    }
}
