//! COMMIT: an upload that is whole and proved becomes a file, at once. What is about to be done is written down first,
//! so that a crash in between is found out about and the answer to a second COMMIT is the same.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shared::limits::JOB_KEPT;
use shared::wire::{Commit, Failure, FrameKind, Upload};
use shared::{Algorithm, Conflict, Digests, Entry, ErrorCode, Rights, VPath};
use tokio_util::sync::CancellationToken;

use super::decide::{Terms, terms, within};
use super::registry::{Hold, Uploads, uploader};
use crate::server::authority::{authorise, granted};
use crate::server::blocking::attempt;
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::digests::hasher::Sums;
use crate::server::folders::make_folders;
use crate::server::operations::digest::digest_of;
use crate::server::operations::send::Sink;
use crate::server::records::uploads::UploadRecord;
use crate::server::state::Server;
use crate::storage::{Published, Staged, Storage, StorageError, numbered_name};

/// What is copied in one step, in bytes: a client that cancels waits no longer than that.
const STEP_BYTES: u64 = 64 << 20;
/// With more uploads in memory than that, the answer to a COMMIT of one that is not written down is not kept.
const ANSWERS_KEPT_MAX: usize = 10_000;
/// How many names are tried beside one that is taken.
const NAMES_MAX: u32 = 10_000;

/// UPLOAD with the file, END.
pub(in crate::server) async fn commit<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    request: Commit,
) -> Result<(), Stop> {
    answer.set_deadline(request.caller.deadline_ms);
    let owner = uploader(&request.caller, peer)?;
    let hold = server.uploads.hold(answer, request.upload, owner).await?;
    let record = hold.record();
    if let Some(answered) = &record.answer {
        return answer.send(FrameKind::Upload, answered).await;
    }
    let asked = request.target.clone().or_else(|| record.request.target.clone());
    let Some(asked) = asked else {
        return Err(Failure::new(ErrorCode::BadRequest, "a part of another upload becomes no file").into());
    };
    let path = authorise(&request.caller, peer, Rights::NONE, &asked)?;
    let rights = granted(&request.caller, peer);
    let terms = within(terms(&record, request.conflict, request.if_match), rights)?;
    let blake3 = request.blake3.or_else(|| record.request.blake3.clone());
    let cancelled = answer.cancelled().clone();
    let commit = Committing { uploads: Arc::clone(&server.uploads), hold, record, terms, asked, path, cancelled };
    let upload = answer.during(attempt(move || commit.run(blake3.as_deref()))).await?;
    answer.send(FrameKind::Upload, &upload).await
}

/// An upload on its way to be a file.
struct Committing {
    uploads: Arc<Uploads>,
    hold: Arc<Hold>,
    record: UploadRecord,
    terms: Terms,
    /// As the caller named it.
    asked: VPath,
    /// In the storage.
    path: VPath,
    cancelled: CancellationToken,
}

impl Committing {
    fn run(self, blake3: Option<&[u8]>) -> Result<Upload, Stop> {
        let length = self.whole_length()?;
        if let Some(published) = self.uploads.published_before(&self.record)? {
            let digests = self.digests_of_file()?;
            check_blake3(&digests, blake3)?;
            let path = published.entry.path.clone();
            return self.answer(Some(published), &path, digests);
        }
        let known = self.hold.live().sums.take().filter(|sums| sums.bytes() == length && !self.record.is_joined());
        let staged = if self.record.is_joined() { self.join()? } else { self.uploads.open(&self.record)? };
        let sums = match known {
            Some(sums) => sums,
            None => self.read_again(&*staged, length)?,
        };
        self.hold.live().sums = Some(sums.clone());
        let digests = sums.finish();
        if let Err(mismatch) = check_blake3(&digests, blake3) {
            self.uploads.distrust(&self.hold, blake3)?;
            return Err(mismatch);
        }
        drop(staged);
        self.still_wanted()?;
        match self.publish(&digests)? {
            Some((path, published)) => self.answer(Some(published), &path, digests),
            None => self.answer(None, &self.path, digests),
        }
    }

    /// How long the file will be.
    fn whole_length(&self) -> Result<u64, Stop> {
        match self.record.length {
            Some(length) if self.record.is_joined() || self.record.durable == length => Ok(length),
            Some(_) => Err(Failure::new(ErrorCode::Incomplete, "the upload lacks bytes").into()),
            None => Err(Failure::new(ErrorCode::Incomplete, "nobody said how long the upload is").into()),
        }
    }

