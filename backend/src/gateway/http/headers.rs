//! Small operations on response headers.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Sets a header to a text that the gateway wrote itself; a text that no header can hold is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: impl ToString) {
    set_text(headers, name, value.to_string());
}

/// [`set`] without a copy of the text.
pub(crate) fn set_text(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// The answer to OPTIONS (RFC 9110 §9.3.7).
pub(crate) fn allow(methods: impl ToString) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    set(response.headers_mut(), ALLOW, methods);
    response
}
