//! One attempt to upload a file, from the server's offset to the end or to the first failure. The queue decides what
//! follows a failure.

#![cfg(target_arch = "wasm32")]

use std::cell::Cell;
use std::rc::Rc;

use shared::api::files::StatEntry;
use shared::api::uploads::{CommitUpload, ReadDigest, ReadUpload};
use shared::hex;
use shared::{Algorithm, ErrorCode, UploadId};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, File};

use super::hasher::{HashedFile, Hasher, PendingHash};
use super::idempotency_keys::IdempotencyKeys;
use super::model::header_fields::repr_digest;
use super::model::retry_policy::remedy;
use super::model::slices::{BodyLimit, SLICE_BYTES_MIN, next_slice, slice_end};
use super::model::totals::is_small;
use super::model::{AttemptEvent, ExistingEntry, Id, Item, Remedy, UploadError};
use super::published::Published;
use super::single_request;
use super::tus::{self, UploadStatus};
use super::uploaded_file::UploadedFile;
use crate::env::now;
use crate::failure::{Failure, Reason};
use crate::net::api::call;
use crate::printable::printable;

/// One attempt.
pub(super) struct Attempt {
    /// Receives the events of the attempt.
    pub(super) on_event: Rc<dyn Fn(AttemptEvent)>,
    /// Receives the news about the uploaded file.
    pub(super) on_published: Rc<dyn Fn(Published)>,
    pub(super) keys: IdempotencyKeys,
    pub(super) hasher: Hasher,
    pub(super) id: Id,
    pub(super) file: File,
    pub(super) item: Item,
    pub(super) signal: AbortSignal,
    /// The hash of the file, once it is begun: before the attempt if the file was read ahead. Requests that a proxy
    /// refused are followed by others of the same bytes, so it is begun once.
    pub(super) hash: Option<PendingHash>,
    /// What a proxy takes, shared by all attempts.
    pub(super) limit: Rc<Cell<BodyLimit>>,
    /// The length of the last body, in bytes.
    pub(super) body_bytes: Cell<u64>,
}

impl Attempt {
    /// Uploads the file.
    pub(super) async fn send(mut self) {
        let event = loop {
            match self.transfer().await {
                Ok(event) => break event,
                // Not a refusal by the server, whose answer would have a code.
                Err(Failure::Foreign { status: 413 }) if self.shorten_bodies() => self.emit(AttemptEvent::Sent(0)),
                Err(failure) => break self.event_of_failure(failure).await,
            }
        };
        self.emit(event);
    }

    /// Accepts the server's answer about a complete upload, and passes on what else it says.
    fn accept(&self, uploaded: UploadedFile, local: Option<&str>) -> AttemptEvent {
        if uploaded.replaced.is_some() || uploaded.similar.is_some() {
            let (replaced, similar) = (uploaded.replaced, uploaded.similar.clone());
            let name = printable(self.item.file.target.name());
            (self.on_published)(Published { name, replaced, similar });
        }
        uploaded.verify(local)
    }

    /// Lowers the limit of request bodies after a proxy refused one. `false` if no shorter body is worth a try.
    fn shorten_bodies(&self) -> bool {
        let mut limit = self.limit.get();
        let shorter = limit.refuse(self.body_bytes.get());
        self.limit.set(limit);
        shorter
    }

    /// True if the whole file may be the body of a request.
    fn fits_one_body(&self) -> bool {
        self.limit.get().allows(self.item.file.size)
    }

    /// Compares the file with the existing one by their hashes.
    pub(super) async fn compare(self) {
        let on_event = self.on_event.clone();
        let local = self.hasher.hash(&self.file, &self.signal, move |bytes| on_event(AttemptEvent::Hashed(bytes)));
        let request = ReadDigest { path: self.item.file.target.clone(), algorithm: Algorithm::Blake3 };
        let event = match call(&request, Some(&self.signal)).await {
            Ok(existing) => {
                let existing = existing.digests.get(Algorithm::Blake3).map(hex::encode);
                AttemptEvent::Compared(existing.is_some() && local.digest().await == existing)
            }
            Err(failure) => match remedy(&failure) {
                remedy @ (Remedy::Reconnect | Remedy::Retry(_)) => AttemptEvent::Failed(remedy),
                // Files that cannot be compared count as different.
                _ => AttemptEvent::Compared(false),
            },
        };
        self.emit(event);
    }

