//! Changes of what is there, the jobs that carry them out, and the trash.

use minicbor::{Decode, Encode};

use super::Caller;
use crate::change::{Change, Trashed};
use crate::id::JobId;

/// CHANGE: change what is there. JOB…, END: the change as it stands once it is done or `wait_ms` have passed; it goes on
/// whether or not anybody waits. Again with the same key: the job of then. A JOB whose outcomes do not fit is followed by
/// others with the next ones.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ChangeRequest {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// The idempotency key.
    #[n(1)]
    pub key: JobId,
    /// What to do; at most [`CHANGE_ITEMS_MAX`](crate::limits::CHANGE_ITEMS_MAX) items.
    #[n(2)]
    pub change: Change,
    /// How long to wait for the end.
    #[n(3)]
    pub wait_ms: u32,
}

/// JOB_STATUS: how a change stands. JOB…, END, as for CHANGE.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct JobStatus {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which; none for all of the caller's, newest first, a JOB for each, without outcomes.
    #[n(1)]
    pub job: Option<JobId>,
    /// The version that the client knows.
    #[n(2)]
    pub seen: u64,
    /// How long to wait for a newer one.
    #[n(3)]
    pub wait_ms: u32,
}

/// CANCEL_JOB: stop a change after the entry that it is at. JOB…, END, as for CHANGE.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CancelJob {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Which.
    #[n(1)]
    pub job: JobId,
}

/// LIST_TRASH: what was below the caller's root, newest first. TRASH_PAGE*, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ListTrash {
    /// Who asks.
    #[n(0)]
    pub caller: Caller,
    /// Where to go on; none for the first page.
    #[n(1)]
    pub cursor: Option<String>,
    /// Most items in the answer.
    #[n(2)]
    pub limit: u32,
}

/// TRASH_PAGE: items of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct TrashPage {
    /// In order.
    #[n(0)]
    pub items: Vec<Trashed>,
    /// Last TRASH_PAGE of the answer: where the next page starts, if there is one.
    #[n(1)]
    pub next_cursor: Option<String>,
    /// First TRASH_PAGE of the answer: how many items there are in all.
    #[n(2)]
    pub total: Option<u64>,
}
