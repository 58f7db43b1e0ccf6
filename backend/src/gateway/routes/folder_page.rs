//! A folder as a plain HTML page with links, sizes and dates and without scripts, for `wget -m`, text browsers and
//! media players. It is streamed, so a large folder takes no more memory than a small one.
//!
//! Mirroring programs save a folder's page as `index.html` in that folder, where a file of that name may have to go. So
//! pages link to folders with [`FOLDER`], which gives the saved page another name; and the page at which a mirror
//! starts claims to be older than any file ([`NO_DATE`]), so that a file may replace it. A symbolic link to a folder that
//! contains the page is no link in it, because a mirror would follow it for ever.

use std::sync::LazyLock;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use shared::columns::{Columns, Row};
use shared::limits::LIST_LIMIT_MAX;
use shared::path::encode_segment;
use shared::size;
use shared::{ETag, Kind, Link, Order, VPath};

use crate::client::{Caller, Client, ClientError, ListingBlocks};
use crate::gateway::http::body_stream::{BodySource, Prefetched, stream_body};
use crate::gateway::http::conditional::Conditions;
use crate::gateway::http::headers::set;
use crate::gateway::http::html::{csp_hash, date, escape_html};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::state::Gateway;

/// The end of a link to a folder's page.
const FOLDER: &str = "/?index";
/// The date of a generated page. It is revalidated by its entity tag alone.
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

/// The page has no scripts and loads nothing.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        csp_hash(STYLE)
    )
});

/// The page of a folder. Listing the folder also tells whether it is one.
pub(crate) async fn folder(
    gateway: &Gateway,
    caller: &Caller,
    path: &VPath,
    conditions: &Conditions,
) -> Result<Response, ErrorResponse> {
    let blocks = gateway.client.list_blocks(caller, path, Order::default(), None, LIST_LIMIT_MAX).await?;
    let head = blocks.head();
    let mut headers = HeaderMap::new();
    set(&mut headers, CONTENT_SECURITY_POLICY, &*POLICY);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(LAST_MODIFIED, HeaderValue::from_static(NO_DATE));
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    if let Some(etag) = head.etag {
        // Weak, because another version may format the same entries differently.
        set(&mut headers, ETAG, format!("W/{}", etag.quoted()));
    }
    if conditions.is_current(head.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let html = page_start(path, &gateway.config.name, head.total);
    let single = blocks.is_single();
    let (client, caller, path) = (gateway.client.clone(), caller.clone(), path.clone());
    let mut index = FolderPage { client, caller, path, html, blocks, cursor: None, above: None };
    let first = index.next().await?.unwrap_or_default();
    let body = if single && index.cursor.is_none() {
        set(&mut headers, CONTENT_LENGTH, first.len());
        Body::from(first)
    } else {
        stream_body(Prefetched { first: Some(first), rest: index })
    };
    Ok((StatusCode::OK, headers, body).into_response())
}

/// Folders above a page that are looked at at a time: a deep path leaves the other connections to other requests.
const STATS_AT_ONCE: usize = 4;

/// The rest of a folder's page.
struct FolderPage {
    client: Client,
    caller: Caller,
    path: VPath,
    /// HTML that has been written but not sent.
    html: String,
    blocks: ListingBlocks,
    /// Where the listing continues after these blocks, in a folder with more entries than one page of a listing.
    cursor: Option<String>,
    /// The folders that contain the page, and its own; `None` until a link to a folder is listed.
    above: Option<Vec<ETag>>,
}

impl FolderPage {
    /// The states of the folders on the path of the page. A state is that of one folder alone, and known under whatever
    /// name a link gives to the folder.
    async fn folders_above(&self) -> Vec<ETag> {
        let folders: Vec<_> = self.path.ancestry().collect();
        let mut above = Vec::new();
        for few in folders.chunks(STATS_AT_ONCE) {
            let entries = join_all(few.iter().map(|folder| self.client.stat(&self.caller, folder))).await;
            // A folder that cannot be looked at is no target of a link in the listing, either.
            above.extend(entries.into_iter().filter_map(|entry| entry.ok()?.etag));
        }
        above
    }
}

impl BodySource for FolderPage {
    async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            if let Some(cursor) = self.cursor.take() {
                let (order, cursor) = (Order::default(), Some(&*cursor));
                self.blocks = self.client.list_blocks(&self.caller, &self.path, order, cursor, LIST_LIMIT_MAX).await?;
            }
            let Some(columns) = self.blocks.next().await? else { return Ok(None) };
            if self.above.is_none() && columns.rows().any(|row| row.is_folder() && row.link.is_some()) {
                self.above = Some(self.folders_above().await);
            }
            rows(&columns, self.above.as_deref().unwrap_or_default(), &mut self.html);
            self.cursor = columns.next_cursor().map(str::to_owned);
            if columns.is_last() && self.cursor.is_none() {
                self.html.push_str(PAGE_END);
            }
            // An empty piece would be no progress.
            if !self.html.is_empty() {
                return Ok(Some(std::mem::take(&mut self.html).into()));
            }
        }
    }
}

