//! A page of which the folder on the screen was read.

#![cfg(target_arch = "wasm32")]

use shared::ETag;
use shared::api::files::ListFolder;

/// A page of which the folder was read, with what [`super::revalidate`] needs to request it again.
#[derive(Clone)]
pub(super) struct LoadedPage {
    /// The request.
    pub(super) request: ListFolder,
    /// The validator of the response; `None` for a long page, which has none and cannot be compared.
    pub(super) etag: Option<ETag>,
    /// How often watching had begun when the page was requested.
    pub(super) watch_starts: u32,
}
