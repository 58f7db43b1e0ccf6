//! Changes, jobs and the trash: `/changes`, `/jobs`, `/trash`.

use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, Method};
use crate::change::{Change, Trashed};
use crate::id::JobId;
use crate::job::Job;
use crate::path::encode_segment;

/// `POST /changes`: makes a change. Answers 200 with the finished [`Job`], or 202 with the running one. A change of a
/// single item that failed answers with the problem of that item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestChange {
    /// The `Idempotency-Key`: a repeated request gets the job of the first. `None` lets the server choose one.
    #[serde(skip)]
    pub key: Option<JobId>,
    /// The change.
    #[serde(flatten)]
    pub change: Change,
}

/// `GET /jobs/<id>?seen=&wait=`: reads the state of a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadJob {
    /// The job.
    pub id: JobId,
    /// The version that the client knows. 0 for none.
    pub seen: u64,
    /// How long to wait for a newer version, in milliseconds.
    pub wait: u32,
}

/// `GET /jobs`: lists the caller's recent jobs, newest first, without outcomes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListJobs {}

/// The answer to [`ListJobs`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Jobs {
    /// Newest first.
    pub jobs: Vec<Job>,
}

/// `DELETE /jobs/<id>`: cancels a job after its current entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CancelJob {
    /// The job.
    pub id: JobId,
}

/// `GET /trash?limit=&cursor=`: lists the trash, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ListTrash {
    /// Maximum number of items in the answer. `None` for [`crate::limits::TRASH_LIMIT_MAX`].
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the previous page. `None` for the first page.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// One page of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trash {
    /// Newest first.
    pub items: Vec<Trashed>,
    /// The cursor of the next page. `None` on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// The number of items on all pages.
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
