//! One attempt at one file: from where the server stands to the end, or to the first failure. What to do after a failure
//! the queue decides.

#![cfg(target_arch = "wasm32")]

use shared::api::files::StatEntry;
use shared::api::uploads::{CommitUpload, ReadDigest, ReadUpload};
use shared::hex;
use shared::{Algorithm, Conflict, ErrorCode, UploadId};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, File};

use super::check_conflicts::theirs_of;
use super::controller::Uploads;
use super::hasher::{Hashed, Hasher, Hashing};
use super::model::header_fields::digest_field;
use super::model::retry_policy::remedy;
use super::model::slices::{SLICE_BYTES_MIN, next_slice, slice_end};
use super::model::totals::is_small;
use super::model::{Id, Item, Remedy, Report, Rule, Trouble};
use super::single_request;
use super::tus::{self, Standing};
use super::uploaded_file::Filed;
use crate::env::now;
use crate::failure::Failure;
use crate::net::api::call;

/// One attempt.
pub(super) struct Attempt {
    pub(super) uploads: Uploads,
    pub(super) hasher: Hasher,
    pub(super) id: Id,
    pub(super) run: u32,
    pub(super) file: File,
    pub(super) item: Item,
    pub(super) signal: AbortSignal,
    /// Where the file was read before its turn came.
    pub(super) read: Option<Hashing>,
}

impl Attempt {
    /// Sends the file.
    pub(super) async fn send(mut self) {
        let report = match self.transfer().await {
            Ok(report) => report,
            Err(failure) => self.explain(failure).await,
        };
        self.say(report);
    }

    /// Finds out whether the file there is the same.
    pub(super) async fn compare(self) {
        let (uploads, id, run) = (self.uploads, self.id, self.run);
        let ours = self.hasher.start(&self.file, &self.signal, move |bytes| {
            uploads.report(id, run, Report::Hashed(bytes));
        });
        let ask = ReadDigest { path: self.item.chosen.target.clone(), algorithm: Algorithm::Blake3 };
        let report = match call(&ask, Some(&self.signal)).await {
            Ok(theirs) => {
                let theirs = theirs.digests.get(Algorithm::Blake3).map(hex::encode);
                Report::Compared(theirs.is_some() && ours.digest().await == theirs)
            }
            Err(failure) => match remedy(&failure) {
                again @ (Remedy::Reconnect | Remedy::Retry) => Report::Failed(again),
                // What cannot be compared is not the same for sure.
                _ => Report::Compared(false),
            },
        };
        self.say(report);
    }

    fn say(&self, report: Report) {
        self.uploads.report(self.id, self.run, report);
    }

