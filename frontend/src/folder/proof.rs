//! A page of which the folder was read.

#![cfg(target_arch = "wasm32")]

use shared::ETag;
use shared::api::files::ListFolder;

/// A page as it was read.
#[derive(Clone)]
pub(super) struct Proof {
    /// What was asked for.
    pub(super) request: ListFolder,
    /// What the answer was; none for a long page, which cannot be compared.
    pub(super) etag: Option<ETag>,
    /// How often the server had begun to tell of changes when the page was asked for.
    pub(super) told: u32,
}
