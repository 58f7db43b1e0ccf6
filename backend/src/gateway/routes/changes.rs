//! `/api/v1/changes`, `/jobs`, `/trash`, `/digest`, and `DELETE /files/<path>`: changes of what is there. Each is a job
//! of the file server, which carries it out whether or not anybody waits here.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use shared::api::changes::{Jobs, RequestChange, Trash};
use shared::change::PathItem;
use shared::limits::{CHANGE_ITEMS_MAX, CURSOR_BYTES_MAX, FRAME_CONTROL_BYTES_MAX, JOB_WAIT_MAX, TRASH_LIMIT_MAX};
use shared::{Change, ETag, Entry, ErrorCode, Job, JobId, JobState, Outcome};

use super::stat::wants_json;
use crate::client::{Caller, TrashPage};
use crate::gateway::auth::{Auth, rights_header};
use crate::gateway::http::headers::set;
use crate::gateway::http::preconditions::{Preconditions, Wanted};
use crate::gateway::http::problem::Refusal;
use crate::gateway::http::request_body::Incoming;
use crate::gateway::http::request_path::{Target, bad_parameter, once, parameters};
use crate::gateway::http::{idempotency_key, json};
use crate::gateway::state::Gateway;
use crate::random::random_bytes;

/// How long an answer to a change waits for its end, unless the request says: what takes longer is shown as a job.
const WAIT: Duration = Duration::from_secs(1);
/// What a request carries besides the change: the caller, the key.
const REQUEST_BYTES: usize = 4 << 10;

/// `POST /api/v1/changes`.
pub(crate) async fn change(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    mut request: Request,
) -> Result<Response, Refusal> {
    let body = Incoming::of(&gateway, &mut request);
    wants_json(request.headers())?;
    let wait = wait(request.uri().query(), WAIT)?;
    let key = idempotency_key::key(request.headers())?;
    let headers = std::mem::take(request.headers_mut());
    let RequestChange { change, .. } = json::read(&gateway, &headers, body).await?;
    check(&change)?;
    let key = key.map_or_else(random_key, Ok)?;
    let job = gateway.change(&caller, key, &change, wait).await?;
    answer(job, &change)
}

