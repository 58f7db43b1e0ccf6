//! The page itself: the files of [`PageFiles`], each with the right type, coding, validator and lifetime, and the policy
//! (CSP) under which the page runs.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG as ETAG_HEADER,
    HeaderName, LOCATION, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};
use shared::{ETag, ErrorCode, VPath};

use crate::gateway::config::PageFiles;
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::content_type;
use crate::gateway::http::headers::{allow, set};
use crate::gateway::http::html::csp_hash;
use crate::gateway::http::negotiate::{Coding, coding};
use crate::gateway::http::problem::Refusal;
use crate::gateway::router::READ;
use crate::gateway::state::Gateway;

const INDEX: &str = "index.html";
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

/// What a script may do that runs as a worker: a worker goes by the policy of its own answer, not by the page's. A script
/// of the page itself goes by the page's.
const WORKER_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/// The page, ready to be served.
pub(crate) struct Page {
    assets: HashMap<&'static str, Asset>,
    policy: String,
}

struct Asset {
    content_type: &'static str,
    immutable: bool,
    /// Best first; the plain form last.
    forms: Vec<(Coding, &'static [u8], ETag)>,
}

impl Page {
    pub(crate) fn new(PageFiles(files): PageFiles) -> Self {
        let found: HashMap<_, _> = files.iter().copied().collect();
        let is_form = |name: &str| {
            name.strip_suffix(".br").or(name.strip_suffix(".gz")).is_some_and(|plain| found.contains_key(plain))
        };
        let assets = files.iter().filter(|(name, _)| !is_form(name));
        let assets: HashMap<_, _> = assets.map(|(name, plain)| (*name, Asset::new(name, plain, &found))).collect();
        let index = found.get(INDEX).map(|bytes| String::from_utf8_lossy(bytes)).unwrap_or_default();
        Self { assets, policy: policy(&index) }
    }
}

impl Asset {
    fn new(name: &str, plain: &'static [u8], found: &HashMap<&'static str, &'static [u8]>) -> Self {
        let path = VPath::from_bytes(name.as_bytes()).unwrap_or_default();
        let digest = Sha256::digest(plain);
        let mut forms = Vec::with_capacity(3);
        for (coding, suffix) in [(Coding::Brotli, ".br"), (Coding::Gzip, ".gz")] {
            if let Some(bytes) = found.get(format!("{name}{suffix}").as_str()) {
                forms.push((coding, *bytes, etag(&digest, coding)));
            }
        }
        forms.push((Coding::Identity, plain, etag(&digest, Coding::Identity)));
        Self { content_type: content_type::content_type(&path), immutable: is_hashed(name), forms }
    }
}

/// Each coding is another representation, with a validator of its own (RFC 9110 §8.8.3.3).
fn etag(digest: &[u8], coding: Coding) -> ETag {
    let digest = Sha256::new_with_prefix(digest).chain_update(coding.token()).finalize();
    let mut etag = [0; 16];
    etag.copy_from_slice(&digest[..16]);
    ETag(etag)
}

/// True for a name that holds a hash of the content, as the bundler writes them: `frontend-0123456789abcdef_bg.wasm`.
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or(name);
    stem.split(['-', '.', '_']).skip(1).any(|word| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What the page may do: run its own code and the scripts that stand in it, and talk to where it came from.
fn policy(index: &str) -> String {
    let hashes: String = inline_scripts(index).into_iter().map(|script| format!(" {}", csp_hash(script))).collect();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; style-src 'self'; \
         img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; \
         manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

/// The text of each `<script>` without a `src`, as a browser hashes it.
fn inline_scripts(html: &str) -> Vec<&str> {
    let mut scripts = Vec::new();
    let lower = html.to_ascii_lowercase();
    let mut at = 0;
    while let Some(start) = lower[at..].find("<script").map(|found| at + found) {
        let Some(open) = lower[start..].find('>').map(|found| start + found + 1) else { break };
        let Some(close) = lower[open..].find("</script").map(|found| open + found) else { break };
        if !lower[start..open].contains("src=") {
            scripts.push(&html[open..close]);
        }
        at = close;
    }
    scripts
}

/// What no route has: a file of the page, the page itself for the addresses that it makes up, or nothing.
pub(crate) async fn read(State(gateway): State<Gateway>, request: Request) -> Result<Response, Refusal> {
    let path = request.uri().path();
    let asset = gateway.page.assets.get(path.trim_start_matches('/'));
    if asset.is_none() && (is_reserved(path) || is_fetched(path)) {
        return Err(missing(path));
    }
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return Ok(allow(READ)),
        _ => return Err(Refusal::method_not_allowed(READ)),
    }
    if path == OLD_ADDRESS {
        return Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, "./")]).into_response());
    }
    match asset.or_else(|| gateway.page.assets.get(INDEX)) {
        Some(asset) => Ok(gateway.page.answer(asset, request.method(), request.headers())),
        None => Ok(not_built()),
    }
}

