//! `UploadedFile`: the digest and entity tag of a file that an upload created, and its verification.

#![cfg(target_arch = "wasm32")]

use shared::api::uploads::UploadState;
use shared::{Algorithm, ETag, TrashId, VPath, hex};
use web_sys::XmlHttpRequest;

use super::model::AttemptEvent;
use super::model::header_fields::parse_blake3;
use super::published::Replaced;
use super::xhr::header;
use crate::printable::printable;

/// Header field with the effect on the target.
const OUTCOME: &str = "upload-outcome";
/// Header field with the item of the trash that keeps a replaced file.
const REPLACED: &str = "upload-replaced";
/// Header field with the percent-encoded name of an entry that looks the same.
const SIMILAR: &str = "passerelle-similar";

/// A file that an upload created.
#[derive(Debug, Default)]
pub(super) struct UploadedFile {
    /// The server's BLAKE3 digest in hexadecimal digits.
    pub(super) digest: Option<String>,
    /// The file's entity tag.
    pub(super) etag: Option<ETag>,
    /// What became of the file that this one replaced.
    pub(super) replaced: Option<Replaced>,
    /// Display name of an entry of the folder whose name looks the same.
    pub(super) similar: Option<String>,
}

impl UploadedFile {
    /// From the header fields of a response.
    pub(super) fn from_response(request: &XmlHttpRequest) -> Self {
        let digest = header(request, "repr-digest").and_then(|digests| parse_blake3(&digests));
        let etag = header(request, "etag").and_then(|etag| ETag::parse(etag.trim_matches('"')));
        let is_replaced = header(request, OUTCOME).is_some_and(|outcome| outcome == "replaced");
        let trash = header(request, REPLACED).and_then(|id| TrashId::parse(&id));
        let replaced = is_replaced.then(|| Replaced::from(trash));
        let similar = header(request, SIMILAR).and_then(|name| VPath::parse(&name).ok());
        Self { digest, etag, replaced, similar: similar.map(|name| printable(name.name())) }
    }

    /// From the document of an upload's state.
    pub(super) fn from_state(state: UploadState) -> Self {
        let digest = state.digests.as_ref().and_then(|digests| digests.get(Algorithm::Blake3));
        let etag = state.entry.and_then(|entry| entry.etag);
        let replaced = state.replaced.then(|| Replaced::from(state.trash));
        Self { digest: digest.map(hex::encode), etag, replaced, similar: None }
    }

    /// Compares the server's digest with that of the local file. A missing digest leaves the upload unverified.
    pub(super) fn verify(self, local: Option<&str>) -> AttemptEvent {
        match (local, self.digest.as_deref()) {
            (Some(local), Some(stored)) if local != stored => AttemptEvent::Damaged(self.etag),
            (local, stored) => AttemptEvent::Done(local.is_some() && stored.is_some()),
        }
    }
}
