//! Writes the bytes of a PUT. While the next batch arrives, one blocking thread writes a batch and another one hashes
//! it. Every [`UPLOAD_SYNC_BYTES`] a sync begins beside the writing; an offset is announced only once it is synced and
//! recorded, together with the state of the digests there.
//!
//! The offset of an upload without a record is not announced before COMMIT. Its bytes are only sent on their way to the
//! disk, so that the sync of the COMMIT finds little to do.

use std::sync::Arc;

use bytes::Bytes;
use shared::limits::{UPLOAD_SYNC_BYTES, UPLOAD_UNRECORDED_TIME};
use shared::wire::{Failure, Put, PutEnd};
use shared::{Checksum, ErrorCode};
use tokio::task::JoinHandle;

use super::begin::fits;
use super::decide::{WriteRange, write_range};
use super::registry::Uploads;
use super::slot::UploadLock;
use crate::admission::{Permit, Who};
use crate::server::blocking::{blocking, blocking_in_turn, blocking_with};
use crate::server::clock;
use crate::server::digests::hasher::Hasher;
use crate::server::digests::upload_hasher::{DigestCheckpoint, UploadHasher};
use crate::server::error::RequestError;
use crate::server::exchange::body::{disconnected, too_long, too_short};
use crate::server::exchange::effect::EffectGate;
use crate::server::exchange::response::ResponseWriter;
use crate::server::exchange::sink::Sink;
use crate::server::records::uploads::Destination;
use crate::storage::{Staged, StorageError};

/// A batch up to this length, in bytes, is hashed by the thread that writes it: a second thread would cost more than it
/// saves.
const HASHED_ALONG_BYTES: usize = 64 << 10;

/// How a body ended.
pub(super) enum BodyEnd {
    /// With PUT_END.
    Ended(PutEnd),
    /// With the connection.
    Disconnected,
    /// The server takes no more of it.
    Refused(RequestError),
}

/// Writes the bytes of one PUT.
pub(super) struct Writer {
    /// `None` while a thread has it, and after that thread panicked.
    file: Option<FileWriter>,
    /// `None` while a thread has it, and after a failed write, which leaves fewer bytes written than hashed.
    hashing: Option<Hashing>,
    /// The sync that runs.
    sync: Option<JoinHandle<Result<(), StorageError>>>,
    /// The offset up to which syncs have begun.
    synced: u64,
}

/// The staged file, for the thread that writes.
struct FileWriter {
    uploads: Arc<Uploads>,
    lock: Arc<UploadLock>,
    /// Whose places its steps take.
    who: Who,
    staged: Arc<dyn Staged>,
    range: WriteRange,
    /// How many bytes the PUT announced.
    announced: Option<u64>,
    /// The offset of the next byte.
    at: u64,
    /// The PUT has a checksum: its bytes are kept whole or not at all.
    checked: bool,
    /// The digest of the whole content, which the PUT named.
    blake3: Option<Vec<u8>>,
}

/// The digests, for the thread that hashes.
struct Hashing {
    /// `None` if the bytes before this PUT were not hashed.
    upload: Option<UploadHasher>,
    /// The checksum of this PUT, and what it has to be.
    check: Option<(Hasher, Checksum)>,
}