    fn emit(&self, event: AttemptEvent) {
        (self.on_event)(event);
    }

    /// Reports the bytes of a request that starts at `offset`.
    fn on_progress(&self, offset: u64) -> impl Fn(u64) + 'static {
        let on_event = self.on_event.clone();
        move |bytes| on_event(AttemptEvent::Sent(offset + bytes))
    }

    async fn transfer(&mut self) -> Result<AttemptEvent, Failure> {
        if single_request::fits(&self.item) && self.fits_one_body() {
            self.body_bytes.set(self.item.file.size);
            let hash = self.hash.get_or_insert_with(|| self.hasher.hash_and_read(&self.file, &self.signal)).clone();
            return self.put(hash.file().await).await;
        }
        let hash = self.hash.get_or_insert_with(|| self.hasher.hash(&self.file, &self.signal, |_| {})).clone();
        let fits_one_body = self.fits_one_body();
        let Item { file, upload, .. } = &self.item;
        if is_small(file.size) && upload.is_none() && fits_one_body {
            self.body_bytes.set(file.size);
            // A small file is hashed first, so that the server can refuse corrupted bytes before it publishes them.
            let digest = hash.digest().await;
            let body = Some(AsRef::<Blob>::as_ref(&self.file)).filter(|_| file.size > 0);
            let uploaded = self.create(digest.as_deref(), body).await?.file;
            self.emit(AttemptEvent::Sent(file.size));
            return Ok(self.accept(uploaded, digest.as_deref()));
        }
        let (upload, offset, uploaded) = self.current_status().await?;
        match uploaded {
            Some(uploaded) => Ok(self.accept(uploaded, self.await_digest(hash, offset).await.as_deref())),
            None if offset < file.size => self.send_slices(upload, offset, hash).await,
            None => {
                let digest = self.await_digest(hash, offset).await;
                let uploaded = self.commit(upload, digest.as_deref()).await?;
                Ok(self.accept(uploaded, digest.as_deref()))
            }
        }
    }

    /// Sends the whole file by PUT.
    async fn put(&self, hashed: HashedFile) -> Result<AttemptEvent, Failure> {
        let digest = hashed.digest.as_deref();
        match single_request::put(&self.item, &self.file, &hashed, (&self.keys, self.id), &self.signal).await {
            Ok(uploaded) => Ok(self.accept(uploaded, digest)),
            // An earlier attempt may have succeeded although its response was lost.
            Err(failure) if remedy(&failure) == Remedy::CheckTarget && self.is_at_target(digest).await => {
                Ok(AttemptEvent::Done(true))
            }
            Err(failure) => Err(failure),
        }
    }

    /// True if the file at the target has the local file's size and digest.
    async fn is_at_target(&self, digest: Option<&str>) -> bool {
        let path = &self.item.file.target;
        let entry = call(&StatEntry { path: path.clone() }, Some(&self.signal)).await;
        if digest.is_none() || !entry.is_ok_and(|entry| entry.is_file() && entry.size == self.item.file.size) {
            return false;
        }
        let request = ReadDigest { path: path.clone(), algorithm: Algorithm::Blake3 };
        let answer = call(&request, Some(&self.signal)).await;
        answer.is_ok_and(|answer| answer.digests.get(Algorithm::Blake3).map(hex::encode).as_deref() == digest)
    }

    /// Waits for the digest of the local file, when everything before `offset` is sent.
    async fn await_digest(&self, hash: PendingHash, offset: u64) -> Option<String> {
        self.emit(AttemptEvent::Verifying);
        let digest = hash.digest().await;
        self.emit(AttemptEvent::Sent(offset));
        digest
    }

    /// The upload's id and offset, and the file if the upload is complete. Reads the status, or creates the upload
    /// without bytes: neither publishes a file, which has to wait for the digest.
    async fn current_status(&self) -> Result<(UploadId, u64, Option<UploadedFile>), Failure> {
        if let Some(id) = self.item.upload {
            let state = call(&ReadUpload { id }, Some(&self.signal)).await?;
            self.emit(AttemptEvent::Stored(state.offset));
            let complete = state.entry.is_some() || state.skipped;
            return Ok((id, state.offset, complete.then(|| UploadedFile::from_state(state))));
        }
        let created = self.create(None, None).await?;
        let upload = created.upload.ok_or(Failure::Foreign { status: 201 })?;
        // A repeated creation returns the upload of the first one, which may have an offset.
        self.emit(AttemptEvent::Stored(created.offset));
        Ok((upload, created.offset, None))
    }

    /// Creates the upload, with all bytes or none. Reports the upload's id even if the server refused the bytes.
    async fn create(&self, digest: Option<&str>, body: Option<&Blob>) -> Result<UploadStatus, Failure> {
        let Item { file, on_existing, .. } = &self.item;
        let fields = tus::creation_fields(file, on_existing, digest);
        let key = self.keys.key_for(self.id, &fields);
        let (status, upload) = tus::create(fields, key, body, &self.signal, self.on_progress(0)).await?;
        // An upload that is complete with its creation needs no id to continue by.
        if let Some(upload) = upload.filter(|_| body.is_none() || status.is_err()) {
            self.emit(AttemptEvent::Created(upload));
        }
        status
    }

    /// Sends the missing bytes. The last slice carries the digest, so that the server refuses corrupted bytes before it
    /// publishes the file.
    async fn send_slices(&self, upload: UploadId, from: u64, hash: PendingHash) -> Result<AttemptEvent, Failure> {
        let size = self.item.file.size;
        let (mut offset, mut slice) = (from, SLICE_BYTES_MIN);
        loop {
            let end = slice_end(offset, slice, size, self.limit.get());
            if end >= size {
                break;
            }
            let start = now();
            offset = self.send_slice(upload, offset, end, None).await?.offset;
            slice = next_slice(slice, now() - start);
        }
        // The slice that ends the file.
        let digest = self.await_digest(hash, offset).await;
        let status = self.send_slice(upload, offset, size, digest.as_deref()).await?;
        Ok(self.accept(status.file, digest.as_deref()))
    }

    async fn send_slice(
        &self,
        upload: UploadId,
        offset: u64,
        end: u64,
        digest: Option<&str>,
    ) -> Result<UploadStatus, Failure> {
        self.body_bytes.set(end - offset);
        let body = self.file.slice_with_f64_and_f64(offset as f64, end as f64).map_err(|_| Failure::Unreachable)?;
        let status = tus::append(upload, offset, &body, digest, &self.signal, self.on_progress(offset)).await?;
        if status.offset != end {
            return Err(Failure::Foreign { status: 204 });
        }
        self.emit(AttemptEvent::Stored(end));
        Ok(status)
    }

    /// Publishes an upload of which the server has all bytes.
    async fn commit(&self, id: UploadId, digest: Option<&str>) -> Result<UploadedFile, Failure> {
        let on_existing = &self.item.on_existing;
        let (conflict, if_match) = (Some(on_existing.conflict()), on_existing.if_match());
        let commit = CommitUpload { id, path: None, conflict, if_match, repr_digest: digest.map(repr_digest) };
        call(&commit, Some(&self.signal)).await.map(UploadedFile::from_state)
    }

    async fn event_of_failure(&self, failure: Failure) -> AttemptEvent {
        match remedy(&failure) {
            Remedy::CheckTarget => self.check_target().await,
            // Browsers report a file that they can no longer read as a network error as well.
            Remedy::Reconnect if !self.is_readable().await => {
                AttemptEvent::Failed(Remedy::Fail(UploadError(Reason::Unreadable)))
            }
            remedy => AttemptEvent::Failed(remedy),
        }
    }

    async fn check_target(&self) -> AttemptEvent {
        let request = StatEntry { path: self.item.file.target.clone() };
        match call(&request, Some(&self.signal)).await {
            Ok(entry) => AttemptEvent::Conflict(ExistingEntry::from(&entry)),
            Err(Failure::Refused { code: ErrorCode::NotFound, .. }) => AttemptEvent::TargetFree,
            Err(failure) => AttemptEvent::Failed(remedy(&failure)),
        }
    }

    /// Reads the last byte of the local file.
    async fn is_readable(&self) -> bool {
        let size = self.file.size();
        let Ok(end) = self.file.slice_with_f64_and_f64((size - 1.0).max(0.0), size) else { return false };
        JsFuture::from(end.array_buffer()).await.is_ok()
    }
}
