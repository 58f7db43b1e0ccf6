//! How many unfinished uploads there are, and how many bytes they hold, for each principal and in all; of the callers
//! without an account also for each client. One client has a part of what the others leave, so that a new client finds
//! room beside many others. An upload is counted by its id, so it leaves the count once, however many requests end it.
//! Pure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::limits::{UNFINISHED_CLIENT_PART, UPLOADS_MAX};
use shared::wire::Failure;
use shared::{ErrorCode, UploadId};

use crate::admission::Who;
use crate::server::authority::Owner;
use crate::server::records::uploads::UnfinishedUpload;

/// Most unfinished uploads of one principal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct UnfinishedLimits {
    /// Number of uploads.
    pub(super) uploads_max: u64,
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
    /// The clients among the callers without an account.
    clients: HashMap<Who, Usage>,
}

/// An upload that is counted.
struct Counted {
    principal: Arc<[u8]>,
    /// `None` with an account, and where it is not known.
    client: Option<Who>,
    bytes: u64,
}

/// What a principal or a client has.
#[derive(Clone, Copy, Default)]
struct Usage {
    uploads: u64,
    bytes: u64,
}

impl Usage {
    /// Takes one upload with its bytes out. True if that was the last one.
    fn is_unused_without(&mut self, bytes: u64) -> bool {
        self.uploads = self.uploads.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.uploads == 0
    }

    /// What is left without `part`.
    fn without(self, part: Self) -> Self {
        Self { uploads: self.uploads.saturating_sub(part.uploads), bytes: self.bytes.saturating_sub(part.bytes) }
    }
}

impl Unfinished {
    /// Counts the uploads of an earlier process, without a limit.
    pub(super) fn new(limits: UnfinishedLimits, uploads: impl IntoIterator<Item = UnfinishedUpload>) -> Self {
        let mut counts = Counts::default();
        for UnfinishedUpload { id, owner, client, durable } in uploads {
            counts.add(id, &owner, client.and_then(|client| owner.client(&client)));
            counts.set_bytes(id, durable);
        }
        Self { limits, counts: Mutex::new(counts) }
    }

    /// Counts an upload that begins. `client` is the one that the gateway named.
    ///
    /// # Errors
    /// [`ErrorCode::TooManyRequests`].
    pub(super) fn enter(&self, id: UploadId, owner: &Owner, client: Option<&str>) -> Result<(), Failure> {
        let mut counts = self.counts();
        if counts.uploads.len() >= UPLOADS_MAX {
            return Err(Failure::new(ErrorCode::TooManyRequests, "the server has too many unfinished uploads"));
        }
        let uploads_max = self.limits.uploads_max;
        let of_principal = counts.of_principal(owner.principal());
        if of_principal.uploads >= uploads_max {
            let message = format!("there are {uploads_max} unfinished uploads of this user already");
            return Err(Failure::new(ErrorCode::TooManyRequests, message));
        }
        let client = client.and_then(|client| owner.client(client));
        if let Some(client) = client {
            let uploads = counts.of_client(client).uploads;
            if uploads >= self.limits.beside(counts.others(owner.principal(), client)).uploads_max {
                let message = format!("there are {uploads} unfinished uploads from this address already");
                return Err(Failure::new(ErrorCode::TooManyRequests, message));
            }
        }
        counts.add(id, owner, client);
        Ok(())
    }

    /// Counts `bytes` for an upload. More than before are refused above the limit; fewer are free at once. An upload
    /// that has left the count is not refused.
    ///
    /// # Errors
    /// [`ErrorCode::QuotaExceeded`] with the missing bytes.
    pub(super) fn hold(&self, id: UploadId, bytes: u64) -> Result<(), Failure> {
        let mut counts = self.counts();
        self.limits.check(&counts, id, bytes)?;
        counts.set_bytes(id, bytes);
        Ok(())
    }