    /// Copies the parts together, in their order.
    fn join(&self) -> Result<Box<dyn Staged>, Stop> {
        let staged = self.uploads.open(&self.record)?;
        let mut at = 0;
        for id in &self.record.request.parts {
            let gone = |_| Failure::new(ErrorCode::Gone, "one of the parts has expired or was given up");
            let part = self.uploads.slot(*id, &self.record.owner).map_err(gone)?;
            let length = part.live().record.durable;
            let source = self.uploads.storage.staged(*id)?;
            let mut copied = 0;
            while copied < length {
                self.still_wanted()?;
                let step = STEP_BYTES.min(length - copied);
                match staged.copy_from_staged(&*source, copied, step, at + copied)? {
                    0 => return Err(Failure::new(ErrorCode::Gone, "one of the parts has lost bytes").into()),
                    bytes => copied += bytes,
                }
            }
            at += length;
        }
        Ok(staged)
    }

    /// The digests of bytes that did not all go by in this process, or not in their order.
    fn read_again(&self, staged: &dyn Staged, length: u64) -> Result<Sums, Stop> {
        let mut sums = Sums::new(&Sums::OF_UPLOADS);
        let read = |buffer: &mut [u8], at| staged.read_at(buffer, at);
        digest_of(&mut sums, length, read, &mut |_| self.still_wanted())?;
        Ok(sums)
    }

    fn still_wanted(&self) -> Result<(), Stop> {
        if self.cancelled.is_cancelled() {
            return Err(Failure::new(ErrorCode::Canceled, "the client cancelled the request").into());
        }
        Ok(())
    }

    /// Gives the upload its name, or another one beside it; none where what is there stays.
    fn publish(&self, digests: &Digests) -> Result<Option<(VPath, Published)>, Stop> {
        let begun_before = self.record.target_path();
        let attributes = self.uploads.attributes(&self.record);
        if self.record.request.make_parents
            && let Some(parent) = self.path.parent()
        {
            make_folders(&*self.uploads.storage, &parent, true)?;
        }
        place(&*self.uploads.storage, &self.path, self.terms.conflict, |path| {
            self.uploads.set_target(&self.hold, path)?;
            match self.uploads.storage.publish(self.record.id, path, &self.terms.expected, &attributes) {
                Ok(published) => Ok(published),
                Err(error) if error.code == ErrorCode::AlreadyExists => {
                    if self.terms.conflict != Conflict::Fail || begun_before.as_ref() != Some(path) {
                        return Err(error.into());
                    }
                    // A COMMIT before a crash may have got as far as that.
                    let entry = self.same_content(path, digests)?.ok_or(error)?;
                    self.uploads.storage.unstage(self.record.id)?;
                    Ok(Published { entry, replaced: false })
                }
                Err(error) => {
                    if matches!(error.code, ErrorCode::Io | ErrorCode::NoSpace | ErrorCode::QuotaExceeded) {
                        self.uploads.cut_back(&self.hold)?;
                    }
                    Err(error.into())
                }
            }
        })
    }

    /// The file at `path`, if its content has those digests.
    fn same_content(&self, path: &VPath, digests: &Digests) -> Result<Option<Entry>, Stop> {
        let file = self.uploads.storage.open(path)?;
        if Some(file.entry().size) != self.record.length {
            return Ok(None);
        }
        let mut sums = Sums::new(&Sums::OF_UPLOADS);
        digest_of(&mut sums, file.entry().size, |buffer, at| file.read_at(buffer, at), &mut |_| self.still_wanted())?;
        let same = sums.finish().get(Algorithm::Blake3) == digests.get(Algorithm::Blake3);
        Ok(same.then(|| file.entry().clone()))
    }

    /// The digests of what a COMMIT before a crash published.
    fn digests_of_file(&self) -> Result<Digests, Stop> {
        let path = self.record.target_path().unwrap_or_else(|| self.path.clone());
        let file = self.uploads.storage.open(&path)?;
        let mut sums = Sums::new(&Sums::OF_UPLOADS);
        digest_of(&mut sums, file.entry().size, |buffer, at| file.read_at(buffer, at), &mut |_| self.still_wanted())?;
        Ok(sums.finish())
    }

    /// What the client is told, from now on and after a restart.
    fn answer(&self, published: Option<Published>, path: &VPath, digests: Digests) -> Result<Upload, Stop> {
        let skipped = published.is_none();
        let replaced = published.as_ref().is_some_and(|published| published.replaced);
        let entry = published.map(|published| {
            let mut entry = published.entry;
            if let Some(etag) = entry.etag {
                self.uploads.digests.keep(etag, &digests);
            }
            entry.path = as_asked(&self.asked, path);
            entry
        });
        let digests = Some(digests).filter(|_| !skipped);
        let described = self.record.describe(digests);
        let offset = self.record.length.unwrap_or(described.offset);
        let upload = Upload { entry, replaced, skipped, offset, target: Some(self.asked.clone()), ..described };
        self.uploads.finish(&self.hold, upload.clone())?;
        // Nothing took the bytes; or a rename that a crash has caught left them under their old name, too.
        if skipped || self.record.target.is_some() {
            self.uploads.storage.unstage(self.record.id)?;
        }
        for part in &self.record.request.parts {
            // One that is gone already is as good.
            if let Ok(part) = self.uploads.slot(*part, &self.record.owner) {
                self.uploads.forget(&part)?;
            }
        }
        Ok(upload)
    }
}