fn missing(path: &str) -> Refusal {
    if path.starts_with("/api/") || path == "/api" {
        return Refusal::because(
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

impl Page {
    fn answer(&self, asset: &Asset, method: &Method, headers: &HeaderMap) -> Response {
        let available: Vec<_> = asset.forms.iter().map(|(coding, ..)| *coding).collect();
        let chosen = coding(headers, &available);
        // The plain form is always there.
        let form = asset.forms.iter().find(|(coding, ..)| *coding == chosen).or(asset.forms.last());
        let Some(&(coding, bytes, etag)) = form else { return not_built() };
        let mut answer = HeaderMap::with_capacity(16);
        set(&mut answer, ETAG_HEADER, etag.quoted());
        let lifetime = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        answer.insert(CACHE_CONTROL, HeaderValue::from_static(lifetime));
        answer.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        // A 304 too: its headers take the place of the stored ones (RFC 9111 §3.2), and its policy with them.
        if asset.content_type.starts_with("text/html") {
            self.guard(&mut answer);
        }
        if asset.content_type.starts_with("text/javascript") {
            answer.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(WORKER_POLICY));
        }
        if Conditions::read(method, headers).has(Some(etag)) {
            return (StatusCode::NOT_MODIFIED, answer).into_response();
        }
        set(&mut answer, CONTENT_TYPE, asset.content_type);
        set(&mut answer, CONTENT_LENGTH, bytes.len());
        if coding != Coding::Identity {
            answer.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        (StatusCode::OK, answer, Body::from(Bytes::from_static(bytes))).into_response()
    }

    /// What keeps the page to itself.
    fn guard(&self, headers: &mut HeaderMap) {
        set(headers, CONTENT_SECURITY_POLICY, &self.policy);
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(opener, HeaderValue::from_static("same-origin"));
        let permissions = HeaderName::from_static("permissions-policy");
        let none = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
                    microphone=(), midi=(), payment=(), usb=(), xr-spatial-tracking=()";
        headers.insert(permissions, HeaderValue::from_static(none));
    }
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
    use http::header::ACCEPT_ENCODING;

    use super::*;

    const FILES: &[(&str, &[u8])] = &[
        ("index.html", b"<!doctype html><script>start()</script><SCRIPT type=\"module\">import 'x'</SCRIPT><script src=\"a.js\"></script>"),
        ("frontend-0123456789abcdef_bg.wasm", b"\0asm"),
        ("frontend-0123456789abcdef_bg.wasm.br", b"br"),
        ("frontend-0123456789abcdef_bg.wasm.gz", b"gz"),
        ("hasher_loader.js", b"importScripts('./hasher.js')"),
        ("notes.gz", b"a file of its own"),
    ];

    fn answer(name: &str, encoding: &'static str, etag: Option<&HeaderValue>) -> Response {
        let page = Page::new(PageFiles(FILES));
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
        if let Some(etag) = etag {
            headers.insert(http::header::IF_NONE_MATCH, etag.clone());
        }
        page.answer(&page.assets[name], &Method::GET, &headers)
    }

    #[test]
    fn an_asset_comes_in_the_wanted_form() {
        let wasm = FILES[1].0;
        let brotli = answer(wasm, "gzip, br", None);
        assert_eq!(brotli.headers()[CONTENT_TYPE], "application/wasm");
        assert_eq!(brotli.headers()[CONTENT_ENCODING], "br");
        assert_eq!(brotli.headers()[CONTENT_LENGTH], "2");
        assert_eq!(brotli.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(brotli.headers()[VARY], "Accept-Encoding");
        let plain = answer(wasm, "identity", None);
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_ne!(plain.headers()[ETAG_HEADER], brotli.headers()[ETAG_HEADER]);
        let again = answer(wasm, "br", Some(&brotli.headers()[ETAG_HEADER]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer(wasm, "identity", Some(&brotli.headers()[ETAG_HEADER])).status(), StatusCode::OK);
    }

    #[test]
    fn the_page_is_guarded_and_checked_each_time() {
        let index = answer("index.html", "", None);
        assert_eq!(index.headers()[CACHE_CONTROL], "no-cache");
        let policy = index.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains(&csp_hash("start()")) && policy.contains(&csp_hash("import 'x'")));
        assert_eq!(policy.matches("sha256-").count(), 2);
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        let again = answer("index.html", "", Some(&index.headers()[ETAG_HEADER]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[CONTENT_SECURITY_POLICY], policy);
    }

    #[test]
    fn a_worker_may_load_its_own_program_and_nothing_else() {
        let worker = answer("hasher_loader.js", "", None);
        let policy = worker.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
        assert!(!answer("frontend-0123456789abcdef_bg.wasm", "", None).headers().contains_key(CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn a_compressed_form_is_not_a_file_of_its_own() {
        let page = Page::new(PageFiles(FILES));
        let mut names: Vec<_> = page.assets.keys().copied().collect();
        names.sort_unstable();
        assert_eq!(names, ["frontend-0123456789abcdef_bg.wasm", "hasher_loader.js", "index.html", "notes.gz"]);
    }

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

    #[test]
    fn hashed_names() {
        for name in ["frontend-0123456789abcdef.js", "a/style-deadbeef.css", "x.0123456789abcdef.js"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in ["index.html", "favicon.svg", "manifest.webmanifest", "deadbeef.js", "frontend-abc.js"] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
