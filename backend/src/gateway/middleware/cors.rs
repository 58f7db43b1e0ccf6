//! Which pages of other origins may read answers (the Fetch standard's CORS protocol). Pure. Nobody is allowed unless
//! the server was told the exact origin, or told `*`.

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
/// What a page may read besides the few headers that it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Allow, Content-Disposition, Content-Length, Content-Location, Content-Range, ETag, Idempotency-Key, \
     Location, Passerelle-Rights, Repr-Digest, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, \
     Upload-Concat, Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, Upload-Outcome, \
     X-OC-Mtime, X-Request-Id",
);
/// How long a browser may remember the answer to a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// True if every origin is allowed.
pub(crate) fn any(origins: &[String]) -> bool {
    origins.iter().any(|origin| origin == "*")
}

/// True for a preflight: a question whether a request would be allowed, not a request.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The origin that the answer names: the request's own, if it is allowed.
pub(crate) fn allowed(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    if any(origins) {
        return Some(HeaderValue::from_static("*"));
    }
    let listed = origins.iter().any(|listed| listed.trim_end_matches('/').as_bytes() == origin.as_bytes());
    listed.then(|| origin.clone())
}

/// What the answer to a preflight says.
pub(crate) fn preflight(request: &HeaderMap, origins: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(origin) = allowed(request, origins) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        // A page on the web that was allowed by name may reach into a private network (Private Network Access); with
        // `*` nobody was.
        if request.contains_key(REQUEST_PRIVATE_NETWORK) && !any(origins) {
            headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
        }
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers
}

/// Adds to an answer what lets an allowed page read it. Nothing at all where no origin is configured.
pub(crate) fn share(response: &mut HeaderMap, allowed: Option<HeaderValue>, origins: &[String]) {
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
    fn only_exact_origins() {
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
    fn nothing_is_said_where_nobody_is_allowed() {
        let request = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://evil.example"))]);
        let mut response = HeaderMap::new();
        share(&mut response, allowed(&request, &[]), &[]);
        assert!(response.is_empty());
        assert_eq!(preflight(&request, &[]).len(), 1);
    }

    #[test]
    fn everybody_is_allowed_only_when_told() {
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
