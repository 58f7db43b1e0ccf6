//! What the server tells of a file that an upload became, and whether that is what is here.

#![cfg(target_arch = "wasm32")]

use shared::ETag;
use shared::api::uploads::UploadState;
use shared::{Algorithm, hex};
use web_sys::XmlHttpRequest;

use super::model::Report;
use super::model::header_fields::blake3_of;
use super::xhr::field;

/// A file that an upload became.
#[derive(Debug, Default)]
pub(super) struct Filed {
    /// BLAKE3 of what the server has, in hexadecimal digits.
    pub(super) digest: Option<String>,
    /// The state that it is in.
    pub(super) etag: Option<ETag>,
}

impl Filed {
    /// As an answer's header fields tell it.
    pub(super) fn in_answer(request: &XmlHttpRequest) -> Self {
        let digest = field(request, "repr-digest").and_then(|digests| blake3_of(&digests));
        let etag = field(request, "etag").and_then(|etag| ETag::parse(etag.trim_matches('"')));
        Self { digest, etag }
    }

    /// As a document tells it.
    pub(super) fn of(state: UploadState) -> Self {
        let digest = state.digests.as_ref().and_then(|digests| digests.get(Algorithm::Blake3));
        Self { digest: digest.map(hex::encode), etag: state.entry.and_then(|entry| entry.etag) }
    }

    /// Whether what the server has is what is here.
    pub(super) fn judge(self, ours: Option<&str>) -> Report {
        match (ours, self.digest.as_deref()) {
            (Some(ours), Some(theirs)) if ours != theirs => Report::Damaged(self.etag),
            (ours, theirs) => Report::Done(ours.is_some() && theirs.is_some()),
        }
    }
}
