//! `POST /api/v1/changes`: creates folders, moves, copies, trashes, deletes and restores entries. Each change is a job
//! of the file server, which completes it whether or not a client waits.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use shared::api::changes::RequestChange;
use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX, JOB_WAIT_MAX};
use shared::{Change, ErrorCode, Job, JobId, JobState, Outcome};

use crate::client::Caller;
use crate::gateway::auth::Auth;
use crate::gateway::http::headers::set;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::Query;
use crate::gateway::http::request_body::RequestBody;
use crate::gateway::http::{idempotency_key, json};
use crate::gateway::openapi::operation::Operation;
use crate::gateway::owner::owner;
use crate::gateway::state::Gateway;
use crate::gateway::whole_answer::AnswerMemory;
use crate::random::random_bytes;

/// How long the answer waits for the end of a change by default. A change that takes longer is answered as a running
/// job.
const WAIT: Duration = Duration::from_secs(1);
/// Room in the message for everything besides the change: the caller and the key.
const REQUEST_BYTES: usize = 4 << 10;

pub(crate) async fn change(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    mut request: Request,
) -> Result<Response, ErrorResponse> {
    let body = RequestBody::of(&gateway.bodies, &mut request);
    json::wants_json(request.headers())?;
    let wait = wait(&Query::parse(request.uri().query().unwrap_or_default())?)?;
    let key = idempotency_key::key(request.headers())?;
    let who = owner(request.extensions());
    let headers = std::mem::take(request.headers_mut());
    let RequestChange { change, .. } = json::read(&headers, body).await?;
    check(&change)?;
    let memory = AnswerMemory::of_change(&gateway.places, who, &change)?;
    let key = key.map_or_else(random_key, Ok)?;
    let job = gateway.begin_change(&caller, key, &change, wait).await?;
    let (status, fields) = head(&job, &change)?;
    let mut response = gateway.answer_with_job(who, status, job).await?;
    response.headers_mut().extend(fields);
    if let Some(memory) = memory {
        response.extensions_mut().insert(memory);
    }
    Ok(response)
}

impl Gateway {
    /// Begins a change, and waits for its end for at most `wait`.
    pub(super) async fn begin_change(
        &self,
        caller: &Caller,
        key: JobId,
        change: &Change,
        wait: Duration,
    ) -> Result<Job, ErrorResponse> {
        self.metrics.changed(action(change));
        Ok(self.client.change(caller, key, change.clone(), wait).await?)
    }
}

/// 200 for a finished job, or 202 for a running one, with the fields of the answer. A change of one item that failed is
/// refused with that item's error.
fn head(job: &Job, change: &Change) -> Result<(StatusCode, HeaderMap), ErrorResponse> {
    refuse_failure(job, change)?;
    let mut headers = HeaderMap::new();
    set(&mut headers, idempotency_key::FIELD, job.id);
    if job.state != JobState::Running {
        return Ok((StatusCode::OK, headers));
    }
    // Relative to the address of the request.
    set(&mut headers, LOCATION, format!("jobs/{}", job.id));
    Ok((StatusCode::ACCEPTED, headers))
}

/// The error of a finished change whose only item failed.
pub(super) fn refuse_failure(job: &Job, change: &Change) -> Result<(), ErrorResponse> {
    match (&job.outcomes[..], change.len()) {
        ([Outcome::Failed { code, path, message, incomplete }], 1) if job.state == JobState::Done => {
            let error = ErrorResponse::new(*code).caused_by(message.clone());
            let error = match path {
                Some(path) => error.about(path),
                None => error,
            };
            Err(if *incomplete { error.incomplete() } else { error })
        }
        _ => Ok(()),
    }
}

/// Refuses, with a helpful detail, changes that the file server would refuse.
fn check(change: &Change) -> Result<(), ErrorResponse> {
    if change.is_empty() {
        return Err(ErrorResponse::because(ErrorCode::BadRequest, "The change has no items."));
    }
    let long = shared::wire::encode(change).len() > FRAME_CONTROL_BYTES_MAX - REQUEST_BYTES;
    if change.len() > CHANGE_ITEMS_MAX || long {
        let sentence = format!(
            "A change may have {CHANGE_ITEMS_MAX} items, and {} KiB of paths. Send the rest as another change.",
            (FRAME_CONTROL_BYTES_MAX - REQUEST_BYTES) >> 10
        );
        return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
    }
    Ok(())
}

