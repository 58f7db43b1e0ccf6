//! STORE: a small file, whole in one exchange. Nothing is told of it before it is a file, so that nothing is written down
//! of it: what a crash leaves of it is bytes without a name, which the next start clears away.

use std::sync::Arc;

use shared::limits::UPLOAD_UNRECORDED_TIME;
use shared::wire::{Failure, FrameKind, Store, Upload};
use shared::{Checksum, ErrorCode, Rights, UploadId, VPath};

use super::commit::{as_asked, check_blake3, place};
use super::decide::{Terms, terms, within};
use super::registry::{Uploads, uploader};
use super::write::Intake;
use crate::random::random_bytes;
use crate::server::authority::{authorise, granted};
use crate::server::blocking::attempt;
use crate::server::clock;
use crate::server::connection::handshake::Peer;
use crate::server::connection::response::{Answer, Stop};
use crate::server::digests::hasher::{Sum, Sums};
use crate::server::folders::{make_folders, refuse_own_names};
use crate::server::operations::send::Sink;
use crate::server::records::uploads::UploadRecord;
use crate::server::state::Server;
use crate::storage::{Published, StorageError};

/// DATA… PUT_END come in; then UPLOAD with the file, END.
pub(in crate::server) async fn store<W: Sink>(
    server: &Server,
    peer: Peer,
    answer: &mut Answer<'_, W>,
    intake: Intake<'_>,
    request: Store,
) -> Result<(), Stop> {
    let Store { stage, checksum } = request;
    answer.set_deadline(stage.caller.deadline_ms);
    let owner = uploader(&stage.caller, peer)?;
    let (Some(asked), Some(length)) = (stage.target.clone(), stage.length) else {
        return Err(Failure::new(ErrorCode::BadRequest, "a STORE says its target and its length").into());
    };
    let path = authorise(&stage.caller, peer, Rights::NONE, &asked)?;
    refuse_own_names(&path)?;
    let rights = granted(&stage.caller, peer);
    let now = clock::now();
    let expires = clock::after(now, UPLOAD_UNRECORDED_TIME);
    let record = UploadRecord::new(UploadId(random_bytes().map_err(StorageError::from)?), owner, stage, now, expires);
    let terms = within(terms(&record, None, None), rights)?;
    let make_parents = record.request.make_parents && rights.contains(Rights::CREATE);
    let uploads = Arc::clone(&server.uploads);
    let storing = Storing { uploads, record, terms, asked, path, make_parents };
    let bytes = intake.whole(answer, length).await?;
    let upload = answer.during(attempt(move || storing.run(&bytes, checksum.as_ref()))).await?;
    answer.send(FrameKind::Upload, &upload).await
}

/// A small file on its way.
struct Storing {
    uploads: Arc<Uploads>,
    record: UploadRecord,
    terms: Terms,
    /// As the caller named it.
    asked: VPath,
    /// In the storage.
    path: VPath,
    make_parents: bool,
}

impl Storing {
    fn run(self, bytes: &[u8], checksum: Option<&Checksum>) -> Result<Upload, Stop> {
        // Where no records can be kept, nothing else can be written either.
        self.uploads.records()?;
        if let Some(checksum) = checksum {
            let mut sum = Sum::new(checksum.algorithm);
            sum.update(bytes);
            if sum.finish() != *checksum {
                return Err(ErrorCode::ChecksumMismatch.into());
            }
        }
        let mut sums = Sums::new(&Sums::OF_UPLOADS);
        sums.update(bytes);
        let digests = sums.finish();
        check_blake3(&digests, self.record.request.blake3.as_deref())?;
        let storage = &*self.uploads.storage;
        let placed = place(storage, &self.path, self.terms.conflict, |path| Ok(self.store(path, bytes)?))?;
        let (replaced, skipped) = (placed.as_ref().is_some_and(|(_, published)| published.replaced), placed.is_none());
        let entry = placed.map(|(path, Published { mut entry, .. })| {
            if let Some(etag) = entry.etag {
                self.uploads.digests.keep(etag, &digests);
            }
            entry.path = as_asked(&self.asked, &path);
            entry
        });
        let described = self.record.describe(Some(digests).filter(|_| !skipped));
        Ok(Upload { entry, replaced, skipped, offset: bytes.len() as u64, target: Some(self.asked), ..described })
    }

    /// Under that name, with the folders on the way where they are missing and wanted.
    fn store(&self, path: &VPath, bytes: &[u8]) -> Result<Published, StorageError> {
        let attributes = self.uploads.attributes(&self.record);
        let store = || self.uploads.storage.store(self.record.id, bytes, path, &self.terms.expected, &attributes);
        match (store(), path.parent()) {
            (Err(error), Some(parent)) if self.make_parents && error.code == ErrorCode::ParentMissing => {
                make_folders(&*self.uploads.storage, &parent, true)?;
                store()
            }
            (stored, _) => stored,
        }
    }
}
