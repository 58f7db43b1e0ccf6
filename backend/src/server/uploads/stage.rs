//! STAGE, UPLOAD_STATUS and ABORT: uploads begin, are asked after, and are given up.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shared::limits::{UPLOAD_UNRECORDED_TIME, UPLOADS_MAX};
use shared::wire::{Abort, Failure, FrameKind, Stage, Upload, UploadStatus};
use shared::{ErrorCode, JobId, Rights, UploadId, VPath};

use super::decide::{foresee, terms, within};
use super::registry::{Slot, Uploads, uploader};
use crate::random::random_bytes;
use crate::server::authority::{Owner, authorise, granted};
use crate::server::blocking::attempt;
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::folders::{make_folders, refuse_own_names};
use crate::server::operations::send::Sink;
use crate::server::records::uploads::UploadRecord;
use crate::server::state::Server;
use crate::storage::StorageError;

/// Most uploads in one answer to UPLOAD_STATUS.
const LISTED_MAX: u32 = 1_000;

/// UPLOAD, END.
pub(in crate::server) async fn stage<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Stage,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let owner = uploader(&request.caller, peer)?;
    let rights = granted(&request.caller, peer);
    let path = |target: &VPath| authorise(&request.caller, peer, Rights::NONE, target);
    let target = request.target.as_ref().map(path).transpose()?;
    let uploads = Arc::clone(&server.uploads);
    let begun = answer.during(attempt(move || uploads.begin(owner, rights, target, request))).await?;
    answer.send(FrameKind::Upload, &begun).await
}

/// UPLOAD for the one that was asked after, or for each; END.
pub(in crate::server) async fn status<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: UploadStatus,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let owner = uploader(&request.caller, peer)?;
    if let Some(id) = request.upload {
        let hold = server.uploads.hold(answer, id, owner).await?;
        let upload = hold.live().describe();
        return answer.send(FrameKind::Upload, &upload).await;
    }
    let uploads = Arc::clone(&server.uploads);
    for upload in answer.during(attempt(move || Ok(uploads.of_owner(&owner)?))).await? {
        answer.send(FrameKind::Upload, &upload).await?;
    }
    Ok(())
}

/// END.
pub(in crate::server) async fn abort<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Abort,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let owner = uploader(&request.caller, peer)?;
    let hold = server.uploads.hold(answer, request.upload, owner).await?;
    let uploads = Arc::clone(&server.uploads);
    answer.attend(attempt(move || Ok(uploads.forget(&hold.slot)?))).await
}

impl Uploads {
    /// Begins an upload, or finds the one that was begun with the same key.
    fn begin(&self, owner: Owner, rights: Rights, target: Option<VPath>, mut request: Stage) -> Result<Upload, Stop> {
        let records = self.records()?;
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
        let id = UploadId(random_bytes().map_err(StorageError::from)?);
        let make_parents = request.make_parents;
        let kept = if request.resumable { self.expiry } else { UPLOAD_UNRECORDED_TIME };
        let record = UploadRecord::new(id, owner, request, now, clock::after(now, kept));
        if let Some(target) = &target {
            let terms = within(terms(&record, None, None), rights)?;
            self.ready_parent(target, make_parents && rights.contains(Rights::CREATE))?;
            let there = match self.storage.stat(target) {
                Ok(entry) => Some(entry),
                Err(error) if error.code == ErrorCode::NotFound => None,
                Err(error) => return Err(error.into()),
            };
            foresee(&terms, there.as_ref())?;
        }
        if let (Some(length), Some(space)) = (record.length, self.space_for(target.as_ref())?)
            && length > space
        {
            return Err(Failure::new(ErrorCode::NoSpace, "there is not as much room as the upload needs").into());
        }
        self.storage.stage(id)?;
        if record.request.resumable
            && let Err(error) = records.insert_upload(&record)
        {
            // Without its record the room would only be in the way.
            let _ = self.storage.unstage(id);
            // Two requests with the same key at the same time: one of them was first.
            let first = record.key.map(|key| self.by_key(&record.owner, key, true)).transpose()?.flatten();
            return first.ok_or_else(|| error.into());
        }
        self.unfinished.fetch_add(1, Ordering::Relaxed);
        let slot = Slot::new(record);
        let upload = slot.live().describe();
        self.slots().insert(id, slot);
        Ok(upload)
    }

    /// The upload that was begun with that key.
    fn by_key(&self, owner: &Owner, key: JobId, written_down: bool) -> Result<Option<Upload>, StorageError> {
        if written_down {
            let Some(record) = self.records()?.upload_by_key(owner, key)? else { return Ok(None) };
            return Ok(Some(self.slot(record.id, owner)?.live().describe()));
        }
        let is_it = |slot: &Arc<Slot>| {
            let live = slot.live();
            (live.record.owner == *owner && live.record.key == Some(key)).then(|| live.describe())
        };
        Ok(self.slots().values().find_map(is_it))
    }

    /// How long the upload is that is joined of those parts.
    fn joined_length(&self, owner: &Owner, request: &Stage) -> Result<u64, Stop> {
        let mut length = 0_u64;
        for id in &request.parts {
            let slot = self.slot(*id, owner)?;
            let live = slot.live();
            let record = &live.record;
            if record.request.target.is_some() || record.is_joined() {
                return Err(Failure::new(ErrorCode::BadRequest, "one of the parts is an upload of its own").into());
            }
            if record.length != Some(record.durable) {
                return Err(Failure::new(ErrorCode::Incomplete, "one of the parts lacks bytes").into());
            }
            length = length.saturating_add(record.durable);
        }
        match request.length {
            Some(said) if said != length => Err(ErrorCode::LengthMismatch.into()),
            _ => Ok(length),
        }
    }

    /// Sees to it that there is a folder for `target`.
    fn ready_parent(&self, target: &VPath, make: bool) -> Result<(), StorageError> {
        refuse_own_names(target)?;
        let Some(parent) = target.parent() else { return Ok(()) };
        make_folders(&*self.storage, &parent, make)
    }

    /// How many bytes can be written where an upload's bytes are kept and where they go.
    fn space_for(&self, target: Option<&VPath>) -> Result<Option<u64>, StorageError> {
        let parent = target.and_then(VPath::parent).unwrap_or_default();
        self.storage.space(&parent)
    }

    /// One owner's uploads, newest first.
    fn of_owner(&self, owner: &Owner) -> Result<Vec<Upload>, StorageError> {
        let mut found = self.records()?.uploads_of(owner, LISTED_MAX)?;
        let kept_in_memory = |slot: &Arc<Slot>| {
            let live = slot.live();
            (!live.record.request.resumable && live.record.owner == *owner).then(|| live.record.clone())
        };
        found.extend(self.slots().values().filter_map(kept_in_memory));
        found.sort_by(|left, right| (right.created, left.id).cmp(&(left.created, right.id)));
        found.truncate(LISTED_MAX as usize);
        Ok(found.iter().map(|record| record.describe(None)).collect())
    }
}
