//! The trash: `DELETE /files/<path>` moves an entry into it, `GET /api/v1/trash` lists it.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use shared::api::changes::Trash;
use shared::change::PathItem;
use shared::limits::{JOB_WAIT_MAX, TRASH_LIMIT_MAX};
use shared::{Change, ETag, Entry, ErrorCode, JobState};

use super::changes::{random_key, refuse_failure};
use crate::client::TrashPage;
use crate::gateway::auth::{Auth, rights_header};
use crate::gateway::http::preconditions::{Preconditions, TargetState};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::Query;
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::http::{idempotency_key, json};
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::owner::owner;
use crate::gateway::state::Gateway;

/// `DELETE /files/<path>`: moves an entry into the trash, from where it can be restored.
pub(crate) async fn trash_file(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let target = RequestPath::of(&request)?;
    let key = idempotency_key::key(request.headers())?.map_or_else(random_key, Ok)?;
    let preconditions = Preconditions::read(request.headers());
    let entry = gateway.client.stat(&caller, &target.path).await?;
    if target.slash && !entry.is_folder() {
        return Err(ErrorResponse::because(ErrorCode::NotFolder, "The address ends in a slash, and this is a file."));
    }
    let if_etag = state(&preconditions, &entry)?;
    let change = Change::Trash { items: vec![PathItem { path: target.path, if_etag }] };
    match gateway.begin_change(&caller, key, &change, JOB_WAIT_MAX).await {
        Ok(job) if job.state == JobState::Done => {
            refuse_failure(&job, &change).map_err(|error| in_words(error, if_etag))?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Ok(job) => json::with_status(StatusCode::ACCEPTED, &job),
        Err(error) => Err(error),
    }
}

/// The state that the entry must still have when it is moved, if the request has conditions.
fn state(preconditions: &Preconditions, entry: &Entry) -> Result<Option<ETag>, ErrorResponse> {
    if preconditions.direct() == Some(Ok(TargetState::Any)) {
        return Ok(None);
    }
    match preconditions.decide(Some(entry)) {
        Ok(_) => Ok(entry.etag),
        Err(_) => Err(ErrorCode::PreconditionFailed.into()),
    }
}

fn in_words(error: ErrorResponse, if_etag: Option<ETag>) -> ErrorResponse {
    match error.code {
        ErrorCode::Changed if if_etag.is_some() => ErrorCode::PreconditionFailed.into(),
        _ => error,
    }
}

/// `GET /api/v1/trash?limit=&cursor=`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let query = Query::parse(request.uri().query().unwrap_or_default())?;
    let (limit, cursor) = (query.limit(TRASH_LIMIT_MAX, TRASH_LIMIT_MAX)?, query.cursor()?);
    let TrashPage { items, next_cursor, total } = gateway.client.list_trash(&caller, cursor.as_deref(), limit).await?;
    let total = total.unwrap_or(items.len() as u64);
    let (who, count) = (owner(request.extensions()), items.len());
    let mut response = gateway.long_answer(who, StatusCode::OK, Trash { items, next_cursor, total }, count).await?;
    response.headers_mut().extend([rights_header(&caller)]);
    Ok(response)
}

pub(crate) fn describe_trash_file() -> Operation {
    Operation::new("trashFile", "Moves a file or folder into the trash")
        .path()
        .headers(["If-Match", "If-Unmodified-Since"])
        .idempotency_key()
        .json("202", "Job")
        .says("204", "The entry is in the trash.")
        .problems(["412"])
}

pub(crate) fn describe_list() -> Operation {
    let limit = json!({"type": "integer", "minimum": 1, "maximum": TRASH_LIMIT_MAX, "default": TRASH_LIMIT_MAX});
    let trash = json!({
        "type": "object",
        "required": ["items", "next_cursor", "total"],
        "properties": {
            "items": {"type": "array", "items": schema("Trashed")},
            "next_cursor": {"type": ["string", "null"]},
            "total": {"type": "integer", "format": "int64", "minimum": 0},
        },
    });
    Operation::new("listTrash", "The entries in the trash, newest first")
        .schema("Trash", trash)
        .query("limit", limit, "Maximum number of items in the answer.")
        .query("cursor", json!({"type": "string"}), "`next_cursor` of the previous page.")
        .json("200", "Trash")
        .folder_headers("200")
        .problems([])
}