impl Writer {
    /// Prepares an upload for the bytes of a PUT, after passing `gate`. Blocks.
    ///
    /// # Errors
    /// [`ErrorCode::Canceled`] of the gate, [`ErrorCode::Gone`], [`ErrorCode::NoSpace`],
    /// [`ErrorCode::QuotaExceeded`], and as [`write_range`].
    pub(super) fn open(
        uploads: Arc<Uploads>,
        lock: Arc<UploadLock>,
        request: &Put,
        destination: Option<Destination>,
        gate: &EffectGate,
    ) -> Result<Self, RequestError> {
        let record = lock.record();
        if record.answer.is_some() {
            return Err(Failure::new(ErrorCode::Gone, "the upload is committed already").into());
        }
        let range = write_range(&record, request)?;
        gate.begin()?;
        let staged: Arc<dyn Staged> = Arc::from(uploads.open(&record)?);
        if record.length.is_none()
            && let Some(length) = range.length
        {
            // Now announced: refused as at the beginning of an upload.
            fits(Some(length - range.start), staged.space()?)?;
            uploads.unfinished.check(record.id, length)?;
        }
        if let Some(end) = range.end {
            fits(Some(end - range.start), staged.space()?)?;
            uploads.unfinished.hold(record.id, end)?;
        }
        let mut state = lock.state();
        (state.record.length, state.record.destination) = (range.length, destination);
        drop(state);
        let upload = record.digests_at(range.start).cloned().map(UploadHasher::resume);
        let check = request.checksum.clone().map(|checksum| (Hasher::new(checksum.algorithm), checksum));
        let (announced, checked) = (request.length, check.is_some());
        let blake3 = request.blake3.clone();
        let file =
            FileWriter { uploads, lock, who: record.who(), staged, range, announced, at: range.start, checked, blake3 };
        Ok(Self { file: Some(file), hashing: Some(Hashing { upload, check }), sync: None, synced: range.start })
    }

    /// Writes a batch, and begins a sync if one is due. Bytes past the end are an error, but those before it are
    /// written. [`Writer::settle`] has to follow in any case.
    pub(super) async fn write<W: Sink>(
        &mut self,
        response: &mut ResponseWriter<'_, W>,
        mut pieces: Vec<Bytes>,
    ) -> Result<(), RequestError> {
        let Some(file) = self.file.take() else { return Err(ErrorCode::Internal.into()) };
        let past_end = file.range.end.is_some_and(|end| cut(&mut pieces, end - file.at));
        if pieces.is_empty() {
            self.file = Some(file);
        } else {
            self.write_and_hash(response, file, pieces).await?;
        }
        if past_end {
            return Err(too_long());
        }
        self.sync_if_due(response).await
    }

    async fn write_and_hash<W: Sink>(
        &mut self,
        response: &mut ResponseWriter<'_, W>,
        mut file: FileWriter,
        pieces: Vec<Bytes>,
    ) -> Result<(), RequestError> {
        let Some(mut hashing) = self.hashing.take() else { return Err(ErrorCode::Internal.into()) };
        let along = pieces.iter().map(Bytes::len).sum::<usize>() <= HASHED_ALONG_BYTES;
        let pieces: Arc<[Bytes]> = pieces.into();
        let place = response.run_to_completion(file.place()).await;
        let (written, hashing) = if along {
            let both = blocking_with(place, move || {
                hashing.update(&pieces);
                Ok::<_, RequestError>((file.write(&pieces), file, hashing))
            });
            let (written, file, hashing) = response.run_to_completion(both).await?;
            self.file = Some(file);
            (written, hashing)
        } else {
            let hashed = Arc::clone(&pieces);
            let writing = blocking_with(place, move || Ok::<_, RequestError>((file.write(&pieces), file)));
            let hashing = blocking(move || {
                hashing.update(&hashed);
                Ok::<_, RequestError>(hashing)
            });
            let (written, hashing) = response.run_to_completion(async { tokio::join!(writing, hashing) }).await;
            let (written, file) = written?;
            self.file = Some(file);
            (written, hashing?)
        };
        written?;
        self.hashing = Some(hashing);
        Ok(())
    }

    async fn sync_if_due<W: Sink>(&mut self, response: &mut ResponseWriter<'_, W>) -> Result<(), RequestError> {
        let Some(file) = &self.file else { return Err(ErrorCode::Internal.into()) };
        if file.at - self.synced < UPLOAD_SYNC_BYTES {
            return Ok(());
        }
        // One sync at a time: a client that is faster than the disk waits here.
        if let Some(sync) = self.sync.take() {
            response.run_to_completion(finish(sync)).await?;
        }
        let hasher = self.hashing.as_ref().and_then(|hashing| hashing.upload.clone());
        self.sync = Some(file.begin_sync(self.synced, hasher));
        self.synced = file.at;
        Ok(())
    }

