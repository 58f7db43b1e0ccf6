//! `/api/v1/archive`: files and folders as one ZIP, whose exact length is known before its first byte.
//!
//! The same files in the same state give the same bytes, so that an interrupted download can be resumed. Links to files
//! are followed, links to folders left out.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use shared::limits::ARCHIVE_PATHS_MAX;
use shared::{ErrorCode, Span};
use tracing::info;

use crate::admission::{Permit, Who};
use crate::client::Caller;
use crate::gateway::archive::memory::Memory;
use crate::gateway::archive::plan::{Limits, Manifest, Planner};
use crate::gateway::archive::selection::Selection;
use crate::gateway::archive::stream::Archive;
use crate::gateway::auth::Auth;
use crate::gateway::http::body_stream::stream_body;
use crate::gateway::http::conditional::{Conditions, Plan, Representation};
use crate::gateway::http::content_disposition;
use crate::gateway::http::headers::set;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::Query;
use crate::gateway::http::request_body::{RequestBody, is_of_type};
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::owner::owner;
use crate::gateway::places;
use crate::gateway::request_id::RequestId;
use crate::gateway::state::Gateway;

const FORM: &str = "application/x-www-form-urlencoded";

/// GET and HEAD with the paths in the query, POST with the paths in a form.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let request_id = RequestId::of(request.extensions());
    let who = owner(request.extensions());
    let conditions = Conditions::read(request.method(), request.headers());
    let head = request.method() == Method::HEAD;
    let (selection, share) = match *request.method() {
        Method::POST => selection_of_form(&gateway, request).await?,
        _ => (Selection::read(&Query::parse(request.uri().query().unwrap_or_default())?, &gateway.config.name)?, None),
    };
    let (manifest, memory) = plan(&gateway, &caller, who, &selection).await?;
    drop(share);
    if let Some(notice) = &manifest.notice {
        info!(id = request_id.as_str(), count = notice.count, "entries are left out of an archive, which names them");
    }
    let request = ArchiveRequest { gateway: &gateway, caller, conditions, head, name: &selection.name };
    answer(request, manifest, memory)
}

/// Finds the entries, once it is the client's turn: archives of one client are planned one after the other.
///
/// # Errors
/// [`ErrorCode::TooManyRequests`] without memory for the list; as WALK.
async fn plan(
    gateway: &Gateway,
    caller: &Caller,
    who: Who,
    selection: &Selection,
) -> Result<(Manifest, Memory), ErrorResponse> {
    let mut memory = Memory::reserve(&gateway.places.archives, who)?;
    let _turn = gateway.places.planned_archives.take(who, 1).await.map_err(places::refused)?;
    let mut planner = Planner::new(selection.paths(), Limits::default());
    for few in selection.batches() {
        let mut walking = gateway.client.walk(caller, few.to_vec(), None).await?;
        let mut growing = HashMap::new();
        while let Some(page) = walking.next_page().await? {
            let skipped = page.skipped.unwrap_or_default();
            let mut missing = skipped.iter().filter(|skipped| selection.includes(&skipped.path));
            missing.try_for_each(|skipped| planner.skip(skipped))?;
            growing.extend(page.growing.unwrap_or_default().into_iter().map(|file| (file.path, file.prefix)));
            let mut included = page.entries.into_iter().filter(|entry| selection.includes(&entry.path));
            included.try_for_each(|entry| {
                let prefix = growing.remove(&entry.path);
                planner.add(entry, prefix)
            })?;
            memory.grow(planner.memory_bytes())?;
        }
    }
    let manifest = planner.finish()?;
    memory.settle(manifest.memory_bytes());
    Ok((manifest, memory))
}

pub(crate) fn describe_get() -> Operation {
    let path = json!({"name": "path", "in": "query", "required": true, "description": "A file or folder; may be repeated. The value is the percent-encoded path, encoded once more as every parameter is.", "schema": paths_schema(), "style": "form", "explode": true});
    let operation =
        Operation::new("readArchive", "Files and folders as one ZIP archive of known length").parameter(path);
    let except = json!({"name": "except", "in": "query", "description": "A file or folder to leave out; may be repeated. Written as a path.", "schema": excepted_schema(), "style": "form", "explode": true});
    let operation = operation.parameter(except);
    describe_answers(operation.query("name", json!({"type": "string"}), "The archive's file name."))
}

