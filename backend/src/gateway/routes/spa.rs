//! The fallback of the router: the page and its files. Every address that the page makes up itself answers with the page.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{Method, StatusCode};
use shared::ErrorCode;

use crate::gateway::http::headers::allow;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::state::Gateway;

const METHODS: &str = "GET, HEAD, OPTIONS";
/// Where nothing but what is there is answered.
const RESERVED: &[&str] = &["/files", "/api", "/s", "/dav", "/assets", "/healthz", "/readyz", "/metrics"];
/// Endings of what a page fetches: a missing one is missing, not the page.
const FETCHED: &[&str] = &[
    ".js",
    ".mjs",
    ".wasm",
    ".css",
    ".map",
    ".json",
    ".webmanifest",
    ".svg",
    ".png",
    ".ico",
    ".txt",
    ".xml",
    ".br",
    ".gz",
    ".woff2",
];
/// The page that this one replaces.
const OLD_ADDRESS: &str = "/client-interface.html";

/// What no route has: a file of the page, the page itself for the addresses that it makes up, or nothing.
pub(crate) async fn read(State(gateway): State<Gateway>, request: Request) -> Result<Response, ErrorResponse> {
    let path = request.uri().path();
    let asset = gateway.page.asset(path.trim_start_matches('/'));
    if asset.is_none() && (is_reserved(path) || is_fetched(path)) {
        return Err(missing(path));
    }
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(allow(METHODS)),
        _ => return Err(ErrorResponse::method_not_allowed(METHODS)),
    }
    if path == OLD_ADDRESS {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, "./")]).into_response());
    }
    match asset.or_else(|| gateway.page.index()) {
        Some(asset) => Ok(gateway.page.answer(asset, request.method(), request.headers())),
        None => Ok(not_built()),
    }
}

fn missing(path: &str) -> ErrorResponse {
    if path.starts_with("/api/") || path == "/api" {
        return ErrorResponse::because(
            ErrorCode::NotFound,
            "The API has nothing at this address. /api/v1/openapi.json lists what it has.",
        );
    }
    ErrorCode::NotFound.into()
}

fn is_reserved(path: &str) -> bool {
    RESERVED.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn is_fetched(path: &str) -> bool {
    FETCHED.iter().any(|ending| path.ends_with(ending))
}

/// A program that was built without the page still serves files.
fn not_built() -> Response {
    let page = "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Passerelle</title>\n\
                <h1>The page is not built into this program</h1>\n\
                <p>Files are served all the same: <a href=\"files/\">plain index</a>.\n\
                <p><code>cargo xtask run</code> builds the page and starts a program that has it.\n";
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (StatusCode::OK, headers, page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_falls_back() {
        for path in ["/api", "/api/v2/list", "/files", "/s/x", "/dav/", "/assets/x", "/metrics/x"] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/shares", "/apiary", "/settings", "/davos"] {
            assert!(!is_reserved(path), "{path}");
        }
        assert!(is_fetched("/old-0123.wasm") && is_fetched("/robots.txt") && !is_fetched("/trash"));
    }
}
