//! Redirects to relative addresses, which are right under every prefix that a proxy may add. Pure.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use shared::VPath;
use shared::path::has_only_redundant_dots;

use super::headers::set;

/// 308: the resource has that address, for every method.
pub(crate) fn permanent(location: &str, query: Option<&str>) -> Response {
    to(StatusCode::PERMANENT_REDIRECT, HeaderValue::from_static("no-cache"), location, query)
}

/// 307: the resource is there today. No cache may keep it, because another version may have a resource here.
pub(crate) fn temporary(location: &str) -> Response {
    to(StatusCode::TEMPORARY_REDIRECT, HeaderValue::from_static("no-store"), location, None)
}

fn to(status: StatusCode, cache: HeaderValue, location: &str, query: Option<&str>) -> Response {
    let mut headers = HeaderMap::new();
    match query {
        Some(query) => set(&mut headers, LOCATION, format!("{location}?{query}")),
        None => set(&mut headers, LOCATION, location),
    }
    headers.insert(CACHE_CONTROL, cache);
    (status, headers).into_response()
}

/// 308 to the address without its `.` segments, which clients that do not normalise addresses send (RFC 3986 §5.2.4);
/// `None` for an address without them. An address with `..` is not redirected, but refused where it is parsed.
pub(crate) fn without_dots(uri: &Uri) -> Option<Response> {
    if !has_only_redundant_dots(uri.path()) {
        return None;
    }
    // The client removes the other `.` segments when it resolves the reference (§5.2.4). The dot in front keeps a colon
    // in the name from ending a scheme (§4.2).
    let last = uri.path().rsplit('/').next().filter(|last| !has_only_redundant_dots(last)).unwrap_or_default();
    Some(permanent(&format!("./{last}"), uri.query()))
}

/// The page that shows the folder of `path`, relative to `address`, the address of the request.
pub(crate) fn to_page(address: &str, path: &VPath) -> Response {
    temporary(&format!("{}?path={path}", super::error_page::home(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &str, expected: Option<&str>) {
        let response = without_dots(&Uri::try_from(target).unwrap());
        let location = response.as_ref().map(|response| response.headers()[LOCATION].to_str().unwrap());
        assert_eq!(location, expected, "{target}");
    }

    #[test]
    fn dot_segments_are_removed() {
        check("/files/d/./a:b.txt", Some("./a:b.txt"));
        check("/files/./d/a?x=./y", Some("./a?x=./y"));
        check("/files/d/.", Some("./"));
        check("/files/d/./", Some("./"));
        check("/files/%2e/d/%2E", Some("./"));
        check("/files/d/a", None);
        check("/files/d/../a", None);
        check("/files/d/./../a", None);
        check("/files/...", None);
        check("*", None);
    }
}
