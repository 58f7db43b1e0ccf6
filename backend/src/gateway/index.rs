//! A folder as a plain page: links, sizes, dates, and no script, so that `wget -m`, a text browser or a media player
//! finds its way. Made page by page of the listing: a hundred thousand entries take no more memory than a thousand.
//!
//! Programs that mirror save a folder's page as `index.html` in the folder, where a file of that name may have to go.
//! So the pages link to folders by [`FOLDER`], which gives the saved page another name; and the page where a mirror
//! starts says that it is older than any file, so that a file may take its place ([`NO_DATE`]).

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use shared::path::encode_segment;
use shared::{Entry, Kind, Link, Order, VPath};

use super::Gateway;
use super::conditional::Conditions;
use super::error::Refusal;
use super::files::set;
use super::relay::{Source, body};
use super::text::{csp_hash, date, escape_html, size};
use crate::client::{Caller, Client, ClientError, Listing};

/// Entries that are asked for at a time.
const PAGE_ENTRIES: u32 = 2_000;
/// What a link to a folder's page ends in.
const FOLDER: &str = "/?index";
/// The time of a page that is made when it is asked for. It is renewed by its entity tag alone.
const NO_DATE: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

const STYLE: &str = "\
:root{color-scheme:light dark;font:14px/20px system-ui,sans-serif}\
body{margin:0 auto;max-width:960px;padding:16px}\
h1{font-size:20px;line-height:28px;font-weight:600;overflow-wrap:anywhere;margin:0 0 12px}\
table{border-collapse:collapse;width:100%}\
th{text-align:left;font-weight:600}\
th,td{padding:4px 8px;border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}\
td:first-child{overflow-wrap:anywhere}\
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
a{text-decoration:none;color:LinkText}a:hover{text-decoration:underline}\
a:focus-visible{outline:2px solid;outline-offset:2px}\
tr:hover td{background:color-mix(in srgb,currentColor 6%,transparent)}\
";

/// Nothing on the page acts, and nothing of it is fetched.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        csp_hash(STYLE)
    )
});