/// `DELETE /files/<path>`: into the trash, from where it can be brought back.
pub(crate) async fn trash(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, Refusal> {
    let target = Target::below(request.uri(), "/files")?;
    let key = idempotency_key::key(request.headers())?.map_or_else(random_key, Ok)?;
    let preconditions = Preconditions::read(request.headers());
    let entry = gateway.client.stat(&caller, &target.path).await?;
    if target.slash && !entry.is_folder() {
        return Err(Refusal::because(ErrorCode::NotFolder, "The address ends in a slash, and this is a file."));
    }
    let if_etag = state(&preconditions, &entry)?;
    let change = Change::Trash { items: vec![PathItem { path: target.path, if_etag }] };
    match gateway.change(&caller, key, &change, JOB_WAIT_MAX).await {
        Ok(job) if job.state == JobState::Done => {
            refuse_failure(&job, &change).map_err(|refusal| in_words(refusal, if_etag))?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Ok(job) => json::with_status(StatusCode::ACCEPTED, &job),
        Err(refusal) => Err(refusal),
    }
}

/// The state in which alone it may go, where the request has conditions.
fn state(preconditions: &Preconditions, entry: &Entry) -> Result<Option<ETag>, Refusal> {
    if preconditions.direct() == Some(Ok(Wanted::Any)) {
        return Ok(None);
    }
    match preconditions.decide(Some(entry)) {
        Ok(_) => Ok(entry.etag),
        Err(_) => Err(ErrorCode::PreconditionFailed.into()),
    }
}

fn in_words(refusal: Refusal, if_etag: Option<ETag>) -> Refusal {
    match refusal.code {
        ErrorCode::Changed if if_etag.is_some() => ErrorCode::PreconditionFailed.into(),
        _ => refusal,
    }
}

/// `GET /api/v1/jobs`.
pub(crate) async fn jobs(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, Refusal> {
    wants_json(request.headers())?;
    let jobs = gateway.client.jobs(&caller).await?;
    json::answer(&Jobs { jobs })
}

/// `GET /api/v1/jobs/<id>?seen=&wait=` and `DELETE /api/v1/jobs/<id>`.
pub(crate) async fn job(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, Refusal> {
    wants_json(request.headers())?;
    let id = request.uri().path().rsplit('/').next().and_then(JobId::parse);
    let id = id.ok_or_else(|| Refusal::because(ErrorCode::NotFound, "There is no such change."))?;
    let job = if request.method() == Method::DELETE {
        gateway.client.cancel_job(&caller, id).await?
    } else {
        let seen = seen(request.uri().query())?;
        let wait = wait(request.uri().query(), Duration::ZERO)?;
        gateway.client.job(&caller, id, seen, wait).await?
    };
    json::answer(&job)
}

/// `GET /api/v1/trash?limit=&cursor=`.
pub(crate) async fn list_trash(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, Refusal> {
    wants_json(request.headers())?;
    let (limit, cursor) = page(request.uri().query().unwrap_or_default())?;
    let TrashPage { items, next_cursor, total } = gateway.client.list_trash(&caller, cursor.as_deref(), limit).await?;
    let total = total.unwrap_or(items.len() as u64);
    let mut response = json::answer(&Trash { items, next_cursor, total })?;
    response.headers_mut().extend([rights_header(&caller)]);
    Ok(response)
}

impl Gateway {
    async fn change(&self, caller: &Caller, key: JobId, change: &Change, wait: Duration) -> Result<Job, Refusal> {
        self.metrics.changed(action(change));
        Ok(self.client.change(caller, key, change.clone(), wait).await?)
    }
}

/// 200 with what became of it, or 202 where it goes on; a change of one item that failed is refused as that item was.
fn answer(job: Job, change: &Change) -> Result<Response, Refusal> {
    refuse_failure(&job, change)?;
    let status = if job.state == JobState::Running { StatusCode::ACCEPTED } else { StatusCode::OK };
    let mut response = json::with_status(status, &job)?;
    let headers: &mut HeaderMap = response.headers_mut();
    set(headers, idempotency_key::FIELD, job.id);
    if status == StatusCode::ACCEPTED {
        // Relative to the address of the request.
        set(headers, LOCATION, format!("jobs/{}", job.id));
    }
    Ok(response)
}

fn refuse_failure(job: &Job, change: &Change) -> Result<(), Refusal> {
    match (&job.outcomes[..], change.len()) {
        ([Outcome::Failed { code, path, message }], 1) if job.state == JobState::Done => {
            let refusal = Refusal::new(*code).caused_by(message.clone());
            Err(match path {
                Some(path) => refusal.about(path),
                None => refusal,
            })
        }
        _ => Ok(()),
    }
}

/// What the file server would refuse without a sentence for people.
fn check(change: &Change) -> Result<(), Refusal> {
    if change.is_empty() {
        return Err(Refusal::because(ErrorCode::BadRequest, "The change names nothing to change."));
    }
    let long = shared::wire::encode(change).len() > FRAME_CONTROL_BYTES_MAX - REQUEST_BYTES;
    if change.len() > CHANGE_ITEMS_MAX || long {
        let sentence = format!(
            "A change may have {CHANGE_ITEMS_MAX} items, and {} KiB of paths. Ask for the rest in another one.",
            (FRAME_CONTROL_BYTES_MAX - REQUEST_BYTES) >> 10
        );
        return Err(Refusal::because(ErrorCode::TooLarge, sentence));
    }
    Ok(())
}

fn random_key() -> Result<JobId, Refusal> {
    random_bytes().map(JobId).map_err(|_| Refusal::new(ErrorCode::Internal))
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

/// `wait=`, in milliseconds.
fn wait(query: Option<&str>, default: Duration) -> Result<Duration, Refusal> {
    let parameters = parameters(query.unwrap_or_default())?;
    let Some(text) = once(&parameters, "wait")? else { return Ok(default) };
    let wait = text.parse().map(Duration::from_millis).map_err(|_| bad_parameter("wait", "is not a number"))?;
    Ok(wait.min(JOB_WAIT_MAX))
}

fn seen(query: Option<&str>) -> Result<u64, Refusal> {
    let parameters = parameters(query.unwrap_or_default())?;
    match once(&parameters, "seen")? {
        None => Ok(0),
        Some(text) => text.parse().map_err(|_| bad_parameter("seen", "is not a number")),
    }
}

fn page(query: &str) -> Result<(u32, Option<String>), Refusal> {
    let parameters = parameters(query)?;
    let limit = match once(&parameters, "limit")? {
        None => TRASH_LIMIT_MAX,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=TRASH_LIMIT_MAX).contains(limit))
            .ok_or_else(|| bad_parameter("limit", &format!("is not a number from 1 to {TRASH_LIMIT_MAX}")))?,
    };
    let cursor = once(&parameters, "cursor")?.filter(|cursor| !cursor.is_empty());
    if cursor.is_some_and(|cursor| cursor.len() > CURSOR_BYTES_MAX) {
        return Err(ErrorCode::BadCursor.into());
    }
    Ok((limit, cursor.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use shared::VPath;
    use shared::change::Progress;

    use super::*;

    fn job(state: JobState, outcomes: Vec<Outcome>) -> Job {
        Job { id: JobId([7; 16]), state, version: 1, progress: Progress::default(), outcomes }
    }

    fn trash(count: usize) -> Change {
        let chosen = |_| PathItem { path: VPath::parse("a/b").unwrap(), if_etag: None };
        Change::Trash { items: (0..count).map(chosen).collect() }
    }

    fn failed() -> Outcome {
        Outcome::Failed { code: ErrorCode::NotFound, path: Some(VPath::parse("a/c").unwrap()), message: "gone".into() }
    }

    #[test]
    fn a_change_of_one_item_is_answered_as_that_item() {
        let refusal = answer(job(JobState::Done, vec![failed()]), &trash(1)).unwrap_err();
        assert_eq!((refusal.code, refusal.cause.as_str()), (ErrorCode::NotFound, "gone"));
        let status = |job, change| answer(job, &change).unwrap().status();
        assert_eq!(status(job(JobState::Done, vec![failed(), Outcome::Skipped]), trash(2)), StatusCode::OK);
        assert_eq!(status(job(JobState::Done, vec![Outcome::Skipped]), trash(1)), StatusCode::OK);
        assert_eq!(status(job(JobState::Canceled, vec![]), trash(1)), StatusCode::OK);
        let running = answer(job(JobState::Running, vec![]), &trash(1)).unwrap();
        assert_eq!(running.status(), StatusCode::ACCEPTED);
        assert_eq!(running.headers()[LOCATION], format!("jobs/{}", JobId([7; 16])));
    }

    #[test]
    fn a_change_fits_a_message() {
        let code = |change| check(&change).err().map(|refusal| refusal.code);
        assert_eq!(code(trash(0)), Some(ErrorCode::BadRequest));
        assert_eq!(code(trash(CHANGE_ITEMS_MAX)), None);
        assert_eq!(code(trash(CHANGE_ITEMS_MAX + 1)), Some(ErrorCode::TooLarge));
        let path = VPath::parse(&"x".repeat(200)).unwrap();
        let items = vec![PathItem { path, if_etag: None }; 400];
        assert_eq!(code(Change::Trash { items }), Some(ErrorCode::TooLarge));
    }

    #[test]
    fn parameters_are_bounded() {
        assert_eq!(wait(None, WAIT).unwrap(), WAIT);
        assert_eq!(wait(Some("wait=0"), WAIT).unwrap(), Duration::ZERO);
        assert_eq!(wait(Some("wait=99999999"), WAIT).unwrap(), JOB_WAIT_MAX);
        assert!(wait(Some("wait=-1"), WAIT).is_err() && wait(Some("wait=1&wait=2"), WAIT).is_err());
        assert_eq!((seen(None).unwrap(), seen(Some("seen=7")).unwrap()), (0, 7));
        assert_eq!(page("").unwrap(), (TRASH_LIMIT_MAX, None));
        assert_eq!(page("limit=5&cursor=a%20b").unwrap(), (5, Some("a b".into())));
        for query in ["limit=0", "limit=1001", "limit=x", "limit=1&limit=1"] {
            assert!(page(query).is_err(), "{query}");
        }
        assert!(page(&format!("cursor={}", "x".repeat(CURSOR_BYTES_MAX + 1))).is_err());
    }
}
