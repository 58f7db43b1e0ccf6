//! JSON bodies of requests and answers.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::limits::{CHANGE_ITEMS_MAX, FRAME_CONTROL_BYTES_MAX};
use shared::{ETag, ErrorCode};

use super::conditional::Conditions;
use super::headers::set;
use super::negotiate::accepts;
use super::problem::ErrorResponse;
use super::request_body::{RequestBody, is_of_type};

pub(crate) const JSON: &str = "application/json";
/// Longest JSON body, in bytes: several times a change of [`FRAME_CONTROL_BYTES_MAX`] with every byte of its paths
/// percent-encoded, and its names of fields.
const JSON_BYTES_MAX: usize = 8 * FRAME_CONTROL_BYTES_MAX;
/// Longest message of the parser in an answer, in bytes.
const REASON_BYTES_MAX: usize = 512;
/// Most values in a JSON body: several times those of a change of [`CHANGE_ITEMS_MAX`] items.
const JSON_VALUES_MAX: usize = 16 * CHANGE_ITEMS_MAX;

/// 200 with a value that must not be cached.
pub(crate) fn answer(value: &impl Serialize) -> Result<Response, ErrorResponse> {
    with_status(StatusCode::OK, value)
}

/// A value that must not be cached, with a status of its own.
pub(crate) fn with_status(status: StatusCode, value: &impl Serialize) -> Result<Response, ErrorResponse> {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(JSON)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let body = serde_json::to_vec(value).map_err(|_| ErrorResponse::new(ErrorCode::Internal))?;
    Ok((status, headers, Body::from(body)).into_response())
}

/// 406 for a client that does not accept JSON.
pub(crate) fn wants_json(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    if accepts(headers, JSON) {
        return Ok(());
    }
    Err(ErrorResponse::because(ErrorCode::NotAcceptable, "This resource is available as application/json only."))
}

/// 200 with a value that a client may cache and revalidate, or 304 if its copy is current.
pub(crate) fn revalidated(
    conditions: &Conditions,
    etag: Option<ETag>,
    value: &impl Serialize,
) -> Result<Response, ErrorResponse> {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if let Some(etag) = etag {
        set(&mut headers, ETAG, etag.quoted());
        if conditions.is_current(Some(etag)) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    let body = serde_json::to_vec(value).map_err(|_| ErrorResponse::new(ErrorCode::Internal))?;
    Ok((StatusCode::OK, headers, Body::from(body)).into_response())
}

/// Reads a JSON body of limited length; an empty body reads as `{}`. The media type is required, because another site's
/// form can send the same bytes under a type that needs no preflight (the Fetch standard's safelist).
pub(crate) async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: RequestBody) -> Result<T, ErrorResponse> {
    if !is_of_type(headers, JSON) {
        return Err(ErrorResponse::because(ErrorCode::UnsupportedMediaType, format!("The body must be {JSON}.")));
    }
    let body = body.at_most(JSON_BYTES_MAX).whole().await?;
    let bytes = if body.bytes().is_empty() { b"{}" } else { body.bytes() };
    // Before the parser makes values that are many times as large as their text.
    if count_values(bytes) > JSON_VALUES_MAX {
        let sentence = format!("The request's body has more than {JSON_VALUES_MAX} values.");
        return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        // The parser's message quotes only the request's own bytes, and may quote many.
        let mut reason = error.to_string();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        ErrorResponse::because(ErrorCode::BadRequest, format!("The body cannot be read: {reason}."))
    })
}

/// How many values a JSON text has at most: each follows a comma, or the beginning of a list, of an object or of the text.
fn count_values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        for (json, expected) in [
            ("", 1),
            ("{}", 2),
            ("[1,2]", 3),
            (r#"{"a":["b,c","{["],"d":{}}"#, 6),
            (r#"["\\","\",,,",7]"#, 4),
            (r#"\"a,b""#, 1),
        ] {
            assert_eq!(count_values(json.as_bytes()), expected, "{json}");
        }
    }
}
