//! `/api/v1/jobs`: the changes that the caller began, their progress and their outcomes.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use serde_json::json;
use shared::api::changes::Jobs;
use shared::limits::JOB_WAIT_MAX;
use shared::{ErrorCode, Job, JobId};

use crate::admission::Who;
use crate::gateway::auth::Auth;
use crate::gateway::http::json;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::Query;
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::owner::owner;
use crate::gateway::state::Gateway;

/// `GET /api/v1/jobs`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let who = owner(request.extensions());
    let jobs = gateway.client.jobs(&caller).await?;
    let items = jobs.len();
    gateway.long_answer(who, StatusCode::OK, Jobs { jobs }, items).await
}

pub(crate) fn describe_list() -> Operation {
    let jobs = json!({"type": "array", "items": schema("Job")});
    Operation::new("listJobs", "The caller's changes without outcomes: those that have not ended, then the newest")
        .schema("Jobs", json!({"type": "object", "required": ["jobs"], "properties": {"jobs": jobs}}))
        .json("200", "Jobs")
        .problems([])
}

/// `GET /api/v1/jobs/<id>?seen=&wait=`: the job once its version is newer than `seen`, or after `wait` milliseconds.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let id = id(request.uri())?;
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let (seen, wait) = (query.number("seen")?.unwrap_or(0), query.number("wait")?.unwrap_or(0));
    let wait = Duration::from_millis(wait).min(JOB_WAIT_MAX);
    let who = owner(request.extensions());
    let job = gateway.client.job(&caller, id, seen, wait).await?;
    gateway.answer_with_job(who, StatusCode::OK, job).await
}

pub(crate) fn describe_read() -> Operation {
    let version = json!({"type": "integer", "minimum": 0, "default": 0});
    Operation::new("readJob", "The state of a change")
        .id()
        .query("seen", version, "The version that the client knows already.")
        .wait()
        .json("200", "Job")
        .problems([])
}

/// `DELETE /api/v1/jobs/<id>`: stops the job after the entry that it is working on.
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let who = owner(request.extensions());
    let job = gateway.client.cancel_job(&caller, id(request.uri())?).await?;
    gateway.answer_with_job(who, StatusCode::OK, job).await
}

impl Gateway {
    /// A job in JSON.
    pub(super) async fn answer_with_job(
        &self,
        who: Who,
        status: StatusCode,
        job: Job,
    ) -> Result<Response, ErrorResponse> {
        let items = job.outcomes.len();
        self.long_answer(who, status, job, items).await
    }
}

pub(crate) fn describe_cancel() -> Operation {
    Operation::new("cancelJob", "Stops a change after the entry that it is working on")
        .id()
        .json("200", "Job")
        .problems([])
}

fn id(uri: &Uri) -> Result<JobId, ErrorResponse> {
    let id = uri.path().rsplit('/').next().and_then(JobId::parse);
    id.ok_or_else(|| ErrorResponse::because(ErrorCode::NotFound, "There is no such change."))
}