    /// Syncs and records the bytes that are kept, and cuts off the others.
    ///
    /// # Errors
    /// The reason why the body ended, if not all of it was taken; as the last sync.
    pub(super) async fn settle(mut self, end: BodyEnd) -> Result<(), RequestError> {
        let synced = match self.sync.take() {
            Some(sync) => finish(sync).await,
            None => Ok(()),
        };
        // Lost in a panic: the next request that opens the upload cuts it back to the durable bytes.
        let Some(file) = self.file else { return Err(ErrorCode::Internal.into()) };
        let hashing = self.hashing;
        let place = file.place().await;
        blocking_with(place, move || file.settle(end, synced, hashing)).await
    }
}

async fn finish(sync: JoinHandle<Result<(), StorageError>>) -> Result<(), StorageError> {
    sync.await.unwrap_or_else(|_| Err(StorageError::new(ErrorCode::Internal, "a sync panicked")))
}

impl FileWriter {
    /// A place for its next step.
    async fn place(&self) -> Permit {
        self.uploads.steps.take_accepted(self.who, 1).await
    }

    fn write(&mut self, pieces: &[Bytes]) -> Result<(), RequestError> {
        self.uploads.check_reserve()?;
        if self.range.end.is_none() {
            let bytes: usize = pieces.iter().map(Bytes::len).sum();
            self.uploads.unfinished.hold(self.lock.state().record.id, self.at.saturating_add(bytes as u64))?;
        }
        for piece in pieces {
            self.staged.write_at(piece, self.at)?;
            self.at += piece.len() as u64;
        }
        Ok(())
    }

    /// Syncs and records what is written so far, beside the next writes. Bytes of an upload without a record are only
    /// sent on their way to the disk. `hasher` has the digests up to here.
    fn begin_sync(&self, from: u64, hasher: Option<UploadHasher>) -> JoinHandle<Result<(), StorageError>> {
        let (uploads, lock, staged) = (Arc::clone(&self.uploads), Arc::clone(&self.lock), Arc::clone(&self.staged));
        let (at, recorded) = (self.at, !self.checked);
        let (steps, who) = (self.uploads.steps.clone(), self.who);
        let sync = move || {
            if lock.record().request.resumable {
                uploads.sync(&*staged)?;
            } else {
                staged.write_out(from, at - from);
            }
            let digests = hasher.map(UploadHasher::checkpoint);
            if recorded { uploads.set_durable(&lock, at, digests, None) } else { Ok(()) }
        };
        tokio::spawn(async move { blocking_in_turn(&steps, who, sync).await })
    }

    fn settle(
        self,
        end: BodyEnd,
        synced: Result<(), StorageError>,
        hashing: Option<Hashing>,
    ) -> Result<(), RequestError> {
        if let Err(error) = synced {
            self.uploads.cut_back(&self.lock)?;
            return Err(error.into());
        }
        let Hashing { upload, check } = hashing.unwrap_or(Hashing { upload: None, check: None });
        if self.checked {
            let ended = matches!(end, BodyEnd::Ended(PutEnd { broken: false }));
            if !ended || !check.is_some_and(|(hasher, wanted)| hasher.finish() == wanted) {
                self.staged.truncate(self.range.start)?;
                return Err(match end {
                    BodyEnd::Refused(error) => error,
                    BodyEnd::Disconnected => disconnected(),
                    BodyEnd::Ended(_) => ErrorCode::ChecksumMismatch.into(),
                });
            }
        }
        // A failed write may have left a part.
        if self.staged.length()? > self.at {
            self.staged.truncate(self.at)?;
        }
        if let Err(error) = self.keep(upload.map(UploadHasher::checkpoint)) {
            self.uploads.cut_back(&self.lock)?;
            return Err(error.into());
        }
        match end {
            BodyEnd::Refused(error) => Err(error),
            BodyEnd::Disconnected => Err(disconnected()),
            BodyEnd::Ended(end) => match self.announced {
                Some(announced) if !end.broken && self.at - self.range.start < announced => Err(too_short()),
                _ => Ok(()),
            },
        }
    }