/// The key of a change for which the client named none.
pub(super) fn random_key() -> Result<JobId, ErrorResponse> {
    random_bytes().map(JobId).map_err(|_| ErrorResponse::new(ErrorCode::Internal))
}

fn action(change: &Change) -> &'static str {
    match change {
        Change::MakeFolder { .. } => "make_folder",
        Change::Move { .. } => "move",
        Change::Copy { .. } => "copy",
        Change::Trash { .. } => "trash",
        Change::Delete { .. } => "delete",
        Change::Restore { .. } => "restore",
        Change::Purge { .. } => "purge",
    }
}

/// `wait`: how long the answer waits for the end of the change, in milliseconds.
fn wait(query: &Query) -> Result<Duration, ErrorResponse> {
    Ok(query.number("wait")?.map_or(WAIT, Duration::from_millis).min(JOB_WAIT_MAX))
}

pub(crate) fn describe() -> Operation {
    Operation::new("change", "Creates, moves, copies, trashes, deletes or restores entries")
        .description("If the only item of a change fails, the answer is its error; otherwise each item has an outcome.")
        .idempotency_key()
        .wait()
        .json_body("Change")
        .json("200", "Job")
        .json("202", "Job")
        .problems(["413", "422"])
}

#[cfg(test)]
mod tests {
    use shared::VPath;
    use shared::change::PathItem;
    use shared::job::Progress;

    use super::*;

    fn job(state: JobState, outcomes: Vec<Outcome>) -> Job {
        Job { id: JobId([7; 16]), state, version: 1, progress: Progress::default(), outcomes }
    }

    fn trash(count: usize) -> Change {
        let chosen = |_| PathItem { path: VPath::parse("a/b").unwrap(), if_etag: None };
        Change::Trash { items: (0..count).map(chosen).collect() }
    }

    fn failed() -> Outcome {
        Outcome::Failed {
            code: ErrorCode::NotFound,
            path: Some(VPath::parse("a/c").unwrap()),
            message: "gone".into(),
            incomplete: false,
        }
    }

    #[test]
    fn a_change_of_one_failed_item_is_refused_with_its_error() {
        let error = head(&job(JobState::Done, vec![failed()]), &trash(1)).unwrap_err();
        assert_eq!((error.code, error.cause.as_str()), (ErrorCode::NotFound, "gone"));
        let half = Outcome::Failed { incomplete: true, code: ErrorCode::NoSpace, path: None, message: String::new() };
        let error = head(&job(JobState::Done, vec![half]), &trash(1)).unwrap_err();
        assert!(error.detail().ends_with("A part of it is done and stays."), "{}", error.detail());
        let status = |job, change| head(&job, &change).unwrap().0;
        assert_eq!(status(job(JobState::Done, vec![failed(), Outcome::Skipped]), trash(2)), StatusCode::OK);
        assert_eq!(status(job(JobState::Done, vec![Outcome::Skipped]), trash(1)), StatusCode::OK);
        assert_eq!(status(job(JobState::Canceled, vec![]), trash(1)), StatusCode::OK);
        let (status, fields) = head(&job(JobState::Running, vec![]), &trash(1)).unwrap();
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(fields[LOCATION], format!("jobs/{}", JobId([7; 16])));
    }

    #[test]
    fn a_change_must_fit_one_message() {
        let code = |change| check(&change).err().map(|error| error.code);
        assert_eq!(code(trash(0)), Some(ErrorCode::BadRequest));
        assert_eq!(code(trash(CHANGE_ITEMS_MAX)), None);
        assert_eq!(code(trash(CHANGE_ITEMS_MAX + 1)), Some(ErrorCode::TooLarge));
        let path = VPath::parse(&"x".repeat(200)).unwrap();
        let items = vec![PathItem { path, if_etag: None }; 400];
        assert_eq!(code(Change::Trash { items }), Some(ErrorCode::TooLarge));
    }

    #[test]
    fn a_wait_is_bounded() {
        let wait = |text: &str| wait(&Query::parse(text).unwrap());
        assert_eq!(wait("").unwrap(), WAIT);
        assert_eq!(wait("wait=0").unwrap(), Duration::ZERO);
        assert_eq!(wait("wait=99999999").unwrap(), JOB_WAIT_MAX);
        assert!(wait("wait=-1").is_err() && wait("wait=1&wait=2").is_err());
    }
}