/// The index of a folder. The folder itself is found out by listing it.
pub(super) async fn folder(
    gateway: &Gateway,
    caller: &Caller,
    path: &VPath,
    conditions: &Conditions,
) -> Result<Response, Refusal> {
    let listing = gateway.client.list(caller, path, Order::default(), None, PAGE_ENTRIES).await?;
    let mut headers = HeaderMap::new();
    set(&mut headers, CONTENT_SECURITY_POLICY, &*POLICY);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(LAST_MODIFIED, HeaderValue::from_static(NO_DATE));
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    if let Some(etag) = listing.etag {
        // Weak: the same entries may be laid out otherwise by another version.
        set(&mut headers, ETAG, format!("W/{}", etag.quoted()));
    }
    if conditions.has(listing.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let first = top(path, &gateway.config.name, listing.total) + &rows(&listing.entries);
    let body = match listing.next_cursor {
        None => {
            let page = first + BOTTOM;
            set(&mut headers, CONTENT_LENGTH, page.len());
            Body::from(page)
        }
        cursor => body(Index {
            client: gateway.client.clone(),
            caller: caller.clone(),
            path: path.clone(),
            ready: Some(first.into()),
            cursor,
        }),
    };
    Ok((StatusCode::OK, headers, body).into_response())
}

/// What is still to come of an index.
struct Index {
    client: Client,
    caller: Caller,
    path: VPath,
    ready: Option<Bytes>,
    cursor: Option<String>,
}

impl Source for Index {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        if let Some(bytes) = self.ready.take() {
            return Ok(Some(bytes));
        }
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let listing: Listing =
            self.client.list(&self.caller, &self.path, Order::default(), Some(&cursor), PAGE_ENTRIES).await?;
        self.cursor = listing.next_cursor;
        let mut html = rows(&listing.entries);
        if self.cursor.is_none() {
            html.push_str(BOTTOM);
        }
        // An empty piece would be no progress; the folder may have shrunk to just here.
        Ok(Some(html.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

const BOTTOM: &str = "</table>\n";

fn top(path: &VPath, name: &str, total: u64) -> String {
    let mut html = String::with_capacity(4096);
    html.push_str("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width\"><title>");
    escape_html(if path.is_root() { name } else { "" }, &mut html);
    escape_html(&path.display_name(), &mut html);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style>\n<h1>");
    crumbs(path, name, &mut html);
    html.push_str(&format!("</h1>\n<table><tr><th>Name ({total})<th class=\"n\">Size<th class=\"n\">Changed (UTC)\n"));
    if !path.is_root() {
        html.push_str(&format!("<tr><td><a href=\"..{FOLDER}\">../</a><td class=\"n\"><td class=\"n\">\n"));
    }
    html
}

/// The folders on the way here, each a link but the last.
fn crumbs(path: &VPath, name: &str, html: &mut String) {
    let depth = path.segments().count();
    let names = std::iter::once(name.into()).chain(path.segments().map(String::from_utf8_lossy));
    for (index, name) in names.enumerate() {
        if index == depth {
            escape_html(&name, html);
        } else {
            let up = vec![".."; depth - index].join("/");
            html.push_str(&format!("<a href=\"{up}{FOLDER}\">"));
            escape_html(&name, html);
            html.push_str("</a> / ");
        }
    }
}

fn rows(entries: &[Entry]) -> String {
    let mut html = String::with_capacity(entries.len() * 160);
    for entry in entries {
        row(entry, &mut html);
    }
    html
}

fn row(entry: &Entry, html: &mut String) {
    // The canonical encoding leaves nothing that HTML or a URL could take for its own.
    let href = encode_segment(entry.path.name());
    let (slash, note) = match (entry.kind, &entry.link) {
        (Kind::Folder, _) => ("/", ""),
        (Kind::File, _) => ("", ""),
        (Kind::Other, Some(Link::Escapes)) => ("", " (link that leads out)"),
        (Kind::Other, Some(_)) => ("", " (broken link)"),
        (Kind::Other, None) => ("", " (not a file)"),
    };
    html.push_str("<tr><td>");
    if entry.kind == Kind::Other {
        escape_html(&entry.display_name(), html);
        html.push_str(note);
    } else {
        let end = if entry.is_folder() { FOLDER } else { "" };
        html.push_str(&format!("<a href=\"{href}{end}\">"));
        escape_html(&entry.display_name(), html);
        html.push_str(slash);
        html.push_str("</a>");
    }
    html.push_str("<td class=\"n\">");
    if entry.is_file() {
        html.push_str(&size(entry.size));
    }
    html.push_str(&format!("<td class=\"n\">{}\n", date(entry.modified)));
}

#[cfg(test)]
mod tests {
    use shared::Timestamp;

    use super::*;

    fn entry(name: &[u8], kind: Kind, link: Option<Link>) -> Entry {
        let path = VPath::from_bytes([b"d/".as_slice(), name].concat()).unwrap();
        Entry { path, kind, size: 1500, modified: Timestamp(0), executable: false, link, etag: None }
    }

    #[track_caller]
    fn check(entry: Entry, expected: &str) {
        assert_eq!(rows(&[entry]), expected);
    }

    #[test]
    fn rows_lead_to_what_they_name() {
        let time = "<td class=\"n\">1970-01-01 00:00\n";
        check(
            entry(b"a b.txt", Kind::File, None),
            &format!("<tr><td><a href=\"a%20b.txt\">a b.txt</a><td class=\"n\">1.5 kB{time}"),
        );
        check(entry(b"d", Kind::Folder, None), &format!("<tr><td><a href=\"d/?index\">d/</a><td class=\"n\">{time}"));
        check(
            entry(b"javascript:x", Kind::File, None),
            &format!("<tr><td><a href=\"javascript%3Ax\">javascript:x</a><td class=\"n\">1.5 kB{time}"),
        );
        check(
            entry(b"\"><script>", Kind::Folder, None),
            &format!(
                "<tr><td><a href=\"%22%3E%3Cscript%3E/?index\">&quot;&gt;&lt;script&gt;/</a><td class=\"n\">{time}"
            ),
        );
        check(
            entry(b"out", Kind::Other, Some(Link::Escapes)),
            &format!("<tr><td>out (link that leads out)<td class=\"n\">{time}"),
        );
        assert!(rows(&[entry(b"latin\xe9", Kind::File, None)]).contains("href=\"latin%E9\">latin\u{fffd}<"));
    }

    #[test]
    fn the_way_here_is_linked() {
        let mut html = String::new();
        crumbs(&VPath::parse("a/b").unwrap(), "Files <1>", &mut html);
        assert_eq!(html, "<a href=\"../../?index\">Files &lt;1&gt;</a> / <a href=\"../?index\">a</a> / b");
        let mut html = String::new();
        crumbs(&VPath::root(), "Files", &mut html);
        assert_eq!(html, "Files");
    }
}
