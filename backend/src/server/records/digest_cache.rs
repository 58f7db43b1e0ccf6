//! The digests of files, kept by validator: it changes whenever the content does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::limits::{DIGEST_KEPT, DIGESTS_MAX};
use shared::{Checksum, Digests, ETag};

use super::database::Database;
use crate::server::clock;
use crate::storage::StorageError;

/// How many files' digests wait to be recorded together: sorted, many of them touch few pages of the database.
const WAITING_MAX: usize = 4096;

/// The known digests of files.
pub(in crate::server) struct DigestCache {
    records: Option<Arc<Database>>,
    /// Not recorded yet, by validator. A crash may lose them: they can be computed again.
    waiting: Mutex<BTreeMap<[u8; 16], Vec<Checksum>>>,
}

impl DigestCache {
    /// The digests in `records`.
    pub(in crate::server) fn new(records: Option<Arc<Database>>) -> Self {
        Self { records, waiting: Mutex::default() }
    }

    /// The known digests of a file with this validator. Blocks.
    ///
    /// # Errors
    /// Of the database.
    pub(in crate::server) fn find(&self, etag: ETag) -> Result<Digests, StorageError> {
        let mut known = match &self.records {
            Some(records) => records.digests(etag)?,
            None => Vec::new(),
        };
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(waiting.get(&etag.0).into_iter().flatten().cloned());
        Ok(Digests { known })
    }

    /// Keeps digests of a file with this validator. Blocks once in a while.
    pub(in crate::server) fn keep(&self, etag: ETag, digests: &Digests) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(etag.0).or_default().extend(digests.known.iter().cloned());
        let full = waiting.len() >= WAITING_MAX;
        drop(waiting);
        if full {
            self.flush();
        }
    }

    /// Records what waits, and forgets what is old. Blocks.
    ///
    /// # Errors
    /// Of the database.
    pub(in crate::server) fn sweep(&self) -> Result<(), StorageError> {
        self.flush();
        let Some(records) = &self.records else { return Ok(()) };
        records.forget_digests(clock::before(clock::now(), DIGEST_KEPT), DIGESTS_MAX)
    }

    fn flush(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(records) = self.records.as_ref().filter(|_| !waiting.is_empty()) else { return };
        if let Err(error) = records.keep_digests(waiting, clock::now()) {
            tracing::warn!(%error, "digests could not be kept");
        }
    }
}
