//! Small operations on header fields.

use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, Engine};
use http::header::{ALLOW, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Sets a header to text written by the gateway; text that no header can hold is left out.
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

/// Decodes Base64 (RFC 4648 §4) with or without padding; `None` for anything else.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).or_else(|_| BASE64_STANDARD_NO_PAD.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_with_full_padding_or_none() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(BASE64_STANDARD.encode(plain), text);
            assert_eq!(decode_base64(text).as_deref(), Some(plain.as_bytes()));
            assert_eq!(decode_base64(text.trim_end_matches('=')).as_deref(), Some(plain.as_bytes()));
        }
        for text in ["Z", "Zg=", "Zh==", "Zg===", "====", "Zm9v=", "Z g=", "Zg==Zg==", "-_-_", "é"] {
            assert_eq!(decode_base64(text), None, "{text}");
        }
    }
}
