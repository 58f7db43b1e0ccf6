//! Changes, jobs and the trash.

use minicbor::{Decode, Encode};

use super::bounds::{Bounded, check};
use super::caller::Caller;
use crate::change::{Change, Trashed};
use crate::id::JobId;
use crate::limits::{CHANGE_ITEMS_MAX, CURSOR_BYTES_MAX, TRASH_LIMIT_MAX};

/// CHANGE: makes a change. Answer: JOB…, END, when the job is done or `wait_ms` have passed; the job goes on
/// regardless. A repeated key gets the existing job. Outcomes that do not fit into one JOB follow in others.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ChangeRequest {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The idempotency key.
    #[n(1)]
    pub key: JobId,
    /// The change, with at most [`CHANGE_ITEMS_MAX`] items.
    #[n(2)]
    pub change: Change,
    /// How long to wait for the end, in milliseconds.
    #[n(3)]
    pub wait_ms: u32,
}

impl Bounded for ChangeRequest {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=CHANGE_ITEMS_MAX).contains(&self.change.len()), "a change has 1 to 1000 items")
    }
}

/// JOB_STATUS: reads the state of a job. Answer as for CHANGE.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct JobStatus {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The job. `None` for the jobs of the caller without outcomes: those that have not ended, then the newest.
    #[n(1)]
    pub job: Option<JobId>,
    /// The version that the client knows.
    #[n(2)]
    pub seen: u64,
    /// How long to wait for a newer version, in milliseconds.
    #[n(3)]
    pub wait_ms: u32,
}

impl Bounded for JobStatus {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

/// CANCEL_JOB: cancels a job after its current entry. Answer as for CHANGE.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct CancelJob {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The job.
    #[n(1)]
    pub job: JobId,
}

impl Bounded for CancelJob {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()
    }
}

/// LIST_TRASH: lists the items that were below the caller's root, newest first. Answer: TRASH_PAGE*, END.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct ListTrash {
    /// The caller.
    #[n(0)]
    pub caller: Caller,
    /// The cursor. `None` for the first page.
    #[n(1)]
    pub cursor: Option<String>,
    /// Maximum number of items in the answer.
    #[n(2)]
    pub limit: u32,
}

impl Bounded for ListTrash {
    fn check_bounds(&self) -> Result<(), &'static str> {
        self.caller.check_bounds()?;
        check((1..=TRASH_LIMIT_MAX).contains(&self.limit), "the limit is outside 1 to 1000")?;
        check(self.cursor.as_ref().is_none_or(|cursor| cursor.len() <= CURSOR_BYTES_MAX), "the cursor is too long")
    }
}

/// TRASH_PAGE: items of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct TrashPage {
    /// The items, in order.
    #[n(0)]
    pub items: Vec<Trashed>,
    /// In the last TRASH_PAGE of the answer: the cursor of the next page, if there is one.
    #[n(1)]
    pub next_cursor: Option<String>,
    /// In the first TRASH_PAGE of the answer: the number of all items.
    #[n(2)]
    pub total: Option<u64>,
}
