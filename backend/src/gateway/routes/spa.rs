//! The router's fallback: the page and its files. An address of no resource leads to the page and is the path of a
//! folder there: people who know other file servers type `/photos/2024`, and the page says so if there is none.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, StatusCode};
use shared::{ErrorCode, VPath};

use crate::gateway::http::headers::allow;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::redirect;
use crate::gateway::state::Gateway;

const METHODS: &str = "GET, HEAD, OPTIONS";
/// Prefixes below which an unknown address is 404 rather than the page.
const RESERVED: &[&str] = &["/files", "/api", "/s", "/dav", "/assets", "/healthz", "/readyz", "/metrics"];
/// Extensions of files that a page loads: a missing one is 404 rather than the page.
const FILE_EXTENSIONS: &[&str] = &[
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
/// The address of the page that this one replaced.
const FORMER_ADDRESS: &str = "/client-interface.html";

/// A file of the page, the page itself, a redirect to the page, or 404.
pub(crate) async fn read(State(gateway): State<Gateway>, request: Request) -> Result<Response, ErrorResponse> {
    let path = request.uri().path();
    let asset = gateway.page.asset(path.trim_start_matches('/'));
    if asset.is_none() && (is_reserved(path) || is_file(path)) {
        return Err(missing(path));
    }
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(allow(METHODS)),
        _ => return Err(ErrorResponse::method_not_allowed(METHODS)),
    }
    if path == FORMER_ADDRESS {
        return Ok(redirect::permanent("./", None));
    }
    if asset.is_none() && !is_page(path) {
        let folder = VPath::parse(path.strip_suffix('/').unwrap_or(path))?;
        return Ok(redirect::to_page(path, &folder));
    }
    match asset.or_else(|| gateway.page.index()) {
        Some(asset) => Ok(gateway.page.answer(asset, request.method(), request.headers())),
        None => Ok(not_built()),
    }
}

/// The addresses of the page itself. Its files have addresses relative to it, so it works nowhere else.
fn is_page(path: &str) -> bool {
    matches!(path, "/" | "/index.html" | "*")
}

fn missing(path: &str) -> ErrorResponse {
    if path.starts_with("/api/") || path == "/api" {
        return ErrorResponse::because(
            ErrorCode::NotFound,
            "The API has nothing at this address. /api/v1/openapi.json lists what it has.",
        )
        .in_french("L’API n’a rien à cette adresse. /api/v1/openapi.json décrit ce qu’elle propose.");
    }
    ErrorCode::NotFound.into()
}

fn is_reserved(path: &str) -> bool {
    RESERVED.iter().any(|prefix| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn is_file(path: &str) -> bool {
    FILE_EXTENSIONS.iter().any(|ending| path.ends_with(ending))
}

/// The page of a program that was built without one. Files are served nevertheless.
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
    fn reserved_addresses_and_files_do_not_fall_back_to_the_page() {
        for path in ["/api", "/api/v2/list", "/files", "/s/x", "/dav/", "/assets/x", "/metrics/x"] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/", "/shares", "/apiary", "/settings", "/davos"] {
            assert!(!is_reserved(path), "{path}");
        }
        assert!(is_file("/old-0123.wasm") && is_file("/robots.txt") && !is_file("/trash"));
    }
}
