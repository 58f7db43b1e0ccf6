//! CORS (the CORS protocol of the Fetch standard): pages of configured origins may read answers; without configuration
//! no page of another origin may. Pure.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept, Content-Digest, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Match, If-Range, \
     If-Unmodified-Since, Last-Event-ID, Range, Repr-Digest, Tus-Resumable, Upload-Checksum, Upload-Concat, \
     Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, Want-Repr-Digest, X-HTTP-Method-Override, \
     X-OC-Mtime, X-Requested-With",
);
/// Response headers that a page may read besides the CORS-safelisted ones.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Location, Content-Range, ETag, Idempotency-Key, \
     Location, Passerelle-Rights, Passerelle-Similar, Repr-Digest, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, \
     Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Concat, Upload-Defer-Length, Upload-Expires, Upload-Length, \
     Upload-Metadata, Upload-Offset, Upload-Outcome, Upload-Replaced, X-OC-Mtime, X-Request-Id",
);
/// How long a browser may cache the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

pub(crate) fn any(origins: &[String]) -> bool {
    origins.iter().any(|origin| origin == "*")
}

/// True for a CORS preflight: OPTIONS with `Origin` and `Access-Control-Request-Method`.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The value of `Access-Control-Allow-Origin`; `None` where the request's origin is not allowed.
pub(crate) fn allowed(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    if any(origins) {
        return Some(HeaderValue::from_static("*"));
    }
    let listed = origins.iter().any(|listed| listed.trim_end_matches('/').as_bytes() == origin.as_bytes());
    listed.then(|| origin.clone())
}

/// The headers of the answer to a preflight.
pub(crate) fn preflight(request: &HeaderMap, origins: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(origin) = allowed(request, origins) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        // An origin that is allowed by name may also reach a private network (Private Network Access); `*` allows none
        // to do so.
        if request.contains_key(REQUEST_PRIVATE_NETWORK) && !any(origins) {
            headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers
}

/// Adds the CORS headers to an answer. Without configured origins it adds nothing.
pub(crate) fn add_headers(response: &mut HeaderMap, allowed: Option<HeaderValue>, origins: &[String]) {
    if origins.is_empty() {
        return;
    }
    response.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_only_if_it_equals_a_configured_one() {
        let origins = ["https://files.example.org".to_owned(), "http://localhost:8000/".to_owned()];
        let check = |origin, expected: bool| {
            let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))]);
            assert_eq!(allowed(&headers, &origins).is_some(), expected, "{origin}");
        };
        check("https://files.example.org", true);
        check("http://localhost:8000", true);
        check("http://files.example.org", false);
        check("https://files.example.org.evil.example", false);
        check("https://evil.example", false);
        check("https://files.example.org:444", false);
        check("null", false);
        assert_eq!(allowed(&HeaderMap::new(), &origins), None);
    }

    #[test]
    fn without_configured_origins_no_header_is_added() {
        let request = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://evil.example"))]);
        let mut response = HeaderMap::new();
        add_headers(&mut response, allowed(&request, &[]), &[]);
        assert!(response.is_empty());
        assert_eq!(preflight(&request, &[]).len(), 1);
    }

    #[test]
    fn every_origin_is_allowed_only_by_a_wildcard() {
        let request = HeaderMap::from_iter([
            (ORIGIN, HeaderValue::from_static("null")),
            (REQUEST_PRIVATE_NETWORK, HeaderValue::from_static("true")),
        ]);
        let answer = preflight(&request, &["*".to_owned()]);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!answer.contains_key(ALLOW_PRIVATE_NETWORK));
        let answer = preflight(&request, &["null".to_owned()]);
        assert_eq!(answer[ALLOW_PRIVATE_NETWORK], "true");
    }
}