pub(crate) fn describe_post() -> Operation {
    let form = json!({"type": "object", "required": ["path"], "properties": {"path": paths_schema(), "except": excepted_schema(), "name": {"type": "string"}}});
    let operation = Operation::new("readArchiveOfMany", "The archive of a selection that does not fit into an address");
    describe_answers(operation.body(true, FORM, json!({"schema": form})))
}

fn paths_schema() -> Value {
    json!({"type": "array", "items": schema("Path"), "minItems": 1, "maxItems": ARCHIVE_PATHS_MAX})
}

fn excepted_schema() -> Value {
    json!({"type": "array", "items": schema("Path"), "maxItems": ARCHIVE_PATHS_MAX})
}

fn describe_answers(operation: Operation) -> Operation {
    let zip = || json!({});
    operation
        .content(
            "200",
            "Stored without compression, ZIP64 where needed; Content-Length is exact.",
            "application/zip",
            zip(),
        )
        .content("206", "The requested part.", "application/zip", zip())
        .says("304", "The client's copy is current.")
        .problems(["412", "413", "416"])
}

/// What the answer depends on besides the manifest.
struct ArchiveRequest<'a> {
    gateway: &'a Gateway,
    caller: Caller,
    conditions: Conditions,
    head: bool,
    name: &'a str,
}

fn answer(request: ArchiveRequest<'_>, manifest: Manifest, memory: Memory) -> Result<Response, ErrorResponse> {
    let size = manifest.layout.total_bytes;
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(etag) = manifest.etag {
        set(&mut headers, ETAG, etag.quoted());
    }
    let (status, span) = match request.conditions.decide_for(representation(&manifest)) {
        Plan::NotModified => return Ok((StatusCode::NOT_MODIFIED, headers).into_response()),
        Plan::PreconditionFailed => return Err(ErrorCode::PreconditionFailed.into()),
        Plan::Unsatisfiable => return Err(ErrorResponse::unsatisfiable(size)),
        Plan::Parts(spans) => match spans[..] {
            [span] if manifest.etag.is_some() => (StatusCode::PARTIAL_CONTENT, span),
            // Clients rarely request several parts of an archive, and a server may ignore Range (RFC 9110 §14.2).
            _ => (StatusCode::OK, Span::whole(size)),
        },
        Plan::Whole => (StatusCode::OK, Span::whole(size)),
    };
    set(&mut headers, CONTENT_LENGTH, span.length);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CONTENT_DISPOSITION, content_disposition::attachment(request.name));
    let ranges = if manifest.etag.is_some() { "bytes" } else { "none" };
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static(ranges));
    if status == StatusCode::PARTIAL_CONTENT {
        let (first, last) = (span.offset, span.end().saturating_sub(1));
        set(&mut headers, CONTENT_RANGE, format!("bytes {first}-{last}/{size}"));
    }
    if request.head {
        return Ok((status, headers, Body::empty()).into_response());
    }
    let archive = Archive::new(request.gateway.client.clone(), request.caller, manifest, span, memory);
    Ok((status, headers, stream_body(archive)).into_response())
}

/// An archive has no date of its own.
fn representation(manifest: &Manifest) -> Representation {
    Representation { etag: manifest.etag, modified: None, size: manifest.layout.total_bytes }
}

/// The selection of the form in the body of a POST, limited in length and time, and the share of memory to be kept with
/// it.
async fn selection_of_form(
    gateway: &Gateway,
    mut request: Request,
) -> Result<(Selection, Option<Permit>), ErrorResponse> {
    if !is_of_type(request.headers(), FORM) {
        let error = ErrorResponse::because(ErrorCode::BadRequest, format!("The body must be {FORM}."));
        return Err(error.status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let (bytes, share) = RequestBody::of(&gateway.bodies, &mut request).whole().await?.into_parts();
    let whole = gateway.config.name.clone();
    // Thousands of paths take longer to read and to sort than a thread of the runtime may be away from other requests.
    // The shares of memory bound how many are read at a time.
    let read = tokio::task::spawn_blocking(move || {
        let selection = selection(bytes, &whole)?;
        Ok((selection, share))
    });
    read.await.unwrap_or_else(|_| Err(ErrorCode::Internal.into()))
}

fn selection(form: Vec<u8>, whole: &str) -> Result<Selection, ErrorResponse> {
    let text =
        String::from_utf8(form).map_err(|_| ErrorResponse::because(ErrorCode::BadRequest, "The form is not UTF-8."))?;
    let query = Query::parse(&text)?;
    drop(text);
    Selection::read(&query, whole)
}