const PAGE_END: &str = "</table>\n";

fn page_start(path: &VPath, name: &str, total: u64) -> String {
    let mut html = String::with_capacity(4096);
    html.push_str("<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width\"><title>");
    escape_html(if path.is_root() { name } else { "" }, &mut html);
    escape_html(&path.display_name(), &mut html);
    html.push_str("</title><style>");
    html.push_str(STYLE);
    html.push_str("</style>\n<h1>");
    breadcrumbs(path, name, &mut html);
    html.push_str(&format!("</h1>\n<table><tr><th>Name ({total})<th class=\"n\">Size<th class=\"n\">Changed (UTC)\n"));
    if !path.is_root() {
        html.push_str(&format!("<tr><td><a href=\"..{FOLDER}\">../</a><td class=\"n\"><td class=\"n\">\n"));
    }
    html
}

/// The path of the folder, as links to its ancestors.
fn breadcrumbs(path: &VPath, name: &str, html: &mut String) {
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

fn rows(columns: &Columns<Bytes>, above: &[ETag], html: &mut String) {
    html.reserve(columns.len() * 160);
    columns.rows().for_each(|entry| row(&entry, above, html));
}

fn row(entry: &Row<'_>, above: &[ETag], html: &mut String) {
    // Canonical percent-encoding contains no character with a meaning in HTML or URLs.
    let href = encode_segment(entry.name);
    let display_name = String::from_utf8_lossy(entry.name);
    let leads_up = entry.link.is_some() && entry.etag.is_some_and(|etag| above.contains(&etag));
    let (slash, note) = match (entry.kind, &entry.link) {
        (Kind::Folder, _) if leads_up => ("", " (link to a folder above)"),
        (Kind::Folder, _) => ("/", ""),
        (Kind::File, _) => ("", ""),
        (Kind::Other, Some(Link::Escapes)) => ("", " (link that leads out)"),
        (Kind::Other, Some(_)) => ("", " (broken link)"),
        (Kind::Other, None) => ("", " (not a file)"),
    };
    html.push_str("<tr><td>");
    if entry.kind == Kind::Other || leads_up {
        escape_html(&display_name, html);
        html.push_str(note);
    } else {
        let end = if entry.is_folder() { FOLDER } else { "" };
        html.push_str(&format!("<a href=\"{href}{end}\">"));
        escape_html(&display_name, html);
        html.push_str(slash);
        html.push_str("</a>");
    }
    html.push_str("<td class=\"n\">");
    if entry.kind == Kind::File {
        html.push_str(&size::english(entry.size));
    }
    html.push_str(&format!("<td class=\"n\">{}\n", date(entry.modified)));
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Timestamp};

    use super::*;

    fn entry(name: &[u8], kind: Kind, link: Option<Link>) -> Entry {
        let path = VPath::from_bytes([b"d/".as_slice(), name].concat()).unwrap();
        Entry { path, kind, size: 1500, modified: Timestamp(0), executable: false, link, etag: None }
    }

    #[track_caller]
    fn check(entry: Entry, expected: &str) {
        let mut html = String::new();
        row(&Row::of(&entry), &[], &mut html);
        assert_eq!(html, expected);
    }

    #[test]
    fn rows_link_to_their_entries() {
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
        let mut html = String::new();
        row(&Row::of(&entry(b"latin\xe9", Kind::File, None)), &[], &mut html);
        assert!(html.contains("href=\"latin%E9\">latin\u{fffd}<"));
    }

    #[test]
    fn breadcrumbs_link_to_ancestors() {
        let mut html = String::new();
        breadcrumbs(&VPath::parse("a/b").unwrap(), "Files <1>", &mut html);
        assert_eq!(html, "<a href=\"../../?index\">Files &lt;1&gt;</a> / <a href=\"../?index\">a</a> / b");
        let mut html = String::new();
        breadcrumbs(&VPath::root(), "Files", &mut html);
        assert_eq!(html, "Files");
    }
}