    /// Syncs and records all bytes that are written.
    fn keep(&self, digests: Option<DigestCheckpoint>) -> Result<(), StorageError> {
        // Without a record, COMMIT syncs.
        if self.lock.record().request.resumable {
            self.uploads.sync(&*self.staged)?;
        }
        self.uploads.set_durable(&self.lock, self.at, digests, self.blake3.as_deref())
    }
}

/// A PUT that ends, in whatever way, holds no more than the durable bytes: what it announced and did not send is free.
impl Drop for FileWriter {
    fn drop(&mut self) {
        let (id, durable) = {
            let state = self.lock.state();
            (state.record.id, state.record.durable)
        };
        // Never more than before, so it is not refused.
        let _ = self.uploads.unfinished.hold(id, durable);
    }
}

impl Hashing {
    fn update(&mut self, pieces: &[Bytes]) {
        for piece in pieces {
            self.upload.iter_mut().for_each(|hasher| hasher.update(piece));
            self.check.iter_mut().for_each(|(hasher, _)| hasher.update(piece));
        }
    }
}

/// Cuts pieces to `bytes` in all; true if there were more.
fn cut(pieces: &mut Vec<Bytes>, bytes: u64) -> bool {
    let mut left = bytes;
    for (index, piece) in pieces.iter_mut().enumerate() {
        match left.checked_sub(piece.len() as u64) {
            Some(less) => left = less,
            None => {
                // Less than the piece's length, so the conversion succeeds.
                piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                pieces.truncate(index + 1);
                pieces.retain(|piece| !piece.is_empty());
                return true;
            }
        }
    }
    false
}

impl Uploads {
    /// Records how many bytes are durable, with their digests, and prolongs the upload. Bytes that complete it record
    /// `blake3` as its digest, too: the server may have to make it a file without their request.
    fn set_durable(
        &self,
        lock: &UploadLock,
        durable: u64,
        digests: Option<DigestCheckpoint>,
        blake3: Option<&[u8]>,
    ) -> Result<(), StorageError> {
        let mut record = lock.record();
        let resumable = record.request.resumable;
        let kept = if resumable { self.expiry } else { UPLOAD_UNRECORDED_TIME };
        (record.durable, record.digests, record.expires) = (durable, digests, clock::after(clock::now(), kept));
        if record.length == Some(durable) && blake3.is_some() {
            record.required = blake3.map(<[u8]>::to_vec);
        }
        if resumable {
            self.records()?.set_progress(&record)?;
        }
        let mut state = lock.state();
        (state.record.durable, state.record.digests) = (record.durable, record.digests);
        (state.record.expires, state.record.required) = (record.expires, record.required);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_drops_the_bytes_past_the_end() {
        let check = |lengths: &[usize], bytes, kept: &[usize], more| {
            let mut pieces: Vec<_> = lengths.iter().map(|length| Bytes::from(vec![7; *length])).collect();
            assert_eq!(cut(&mut pieces, bytes), more, "{lengths:?} to {bytes}");
            assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), kept, "{lengths:?} to {bytes}");
        };
        check(&[], 0, &[], false);
        check(&[3, 4], 7, &[3, 4], false);
        check(&[3, 4], u64::MAX, &[3, 4], false);
        check(&[3, 4], 6, &[3, 3], true);
        check(&[3, 4], 3, &[3], true);
        check(&[3, 4, 5], 2, &[2], true);
        check(&[3], 0, &[], true);
    }
}
