//! `/api/v1`: single entries and the server itself as JSON, in the types of `shared::api`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG as ETAG_HEADER, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use shared::api::files::About;
use shared::{ETag, ErrorCode};

use super::conditional::Conditions;
use super::error::Refusal;
use super::extract::Target;
use super::files::set;
use super::json::JSON;
use super::negotiate::accepts;
use super::{Gateway, RequestId};

/// `GET /api/v1/stat/<path>`.
pub(super) async fn stat(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let path = Target::path_below(request.uri(), "/api/v1/stat")?;
    wants_json(request.headers())?;
    let caller = gateway.caller(&RequestId::of(&request));
    let entry = gateway.client.stat(&caller, &path).await?;
    answer(&Conditions::read(request.method(), request.headers()), entry.etag, &entry)
}

/// `GET /api/v1/about`.
pub(super) async fn about(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    wants_json(request.headers())?;
    let about = About {
        version: env!("CARGO_PKG_VERSION").into(),
        name: gateway.config.name.clone(),
        writable: gateway.config.anonymous.writable(),
    };
    answer(&Conditions::default(), None, &about)
}

/// 406 for a client that takes no JSON.
pub(super) fn wants_json(headers: &HeaderMap) -> Result<(), Refusal> {
    if accepts(headers, JSON) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::NotAcceptable, "This is given as application/json only."))
}

fn answer(conditions: &Conditions, etag: Option<ETag>, value: &impl Serialize) -> Result<Response, Refusal> {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if let Some(etag) = etag {
        set(&mut headers, ETAG_HEADER, etag.quoted());
        if conditions.has(Some(etag)) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let body = serde_json::to_vec(value).map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok((StatusCode::OK, headers, Body::from(body)).into_response())
}