    /// Fails if [`Unfinished::hold`] would. Counts nothing: an upload that is announced and not sent takes no bytes from
    /// others.
    ///
    /// # Errors
    /// [`ErrorCode::QuotaExceeded`] with the missing bytes.
    pub(super) fn check(&self, id: UploadId, bytes: u64) -> Result<(), Failure> {
        self.limits.check(&self.counts(), id, bytes)
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

impl UnfinishedLimits {
    fn check(self, counts: &Counts, id: UploadId, bytes: u64) -> Result<(), Failure> {
        let Some(counted) = counts.uploads.get(&id).filter(|counted| counted.bytes < bytes) else { return Ok(()) };
        let wanted = |used: Usage| used.bytes.saturating_sub(counted.bytes).saturating_add(bytes);
        refuse_above(self.bytes_max, wanted(counts.of_principal(&counted.principal)), "of this user")?;
        let Some(client) = counted.client else { return Ok(()) };
        let bytes_max = self.beside(counts.others(&counted.principal, client)).bytes_max;
        refuse_above(bytes_max, wanted(counts.of_client(client)), "from this address")
    }

    /// What one client may have: a part of what the others leave.
    fn beside(self, others: Usage) -> Self {
        let part = |max: u64, others: u64| max.saturating_sub(others).div_ceil(UNFINISHED_CLIENT_PART);
        Self { uploads_max: part(self.uploads_max, others.uploads), bytes_max: part(self.bytes_max, others.bytes) }
    }
}

/// # Errors
/// [`ErrorCode::QuotaExceeded`] with the missing bytes if `wanted` is more than `bytes_max`.
fn refuse_above(bytes_max: u64, wanted: u64, whose: &str) -> Result<(), Failure> {
    match wanted.checked_sub(bytes_max) {
        None | Some(0) => Ok(()),
        Some(over) => {
            let message = format!("the unfinished uploads {whose} would hold {over} bytes more than their {bytes_max}");
            Err(Failure::new(ErrorCode::QuotaExceeded, message).missing(over))
        }
    }
}

impl Counts {
    fn of_principal(&self, principal: &[u8]) -> Usage {
        self.principals.get(principal).copied().unwrap_or_default()
    }

    /// What the principal has without this client of it.
    fn others(&self, principal: &[u8], client: Who) -> Usage {
        self.of_principal(principal).without(self.of_client(client))
    }

    fn of_client(&self, client: Who) -> Usage {
        self.clients.get(&client).copied().unwrap_or_default()
    }

    fn add(&mut self, id: UploadId, owner: &Owner, client: Option<Who>) {
        let known = self.principals.get_key_value(owner.principal()).map(|(principal, _)| Arc::clone(principal));
        let principal = known.unwrap_or_else(|| Arc::from(owner.principal()));
        if self.uploads.insert(id, Counted { principal: Arc::clone(&principal), client, bytes: 0 }).is_none() {
            self.principals.entry(principal).or_default().uploads += 1;
            client.into_iter().for_each(|client| self.clients.entry(client).or_default().uploads += 1);
        }
    }

    fn set_bytes(&mut self, id: UploadId, bytes: u64) {
        let Some(counted) = self.uploads.get_mut(&id) else { return };
        let of_client = counted.client.and_then(|client| self.clients.get_mut(&client));
        for usage in self.principals.get_mut(&counted.principal).into_iter().chain(of_client) {
            usage.bytes = usage.bytes.saturating_sub(counted.bytes).saturating_add(bytes);
        }
        counted.bytes = bytes;
    }

    fn remove(&mut self, id: UploadId) {
        let Some(Counted { principal, client, bytes }) = self.uploads.remove(&id) else { return };
        if self.principals.get_mut(&principal).is_some_and(|usage| usage.is_unused_without(bytes)) {
            self.principals.remove(&principal);
        }
        if let Some(client) = client
            && self.clients.get_mut(&client).is_some_and(|usage| usage.is_unused_without(bytes))
        {
            self.clients.remove(&client);
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::PRINCIPAL_UNKNOWN;

    use super::*;

    fn owner(principal: Option<&str>) -> Owner {
        let name = principal.unwrap_or_default().bytes();
        Owner([1].into_iter().chain(name).chain([0]).collect())
    }

    fn id(number: u16) -> UploadId {
        UploadId(u128::from(number).to_be_bytes())
    }

    /// An upload of the previous process.
    fn earlier(number: u16, principal: Option<&str>, client: Option<&str>, durable: u64) -> UnfinishedUpload {
        UnfinishedUpload { id: id(number), owner: owner(principal), client: client.map(str::to_owned), durable }
    }

    fn code(result: Result<(), Failure>) -> Option<ErrorCode> {
        result.err().map(|failure| failure.code)
    }

    const LIMITS: UnfinishedLimits = UnfinishedLimits { uploads_max: 2, bytes_max: 10 };

    #[test]
    fn an_upload_leaves_the_count_once() {
        let unfinished = Unfinished::new(LIMITS, [earlier(1, None, None, 4)]);
        assert_eq!(code(unfinished.enter(id(2), &owner(None), None)), None);
        assert_eq!(code(unfinished.enter(id(3), &owner(None), None)), Some(ErrorCode::TooManyRequests));
        for _ in 0..3 {
            unfinished.leave(id(1));
        }
        assert_eq!(code(unfinished.enter(id(3), &owner(None), None)), None);
        assert_eq!(code(unfinished.enter(id(4), &owner(None), None)), Some(ErrorCode::TooManyRequests));
    }

    #[test]
    fn one_principal_does_not_use_up_the_places_of_another() {
        let unfinished = Unfinished::new(LIMITS, []);
        for (number, principal) in [(1, None), (2, None), (3, Some("ada")), (4, Some("ada"))] {
            assert_eq!(code(unfinished.enter(id(number), &owner(principal), None)), None);
        }
        assert_eq!(code(unfinished.enter(id(5), &owner(Some("ada")), None)), Some(ErrorCode::TooManyRequests));
        assert_eq!(code(unfinished.hold(id(1), 10)), None);
        assert_eq!(code(unfinished.hold(id(2), 1)), Some(ErrorCode::QuotaExceeded));
        assert_eq!(code(unfinished.hold(id(3), 10)), None);
    }

    #[test]
    fn bytes_are_counted_by_their_last_number() {
        let unfinished = Unfinished::new(LIMITS, [earlier(1, None, None, 11), earlier(2, None, None, 0)]);
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

    #[test]
    fn a_client_leaves_room_for_others_without_an_account() {
        let limits = UnfinishedLimits { uploads_max: 8, bytes_max: 40 };
        // Of the previous process, one of them of an earlier version.
        let visitor = Some(PRINCIPAL_UNKNOWN);
        let before = [earlier(8, visitor, None, 4), earlier(9, visitor, Some("192.0.2.1"), 3)];
        let unfinished = Unfinished::new(limits, before);
        let unknown = owner(visitor);
        let enter = |number, client| code(unfinished.enter(id(number), &unknown, Some(client)));
        assert_eq!(enter(1, "192.0.2.1"), None);
        assert_eq!(enter(2, "192.0.2.1"), Some(ErrorCode::TooManyRequests));
        assert_eq!(enter(4, "192.0.2.2"), None);
        // A quarter of 40 - 4.
        assert_eq!(code(unfinished.hold(id(1), 7)), Some(ErrorCode::QuotaExceeded));
        assert_eq!(code(unfinished.hold(id(1), 6)), None);
        // A quarter of 40 - 4 - 9, rounded up.
        assert_eq!(code(unfinished.hold(id(4), 8)), Some(ErrorCode::QuotaExceeded));
        assert_eq!(code(unfinished.hold(id(4), 7)), None);
        unfinished.leave(id(9));
        assert_eq!(enter(2, "192.0.2.1"), None);
        // With an account, its limits are those of the account.
        let ada = owner(Some("ada"));
        for number in 11..19 {
            assert_eq!(code(unfinished.enter(id(number), &ada, Some("192.0.2.1"))), None);
        }
        assert_eq!(code(unfinished.hold(id(11), 40)), None);
    }

    #[test]
    fn many_clients_leave_places_for_one_more() {
        let limits = UnfinishedLimits { uploads_max: 100, bytes_max: 10_000 };
        let unfinished = Unfinished::new(limits, []);
        let unknown = owner(Some(PRINCIPAL_UNKNOWN));
        let mut next = 0;
        let mut begun_by = |client: &str| {
            let mut begin = || {
                next += 1;
                let begun = unfinished.enter(id(next), &unknown, Some(client)).is_ok();
                begun.then(|| unfinished.hold(id(next), 10).unwrap()).is_some()
            };
            (0..100).filter(|_| begin()).count()
        };
        let first = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(&mut begun_by);
        assert_eq!(first, [25, 19, 14]);
        assert_eq!(begun_by("192.0.2.4"), 11);
    }
}
