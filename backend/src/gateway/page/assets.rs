//! The files of the page, each with its media type, codings, validator and cache lifetime.

use std::collections::HashMap;

use axum::Extension;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use sha2::{Digest, Sha256};
use shared::{ETag, VPath};

use super::policy::{WORKER_POLICY, policy};
use crate::gateway::config::PageFiles;
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::content_type;
use crate::gateway::http::headers::set;
use crate::gateway::http::negotiate::{Coding, coding};
use crate::gateway::whole_answer::AnswerMemory;

const INDEX: &str = "index.html";

/// The files of the page.
pub(crate) struct Page {
    assets: HashMap<&'static str, Asset>,
    policy: String,
}

pub(crate) struct Asset {
    content_type: &'static str,
    immutable: bool,
    plain: Form,
    /// Densest first.
    compressed: Vec<Form>,
}

/// The bytes of a file in one coding.
struct Form {
    coding: Coding,
    bytes: &'static [u8],
    etag: ETag,
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
        let form = |coding, bytes| Form { coding, bytes, etag: etag(&digest, coding) };
        let compressed = [(Coding::Brotli, ".br"), (Coding::Gzip, ".gz")].into_iter().filter_map(|(coding, suffix)| {
            found.get(format!("{name}{suffix}").as_str()).map(|bytes| form(coding, *bytes))
        });
        Self {
            content_type: asset_type(&path),
            immutable: is_hashed(name),
            compressed: compressed.collect(),
            plain: form(Coding::Identity, plain),
        }
    }

    /// The form that the client prefers.
    fn form(&self, headers: &HeaderMap) -> &Form {
        let available: Vec<_> = self.compressed.iter().map(|form| form.coding).collect();
        let chosen = coding(headers, &available);
        self.compressed.iter().find(|form| form.coding == chosen).unwrap_or(&self.plain)
    }
}

/// Each coding is a representation of its own, with its own validator (RFC 9110 §8.8.3.3).
fn etag(digest: &[u8], coding: Coding) -> ETag {
    let digest = Sha256::new_with_prefix(digest).chain_update(coding.token()).finalize();
    let mut etag = [0; 16];
    etag.copy_from_slice(&digest[..16]);
    ETag(etag)
}

/// True for a name that contains a hash of the content, as the bundler writes it: `frontend-0123456789abcdef_bg.wasm`.
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or(name);
    stem.split(['-', '.', '_']).skip(1).any(|word| word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Page {
    /// The file at `path`, relative to the page's address.
    pub(crate) fn asset(&self, path: &str) -> Option<&Asset> {
        self.assets.get(path)
    }

    /// The page itself; `None` in a program without a page.
    pub(crate) fn index(&self) -> Option<&Asset> {
        self.assets.get(INDEX)
    }

    /// 200 with a file in the coding that the client prefers, or 304.
    pub(crate) fn answer(&self, asset: &Asset, method: &Method, headers: &HeaderMap) -> Response {
        let &Form { coding, bytes, etag } = asset.form(headers);
        let mut answer = HeaderMap::with_capacity(16);
        set(&mut answer, ETAG, etag.quoted());
        let lifetime = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        answer.insert(CACHE_CONTROL, HeaderValue::from_static(lifetime));
        answer.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        // Also on 304: its headers replace the stored ones (RFC 9111 §3.2), the policy included.
        if asset.content_type.starts_with("text/html") {
            self.add_isolation(&mut answer);
        }
        if asset.content_type.starts_with("text/javascript") {
            answer.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(WORKER_POLICY));
        }
        if Conditions::read(method, headers).is_current(Some(etag)) {
            return (StatusCode::NOT_MODIFIED, answer).into_response();
        }
        set(&mut answer, CONTENT_TYPE, asset.content_type);
        set(&mut answer, CONTENT_LENGTH, bytes.len());
        if coding != Coding::Identity {
            answer.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        (StatusCode::OK, answer, Extension(AnswerMemory::Program), Body::from(Bytes::from_static(bytes)))
            .into_response()
    }

    /// Isolates the page from other sites.
    fn add_isolation(&self, headers: &mut HeaderMap) {
        set(headers, CONTENT_SECURITY_POLICY, &self.policy);
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(opener, HeaderValue::from_static("same-origin"));
        let permissions = HeaderName::from_static("permissions-policy");
        let none = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), \
                    microphone=(), midi=(), payment=(), usb=(), xr-spatial-tracking=()";
        headers.insert(permissions, HeaderValue::from_static(none));
    }
}

/// The media type of a file of the page. Only these files are scripts and style sheets: content of users never is.
fn asset_type(path: &VPath) -> &'static str {
    match path.display_name().rsplit_once('.') {
        Some((_, "js" | "mjs")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        _ => content_type::content_type(path),
    }
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT_ENCODING;

    use super::*;
    use crate::gateway::http::html::csp_hash;

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
    fn an_asset_is_sent_in_the_preferred_coding() {
        let wasm = FILES[1].0;
        let brotli = answer(wasm, "gzip, br", None);
        assert_eq!(brotli.headers()[CONTENT_TYPE], "application/wasm");
        assert_eq!(brotli.headers()[CONTENT_ENCODING], "br");
        assert_eq!(brotli.headers()[CONTENT_LENGTH], "2");
        assert_eq!(brotli.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(brotli.headers()[VARY], "Accept-Encoding");
        let plain = answer(wasm, "identity", None);
        assert!(!plain.headers().contains_key(CONTENT_ENCODING));
        assert_ne!(plain.headers()[ETAG], brotli.headers()[ETAG]);
        let again = answer(wasm, "br", Some(&brotli.headers()[ETAG]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer(wasm, "identity", Some(&brotli.headers()[ETAG])).status(), StatusCode::OK);
    }

    #[test]
    fn the_page_has_its_policy_and_is_revalidated() {
        let index = answer("index.html", "", None);
        assert_eq!(index.headers()[CACHE_CONTROL], "no-cache");
        let policy = index.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains(&csp_hash("start()")) && policy.contains(&csp_hash("import 'x'")));
        assert_eq!(policy.matches("sha256-").count(), 2);
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
        let again = answer("index.html", "", Some(&index.headers()[ETAG]));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()[CONTENT_SECURITY_POLICY], policy);
    }

    #[test]
    fn a_script_has_the_policy_of_a_worker() {
        let worker = answer("hasher_loader.js", "", None);
        let policy = worker.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"), "{policy}");
        assert!(!answer("frontend-0123456789abcdef_bg.wasm", "", None).headers().contains_key(CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn a_compressed_form_is_no_asset_of_its_own() {
        let page = Page::new(PageFiles(FILES));
        let mut names: Vec<_> = page.assets.keys().copied().collect();
        names.sort_unstable();
        assert_eq!(names, ["frontend-0123456789abcdef_bg.wasm", "hasher_loader.js", "index.html", "notes.gz"]);
    }

    #[test]
    fn a_hash_in_a_name_is_recognised() {
        for name in ["frontend-0123456789abcdef.js", "a/style-deadbeef.css", "x.0123456789abcdef.js"] {
            assert!(is_hashed(name), "{name}");
        }
        for name in ["index.html", "favicon.svg", "manifest.webmanifest", "deadbeef.js", "frontend-abc.js"] {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