/// Has `publish` give what is to be a file its name, or another one beside it; none where what is there stays.
pub(super) fn place(
    storage: &dyn Storage,
    wanted: &VPath,
    conflict: Conflict,
    mut publish: impl FnMut(&VPath) -> Result<Published, Stop>,
) -> Result<Option<(VPath, Published)>, Stop> {
    let mut path = wanted.clone();
    for attempt in 2..NAMES_MAX {
        if conflict == Conflict::KeepBoth && storage.stat(&path).is_ok() {
            path = beside(wanted, attempt)?;
            continue;
        }
        match publish(&path) {
            Ok(published) => return Ok(Some((path, published))),
            Err(Stop::Failed(failure)) if failure.code == ErrorCode::AlreadyExists => match conflict {
                Conflict::KeepBoth => path = beside(wanted, attempt)?,
                Conflict::Skip => return Ok(None),
                // Who may only create was to replace.
                Conflict::Replace => return Err(ErrorCode::Forbidden.into()),
                Conflict::Fail => return Err(failure.into()),
            },
            Err(stop) => return Err(stop),
        }
    }
    Err(Failure::new(ErrorCode::AlreadyExists, "there is no free name beside it").into())
}

/// What became of a path that was asked for, where the file at `path` in the storage came of it: it may be beside it, in
/// the same folder.
pub(super) fn as_asked(asked: &VPath, path: &VPath) -> VPath {
    let beside = asked.parent().and_then(|parent| parent.join(path.name()).ok());
    beside.unwrap_or_else(|| asked.clone())
}

pub(super) fn check_blake3(digests: &Digests, wanted: Option<&[u8]>) -> Result<(), Stop> {
    if wanted.is_some() && digests.get(Algorithm::Blake3) != wanted {
        return Err(Failure::new(ErrorCode::ChecksumMismatch, "the bytes are not those of the digest").into());
    }
    Ok(())
}

fn beside(path: &VPath, attempt: u32) -> Result<VPath, StorageError> {
    numbered_name(path, attempt).ok_or_else(|| StorageError::new(ErrorCode::NameRefused, "no name fits beside it"))
}

impl Uploads {
    /// What a COMMIT made of an upload before a crash: its bytes have no room of their own any more, and there is a file
    /// of that length where it was to go.
    pub(super) fn published_before(&self, record: &UploadRecord) -> Result<Option<Published>, StorageError> {
        let Some(path) = record.target_path() else { return Ok(None) };
        match self.storage.staged(record.id) {
            Err(error) if error.code == ErrorCode::NotFound => {}
            _ => return Ok(None),
        }
        match self.storage.stat(&path) {
            Ok(entry) if entry.is_file() && Some(entry.size) == record.length => {
                Ok(Some(Published { entry, replaced: false }))
            }
            Ok(_) => Ok(None),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Holds the digest that one COMMIT has missed against every later one that names none: what is known to be spoilt
    /// must not become a file for who asks again.
    fn distrust(&self, hold: &Hold, blake3: Option<&[u8]>) -> Result<(), StorageError> {
        let mut request = hold.record().request;
        if request.blake3.is_some() {
            return Ok(());
        }
        request.blake3 = blake3.map(<[u8]>::to_vec);
        if request.resumable {
            self.records()?.set_request(hold.record().id, &request)?;
        }
        hold.live().record.request = request;
        Ok(())
    }

    /// Writes down where an upload is about to go.
    fn set_target(&self, hold: &Hold, path: &VPath) -> Result<(), StorageError> {
        let record = hold.record();
        if record.request.resumable {
            self.records()?.set_target(record.id, path.as_bytes())?;
        }
        hold.live().record.target = Some(path.as_bytes().to_vec());
        Ok(())
    }

    /// An upload has become a file: its answer is kept for who asks again.
    fn finish(&self, hold: &Hold, upload: Upload) -> Result<(), StorageError> {
        let record = hold.record();
        let now = clock::now();
        let expires = if record.request.resumable {
            let expires = clock::after(now, JOB_KEPT);
            self.records()?.set_answer(record.id, &upload, expires)?;
            expires
        } else {
            clock::after(now, shared::limits::UPLOAD_UNRECORDED_TIME)
        };
        let mut live = hold.live();
        live.record.answer = Some(upload);
        live.record.expires = expires;
        live.sums = None;
        drop(live);
        if !record.request.resumable {
            let mut slots = self.slots();
            if slots.len() > ANSWERS_KEPT_MAX {
                slots.remove(&record.id);
            }
        }
        self.unfinished.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}
