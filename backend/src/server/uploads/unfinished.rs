//! How many unfinished uploads there are, and how many bytes they hold, for each principal and in all. An upload is
//! counted by its id, so it leaves the count once, however many requests end it. Pure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::limits::UPLOADS_MAX;
use shared::wire::Failure;
use shared::{ErrorCode, UploadId};

use crate::server::authority::Owner;

/// Most unfinished uploads of one principal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct UnfinishedLimits {
    /// Number of uploads.
    pub(super) uploads_max: usize,
    /// Bytes that they hold.
    pub(super) bytes_max: u64,
}

/// The unfinished uploads.
pub(super) struct Unfinished {
    limits: UnfinishedLimits,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    uploads: HashMap<UploadId, Counted>,
    principals: HashMap<Arc<[u8]>, Usage>,
}

/// An upload that is counted.
struct Counted {
    principal: Arc<[u8]>,
    bytes: u64,
}

/// What a principal has.
#[derive(Clone, Copy, Default)]
struct Usage {
    uploads: usize,
    bytes: u64,
}

impl Unfinished {
    /// Counts the uploads of an earlier process, without a limit.
    pub(super) fn new(limits: UnfinishedLimits, uploads: impl IntoIterator<Item = (UploadId, Owner, u64)>) -> Self {
        let mut counts = Counts::default();
        for (id, owner, bytes) in uploads {
            counts.add(id, &owner);
            counts.set_bytes(id, bytes);
        }
        Self { limits, counts: Mutex::new(counts) }
    }

    /// Counts an upload that begins.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyRequests`].
    pub(super) fn enter(&self, id: UploadId, owner: &Owner) -> Result<(), Failure> {
        let mut counts = self.counts();
        if counts.uploads.len() >= UPLOADS_MAX {
            return Err(Failure::new(ErrorCode::TooManyRequests, "the server has too many unfinished uploads"));
        }
        let uploads_max = self.limits.uploads_max;
        if counts.principals.get(owner.principal()).is_some_and(|usage| usage.uploads >= uploads_max) {
            let message = format!("there are {uploads_max} unfinished uploads of this user already");
            return Err(Failure::new(ErrorCode::TooManyRequests, message));
        }
        counts.add(id, owner);
        Ok(())
    }

    /// Counts `bytes` for an upload. More than before are refused above the limit; fewer are free at once. An upload
    /// that has left the count is not refused.
    ///
    /// # Errors
    /// [`ErrorCode::QuotaExceeded`].
    pub(super) fn hold(&self, id: UploadId, bytes: u64) -> Result<(), Failure> {
        let mut counts = self.counts();
        let Some(counted) = counts.uploads.get(&id) else { return Ok(()) };
        let used = counts.principals.get(&counted.principal).map_or(0, |usage| usage.bytes);
        let wanted = used.saturating_sub(counted.bytes).saturating_add(bytes);
        if bytes > counted.bytes && wanted > self.limits.bytes_max {
            let (over, bytes_max) = (wanted - self.limits.bytes_max, self.limits.bytes_max);
            let message =
                format!("the unfinished uploads of this user would hold {over} bytes more than their {bytes_max}");
            return Err(Failure::new(ErrorCode::QuotaExceeded, message));
        }
        counts.set_bytes(id, bytes);
        Ok(())
    }

    /// Counts an upload no more. A second call has no effect.
    pub(super) fn leave(&self, id: UploadId) {
        self.counts().remove(id);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.counts().uploads.len()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn add(&mut self, id: UploadId, owner: &Owner) {
        let known = self.principals.get_key_value(owner.principal()).map(|(principal, _)| Arc::clone(principal));
        let principal = known.unwrap_or_else(|| Arc::from(owner.principal()));
        if self.uploads.insert(id, Counted { principal: Arc::clone(&principal), bytes: 0 }).is_none() {
            self.principals.entry(principal).or_default().uploads += 1;
        }
    }

    fn set_bytes(&mut self, id: UploadId, bytes: u64) {
        let Some(counted) = self.uploads.get_mut(&id) else { return };
        if let Some(usage) = self.principals.get_mut(&counted.principal) {
            usage.bytes = usage.bytes.saturating_sub(counted.bytes).saturating_add(bytes);
        }
        counted.bytes = bytes;
    }

    fn remove(&mut self, id: UploadId) {
        let Some(Counted { principal, bytes }) = self.uploads.remove(&id) else { return };
        let Some(usage) = self.principals.get_mut(&principal) else { return };
        usage.uploads = usage.uploads.saturating_sub(1);
        usage.bytes = usage.bytes.saturating_sub(bytes);
        if usage.uploads == 0 {
            self.principals.remove(&principal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(principal: Option<&str>) -> Owner {
        let name = principal.unwrap_or_default().bytes();
        Owner([1].into_iter().chain(name).chain([0]).collect())
    }

    fn id(number: u8) -> UploadId {
        UploadId([number; 16])
    }

    fn code(result: Result<(), Failure>) -> Option<ErrorCode> {
        result.err().map(|failure| failure.code)
    }

    const LIMITS: UnfinishedLimits = UnfinishedLimits { uploads_max: 2, bytes_max: 10 };

    #[test]
    fn an_upload_leaves_the_count_once() {
        let unfinished = Unfinished::new(LIMITS, [(id(1), owner(None), 4)]);
        assert_eq!(code(unfinished.enter(id(2), &owner(None))), None);
        assert_eq!(code(unfinished.enter(id(3), &owner(None))), Some(ErrorCode::TooManyRequests));
        for _ in 0..3 {
            unfinished.leave(id(1));
        }
        assert_eq!(code(unfinished.enter(id(3), &owner(None))), None);
        assert_eq!(code(unfinished.enter(id(4), &owner(None))), Some(ErrorCode::TooManyRequests));
    }

    #[test]
    fn one_principal_does_not_use_up_the_places_of_another() {
        let unfinished = Unfinished::new(LIMITS, []);
        for (number, principal) in [(1, None), (2, None), (3, Some("ada")), (4, Some("ada"))] {
            assert_eq!(code(unfinished.enter(id(number), &owner(principal))), None);
        }
        assert_eq!(code(unfinished.enter(id(5), &owner(Some("ada")))), Some(ErrorCode::TooManyRequests));
        assert_eq!(code(unfinished.hold(id(1), 10)), None);
        assert_eq!(code(unfinished.hold(id(2), 1)), Some(ErrorCode::QuotaExceeded));
        assert_eq!(code(unfinished.hold(id(3), 10)), None);
    }

    #[test]
    fn bytes_are_counted_by_their_last_number() {
        let unfinished = Unfinished::new(LIMITS, [(id(1), owner(None), 11), (id(2), owner(None), 0)]);
        // More than the limit from before: nothing new, but what is there may shrink.
        assert_eq!(code(unfinished.hold(id(1), 11)), None);
        assert_eq!(code(unfinished.hold(id(1), 12)), Some(ErrorCode::QuotaExceeded));
        assert_eq!(code(unfinished.hold(id(1), 6)), None);
        let refused = unfinished.hold(id(2), 5).unwrap_err();
        assert!(refused.message.contains("1 bytes more than their 10"), "{}", refused.message);
        assert_eq!(code(unfinished.hold(id(2), 4)), None);
        unfinished.leave(id(1));
        assert_eq!(code(unfinished.hold(id(2), 10)), None);
        assert_eq!(code(unfinished.hold(id(1), u64::MAX)), None);
    }
}
