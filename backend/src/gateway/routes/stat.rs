//! `/api/v1`: single entries and the server itself as JSON, in the types of `shared::api`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG as ETAG_HEADER, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use shared::api::files::About;
use shared::{ETag, ErrorCode};

use crate::gateway::auth::Auth;
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::headers::set;
use crate::gateway::http::json::JSON;
use crate::gateway::http::negotiate::accepts;
use crate::gateway::http::problem::Refusal;
use crate::gateway::http::request_path::Target;
use crate::gateway::state::Gateway;

/// `GET /api/v1/stat/<path>`.
pub(crate) async fn stat(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, Refusal> {
    let path = Target::path_below(request.uri(), "/api/v1/stat")?;
    wants_json(request.headers())?;
    let entry = gateway.client.stat(&caller, &path).await?;
    answer(&Conditions::read(request.method(), request.headers()), entry.etag, &entry)
}

/// `GET /api/v1/about`.
pub(crate) async fn about(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    wants_json(request.headers())?;
    let about = About {
        version: env!("CARGO_PKG_VERSION").into(),
        name: gateway.config.name.clone(),
        writable: gateway.config.anonymous.writable(),
    };
    answer(&Conditions::default(), None, &about)
}

/// 406 for a client that takes no JSON.
pub(crate) fn wants_json(headers: &HeaderMap) -> Result<(), Refusal> {
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
