//! Uploads that the server makes files by itself: at their last byte, and once at the start of the server for those that
//! a crash has interrupted. The outcome is recorded, so that a client which returns receives it.

use std::cell::RefCell;
use std::sync::Arc;

use shared::ErrorCode;
use shared::wire::Failure;
use tracing::{debug, warn};

use super::commit::CommitOperation;
use super::decide::{target_condition, within_rights};
use super::registry::{Patience, Uploads};
use super::slot::{TakenOver, UploadLock};
use super::writer::{BodyEnd, Writer};
use crate::server::blocking::{blocking, blocking_in_turn, blocking_with};
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::turns::run_in_turns;
use crate::storage::StorageError;

impl Uploads {
    /// Settles the bytes of a PUT, and makes the upload a file if they complete it. Goes on without the request.
    ///
    /// # Errors
    /// As [`Writer::settle`]. An upload that could not become a file is no error: its record tells why.
    pub(super) async fn settle_and_finish(
        self: &Arc<Self>,
        lock: Arc<UploadLock>,
        writer: Writer,
        end: BodyEnd,
    ) -> Result<(), RequestError> {
        if lock.state().record.destination.is_none() {
            return writer.settle(end).await;
        }
        let uploads = Arc::clone(self);
        let settling = self.finishing.spawn(async move {
            let settled = writer.settle(end).await;
            match &settled {
                // The client has sent more than it announced, so the bytes may not be what it meant.
                Err(RequestError::Failed(failure)) if failure.code == ErrorCode::LengthMismatch => {
                    if lock.state().record.is_due() {
                        let failure = failure.clone();
                        let (steps, who) = (uploads.steps.clone(), lock.record().who());
                        let refused = blocking_in_turn(&steps, who, move || Ok(uploads.refuse(&lock, &failure)?));
                        let _: Result<(), RequestError> = refused.await;
                    }
                }
                _ => uploads.finish(lock).await,
            }
            settled
        });
        settling.await.unwrap_or_else(|_| Err(ErrorCode::Internal.into()))
    }

    /// Makes an upload a file under the conditions of its STAGE, if it is due.
    pub(super) async fn finish(self: Arc<Self>, lock: Arc<UploadLock>) {
        let record = lock.record();
        if !record.is_due() {
            return;
        }
        let (Some(destination), Some(asked)) = (record.destination.clone(), record.request.target.clone()) else {
            return;
        };
        lock.begin_finishing();
        let parts = match self.lock_parts(&record).await {
            Ok(parts) => parts,
            // It stays due: the next request that asks for the file tries again.
            Err(error) => return debug!(?error, upload = %record.id, "the parts of an upload are in use"),
        };
        let reads = record.takes_reading();
        let places = if reads { &self.files_read } else { &self.steps };
        let place = places.take_accepted(record.who(), 1).await;
        let condition = match within_rights(target_condition(&record, None, None), destination.rights()) {
            Ok(condition) => condition,
            Err(code) => {
                let failure = Failure::new(code, code.name());
                let refused = blocking_with(place, move || self.refuse(&lock, &failure)).await;
                return debug!(%code, ?refused, upload = %record.id, "an upload may no longer become a file");
            }
        };
        let cancelled = self.stopping.clone();
        let blake3 = record.wanted_blake3().map(<[u8]>::to_vec);
        let (turn, stopping) = (self.reading_turn, cancelled.clone());
        let operation = CommitOperation {
            uploads: self,
            lock,
            parts,
            record,
            condition,
            asked,
            destination,
            blake3,
            cancelled,
            gate: EffectGate::default(),
            so_far: RefCell::default(),
        };
        let finished = run_in_turns(turn, Some(place), stopping, operation, CommitOperation::run);
        match finished.await {
            Ok(upload) => debug!(upload = %upload.id, "an upload has become a file"),
            Err(error) => debug!(?error, "an upload has not become a file"),
        }
    }

    /// Begins to finish the uploads that the previous process left complete. Blocks.
    pub(in crate::server) fn finish_interrupted(self: &Arc<Self>) -> Result<(), StorageError> {
        let Ok(records) = self.records() else { return Ok(()) };
        let candidates = records.undecided_uploads()?;
        if candidates.is_empty() {
            return Ok(());
        }
        let uploads = Arc::clone(self);
        self.finishing.spawn(async move {
            // One after the other: requests have the disk, too.
            for (id, owner) in candidates {
                if uploads.stopping.is_cancelled() {
                    return;
                }
                let found = Arc::clone(&uploads);
                let Ok(slot) = blocking(move || found.slot(id, &owner)).await else { continue };
                // A request that works on it comes first.
                if let Some(turn) = slot.wait(Patience::Takeover).await {
                    // Aborted meanwhile.
                    if slot.state().gone {
                        continue;
                    }
                    // No token of the slot: a request that waits for the turn keeps its own.
                    let lock = UploadLock::new(slot, TakenOver::default(), turn);
                    Arc::clone(&uploads).finish(Arc::new(lock)).await;
                }
            }
        });
        Ok(())
    }

    /// Records why an upload that the server makes a file by itself is none. Blocks.
    pub(super) fn refuse(&self, lock: &UploadLock, failure: &Failure) -> Result<(), StorageError> {
        let record = lock.record();
        let undecided = [ErrorCode::Canceled, ErrorCode::Incomplete, ErrorCode::KeyReused, ErrorCode::DiskAbsent]
            .contains(&failure.code);
        if undecided || record.destination.is_none() || record.answer.is_some() {
            return Ok(());
        }
        if record.request.resumable {
            let recorded = self.records()?.set_refused(record.id, Some(failure), record.required.as_deref());
            if let Err(error) = recorded {
                warn!(%error, "the refusal of an upload could not be recorded");
            }
        }
        lock.state().record.refused = Some(failure.clone());
        Ok(())
    }
}
