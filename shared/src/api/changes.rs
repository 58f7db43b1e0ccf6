//! Changing what is there: `/changes`, `/jobs`, `/trash`.

use serde::{Deserialize, Serialize};

use super::{Endpoint, Method};
use crate::change::{Change, Job, Trashed};
use crate::id::JobId;
use crate::path::encode_segment;

/// `POST /changes`: do it. Answers 200 with the finished [`Job`], or 202 with the one that goes on. A change of one
/// item that failed answers with that item's problem instead.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestChange {
    /// `Idempotency-Key`: asked again with the same, the answer is the same job. None where the server may choose one.
    #[serde(skip)]
    pub key: Option<JobId>,
    /// What to do.
    #[serde(flatten)]
    pub change: Change,
}

/// `GET /jobs/<id>?seen=&wait=`: how a change stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadJob {
    /// Which.
    pub id: JobId,
    /// The version that is known already; 0 for none.
    pub seen: u64,
    /// How long to wait for a newer one, in milliseconds.
    pub wait: u32,
}

/// `GET /jobs`: the caller's changes of late, newest first, without outcomes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListJobs {}

/// The answer to [`ListJobs`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Jobs {
    /// Newest first.
    pub jobs: Vec<Job>,
}

/// `DELETE /jobs/<id>`: stop a change after the entry that it is at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CancelJob {
    /// Which.
    pub id: JobId,
}

/// `GET /trash?limit=&cursor=`: what is in the trash, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListTrash {
    /// Most items in the answer; none for [`crate::limits::TRASH_LIMIT_MAX`].
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before; none for the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// One page of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trash {
    /// Newest first.
    pub items: Vec<Trashed>,
    /// What to ask for to get the next page; none on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// How many items there are in all.
    pub total: u64,
}

impl Endpoint for RequestChange {
    type Answer = Job;

    const METHOD: Method = Method::Post;

    fn target(&self) -> String {
        "/changes".into()
    }

    fn idempotency_key(&self) -> Option<JobId> {
        self.key
    }
}

impl Endpoint for ReadJob {
    type Answer = Job;

    fn target(&self) -> String {
        format!("/jobs/{}?seen={}&wait={}", self.id, self.seen, self.wait)
    }
}

impl Endpoint for ListJobs {
    type Answer = Jobs;

    fn target(&self) -> String {
        "/jobs".into()
    }
}

impl Endpoint for CancelJob {
    type Answer = Job;

    const METHOD: Method = Method::Delete;

    fn target(&self) -> String {
        format!("/jobs/{}", self.id)
    }
}

impl Endpoint for ListTrash {
    type Answer = Trash;

    fn target(&self) -> String {
        let limit = self.limit.map(|limit| format!("limit={limit}"));
        let cursor = self.cursor.as_ref().map(|cursor| format!("cursor={}", encode_segment(cursor.as_bytes())));
        let query: Vec<_> = limit.into_iter().chain(cursor).collect();
        if query.is_empty() { "/trash".into() } else { format!("/trash?{}", query.join("&")) }
    }
}