    /// Says how much was sent, counted from `start`.
    fn progress(&self, start: u64) -> impl Fn(u64) + 'static {
        let (uploads, id, run) = (self.uploads, self.id, self.run);
        move |bytes| uploads.report(id, run, Report::Sent(start + bytes))
    }

    async fn transfer(&mut self) -> Result<Report, Failure> {
        if single_request::fits(&self.item) {
            let hashing = self.read.take().unwrap_or_else(|| self.hasher.read(&self.file, &self.signal));
            return self.put(hashing.whole().await).await;
        }
        let Item { chosen, upload, .. } = &self.item;
        let hashing = self.hasher.start(&self.file, &self.signal, |_| {});
        if is_small(chosen.size) && upload.is_none() {
            // Hashing so little takes no time, and lets the server refuse what was damaged on the way.
            let ours = hashing.digest().await;
            let body = Some(AsRef::<Blob>::as_ref(&self.file)).filter(|_| chosen.size > 0);
            let filed = self.create(ours.as_deref(), body).await?.file;
            self.say(Report::Sent(chosen.size));
            return Ok(filed.judge(ours.as_deref()));
        }
        let (upload, at, filed) = self.standing().await?;
        match filed {
            Some(filed) => Ok(filed.judge(self.proof(hashing, at).await.as_deref())),
            None if at < chosen.size => self.slices(upload, at, hashing).await,
            None => {
                let ours = self.proof(hashing, at).await;
                let filed = self.commit(upload, ours.as_deref()).await?;
                Ok(filed.judge(ours.as_deref()))
            }
        }
    }

    /// The whole file in one request.
    async fn put(&self, hashed: Hashed) -> Result<Report, Failure> {
        let ours = hashed.digest.as_deref();
        match single_request::put(&self.item, &self.file, &hashed, &self.signal).await {
            Ok(filed) => Ok(filed.judge(ours)),
            // The answer to an attempt before this one may have been lost on the way.
            Err(failure) if remedy(&failure) == Remedy::Ask && self.is_there(ours).await => Ok(Report::Done(true)),
            Err(failure) => Err(failure),
        }
    }

    /// True if the very same file stands at the target.
    async fn is_there(&self, ours: Option<&str>) -> bool {
        let path = &self.item.chosen.target;
        let theirs = call(&StatEntry { path: path.clone() }, Some(&self.signal)).await;
        if ours.is_none() || !theirs.is_ok_and(|theirs| theirs.is_file() && theirs.size == self.item.chosen.size) {
            return false;
        }
        let ask = ReadDigest { path: path.clone(), algorithm: Algorithm::Blake3 };
        let theirs = call(&ask, Some(&self.signal)).await;
        theirs.is_ok_and(|theirs| theirs.digests.get(Algorithm::Blake3).map(hex::encode).as_deref() == ours)
    }

    /// What the file here comes to, for which nothing but the hash is waited any more.
    async fn proof(&self, hashing: Hashing, at: u64) -> Option<String> {
        self.say(Report::Verifying);
        let digest = hashing.digest().await;
        self.say(Report::Sent(at));
        digest
    }

    /// The upload's address, where it stands, and the file if it is one. It is asked for in a way that cannot make it
    /// one: that waits for the proof.
    async fn standing(&self) -> Result<(UploadId, u64, Option<Filed>), Failure> {
        if let Some(id) = self.item.upload {
            let state = call(&ReadUpload { id }, Some(&self.signal)).await?;
            self.say(Report::Kept(state.offset));
            let file = state.entry.is_some() || state.skipped;
            return Ok((id, state.offset, file.then(|| Filed::of(state))));
        }
        let made = self.create(None, None).await?;
        let upload = made.upload.ok_or(Failure::Foreign { status: 201 })?;
        // A creation that was asked for twice is the same upload, which may have moved on since.
        self.say(Report::Kept(made.offset));
        Ok((upload, made.offset, None))
    }

    /// Begins the upload, with all of the bytes or none. Its address is known even where the bytes did not become a file.
    async fn create(&self, digest: Option<&str>, body: Option<&Blob>) -> Result<Standing, Failure> {
        let Item { chosen, rule, .. } = &self.item;
        let fields = tus::creation(chosen, rule, digest);
        let key = self.uploads.key_for(self.id, &fields);
        let (made, upload) = tus::create(fields, key, body, &self.signal, self.progress(0)).await?;
        // What became a file in one go needs no address any more.
        if let Some(upload) = upload.filter(|_| body.is_none() || made.is_err()) {
            self.say(Report::Created(upload));
        }
        made
    }

    /// Sends what is missing. The last slice waits for the hash and brings it along, so that what was damaged on the way
    /// is refused before anybody sees it.
    async fn slices(&self, upload: UploadId, from: u64, hashing: Hashing) -> Result<Report, Failure> {
        let size = self.item.chosen.size;
        let (mut at, mut slice) = (from, SLICE_BYTES_MIN);
        loop {
            let end = slice_end(at, slice, size);
            if end >= size {
                break;
            }
            let start = now();
            at = self.slice(upload, at, end, None).await?.offset;
            slice = next_slice(slice, now() - start);
        }
        let ours = self.proof(hashing, at).await;
        let standing = self.slice(upload, at, size, ours.as_deref()).await?;
        Ok(standing.file.judge(ours.as_deref()))
    }

    async fn slice(&self, upload: UploadId, at: u64, end: u64, digest: Option<&str>) -> Result<Standing, Failure> {
        let body = self.file.slice_with_f64_and_f64(at as f64, end as f64).map_err(|_| Failure::Unreachable)?;
        let standing = tus::append(upload, at, &body, digest, &self.signal, self.progress(at)).await?;
        if standing.offset != end {
            return Err(Failure::Foreign { status: 204 });
        }
        self.say(Report::Kept(end));
        Ok(standing)
    }

    /// All bytes were there already.
    async fn commit(&self, id: UploadId, digest: Option<&str>) -> Result<Filed, Failure> {
        let (conflict, if_match) = match &self.item.rule {
            Rule::New => (Conflict::Fail, None),
            Rule::KeepBoth => (Conflict::KeepBoth, None),
            Rule::Replace(etag) => (Conflict::Replace, *etag),
        };
        let repr_digest = digest.map(digest_field);
        let commit = CommitUpload { id, path: None, conflict: Some(conflict), if_match, repr_digest };
        call(&commit, Some(&self.signal)).await.map(Filed::of)
    }

    /// What a failure comes to, which may take another look.
    async fn explain(&self, failure: Failure) -> Report {
        match remedy(&failure) {
            Remedy::Ask => self.look().await,
            // A browser calls a file that it can no longer read a network error, too.
            Remedy::Reconnect if !self.is_readable().await => Report::Failed(Remedy::Tell(Trouble::Unreadable)),
            remedy => Report::Failed(remedy),
        }
    }

    async fn look(&self) -> Report {
        let stat = StatEntry { path: self.item.chosen.target.clone() };
        match call(&stat, Some(&self.signal)).await {
            Ok(entry) => Report::Conflict(theirs_of(&entry)),
            Err(Failure::Refused { code: ErrorCode::NotFound, .. }) => Report::Cleared,
            Err(failure) => Report::Failed(remedy(&failure)),
        }
    }

    async fn is_readable(&self) -> bool {
        let size = self.file.size();
        let Ok(end) = self.file.slice_with_f64_and_f64((size - 1.0).max(0.0), size) else { return false };
        JsFuture::from(end.array_buffer()).await.is_ok()
    }
}
