//! The URLs of the gateway. Where it is, one line of `index.html` says, which is read when the page runs.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::document;
use shared::api::{self, BASE};
use shared::{UploadId, VPath};
use web_sys::Url;

/// The URL of an endpoint of the API.
pub(super) fn api_url(target: &str) -> String {
    format!("{}{BASE}{target}", base())
}

/// The URL of a folder's changes, as server-sent events.
pub(super) fn events_url(folder: &VPath) -> String {
    api_url(&api::events::target(folder))
}

/// The URL of one upload, or of the collection in which uploads are created.
pub fn uploads_url(upload: Option<UploadId>) -> String {
    match upload {
        Some(upload) => api_url(&format!("/uploads/{upload}")),
        None => api_url("/uploads"),
    }
}

/// The URL of a file's bytes, to open them.
pub fn file_url(path: &VPath) -> String {
    format!("{}/files/{path}", base())
}

/// The URL of a file's bytes, to save them.
pub fn download_url(path: &VPath) -> String {
    format!("{}?download", file_url(path))
}

/// The URL of several files and folders as one archive; a query or a form names them.
pub fn archive_url() -> String {
    api_url("/archive")
}

/// The gateway's URL, without a slash at the end.
fn base() -> String {
    thread_local! { static BASE_URL: String = configured_base(); }
    BASE_URL.with(Clone::clone)
}

fn configured_base() -> String {
    let meta = document().query_selector("meta[name=passerelle-api]").ok().flatten();
    let content = meta.and_then(|meta| meta.get_attribute("content")).unwrap_or_default();
    let page = document().base_uri().ok().flatten().unwrap_or_default();
    let relative = if content.is_empty() { "./" } else { content.as_str() };
    let url = Url::new_with_base(relative, &page).map(|url| url.href()).unwrap_or(content);
    url.trim_end_matches('/').to_owned()
}
