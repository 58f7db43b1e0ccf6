//! Bodies of JSON: answers, and what requests carry.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::ErrorCode;

use super::problem::Refusal;
use super::request_body::{Incoming, is_of_type};
use crate::gateway::state::Gateway;

pub(crate) const JSON: &str = "application/json";

/// 200 with what is true in this moment only.
pub(crate) fn answer(value: &impl Serialize) -> Result<Response, Refusal> {
    with_status(StatusCode::OK, value)
}

/// The same with another status.
pub(crate) fn with_status(status: StatusCode, value: &impl Serialize) -> Result<Response, Refusal> {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(JSON)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let body = serde_json::to_vec(value).map_err(|_| Refusal::new(ErrorCode::Internal))?;
    Ok((status, headers, Body::from(body)).into_response())
}

/// What a body of bounded length says; one that is empty says `{}`. The media type is insisted on, because a form of
/// another site can send the same bytes under a type that needs no leave (the Fetch standard's safelist).
pub(crate) async fn read<T: DeserializeOwned>(
    gateway: &Gateway,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<T, Refusal> {
    if !is_of_type(headers, JSON) {
        return Err(Refusal::because(ErrorCode::UnsupportedMediaType, format!("The body must be {JSON}.")));
    }
    let bytes = body.whole(gateway, gateway.config.request_body_bytes_max).await?;
    let bytes = if bytes.is_empty() { b"{}" } else { &bytes[..] };
    serde_json::from_slice(bytes).map_err(|error| {
        // What is wrong with a request's own bytes is no secret, and says which of them it is.
        Refusal::because(ErrorCode::BadRequest, format!("The body is not understood: {error}."))
    })
}
