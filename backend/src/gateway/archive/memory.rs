//! The memory that the manifests of all archives share.

use std::sync::Arc;

use shared::ErrorCode;
use shared::limits::ARCHIVE_MANIFEST_BYTES_MAX;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gateway::http::problem::ErrorResponse;

/// The share of one archive's manifest. Small archives are made however slow their readers are, and only the largest
/// ones compete.
pub(crate) struct Memory {
    permit: OwnedSemaphorePermit,
}

impl Memory {
    /// The bytes that one permit of the semaphore stands for.
    const UNIT_BYTES: usize = 64 << 10;

    /// A budget for `archives_max` manifests of the largest size.
    pub(crate) fn budget(archives_max: usize) -> Semaphore {
        let permits = archives_max.saturating_mul(ARCHIVE_MANIFEST_BYTES_MAX) / Self::UNIT_BYTES;
        Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS))
    }

    pub(crate) fn reserve(budget: &Arc<Semaphore>) -> Result<Self, ErrorResponse> {
        let permit = Arc::clone(budget).try_acquire_owned().map_err(|_| too_many())?;
        Ok(Self { permit })
    }

    pub(crate) fn grow(&mut self, budget: &Arc<Semaphore>, bytes: usize) -> Result<(), ErrorResponse> {
        let missing = (bytes / Self::UNIT_BYTES + 1).saturating_sub(self.permit.num_permits());
        if missing > 0 {
            let missing = u32::try_from(missing).unwrap_or(u32::MAX);
            let more = Arc::clone(budget).try_acquire_many_owned(missing).map_err(|_| too_many())?;
            self.permit.merge(more);
        }
        Ok(())
    }
}

fn too_many() -> ErrorResponse {
    let sentence = "The server has reached its limit of archives. Try again in a moment.";
    ErrorResponse::because(ErrorCode::TooManyRequests, sentence)
}
