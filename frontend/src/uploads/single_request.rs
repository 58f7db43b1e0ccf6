//! Uploads a small file in one PUT request.

#![cfg(target_arch = "wasm32")]

use shared::limits::STORE_BYTES_MAX;
use web_sys::{AbortSignal, File};

use super::hasher::HashedFile;
use super::idempotency_keys::IdempotencyKeys;
use super::model::header_fields::{repr_digest, seconds};
use super::model::{Id, Item, OnExisting, SelectedFile};
use super::uploaded_file::UploadedFile;
use super::xhr::{Body, HeaderFields, progress_listener, send};
use crate::failure::Failure;
use crate::net::urls::file_url;

/// True if PUT can upload the file: it is small, was not begun as a resumable upload, and needs no numbered name.
pub(super) fn fits(item: &Item) -> bool {
    item.file.size <= STORE_BYTES_MAX && item.upload.is_none() && item.on_existing != OnExisting::KeepBoth
}

/// Sends a file with its digest, so that the server refuses corrupted bytes.
///
/// # Errors
/// If the request fails or the server refuses the file.
pub(super) async fn put(
    item: &Item,
    file: &File,
    hashed: &HashedFile,
    keys: (&IdempotencyKeys, Id),
    signal: &AbortSignal,
) -> Result<UploadedFile, Failure> {
    let no_progress = progress_listener(|_| {});
    let body = match &hashed.bytes {
        Some(bytes) => Body::Bytes(bytes),
        None if item.file.size > 0 => Body::Blob(file, &no_progress),
        None => Body::Empty,
    };
    let mut fields = fields(&item.file, &item.on_existing, hashed.digest.as_deref());
    // After a lost response, the answer to the repeated request names the file that the first one replaced.
    let (keys, id) = keys;
    fields.push(("idempotency-key", keys.key_for(id, &fields).to_string()));
    let request = send("PUT", &file_url(&item.file.target), &fields, body, signal).await?;
    Ok(UploadedFile::from_response(&request))
}

fn fields(file: &SelectedFile, on_existing: &OnExisting, digest: Option<&str>) -> HeaderFields {
    let mut fields =
        vec![("content-type", "application/octet-stream".to_owned()), ("x-oc-mtime", seconds(file.modified))];
    fields.extend(digest.map(|digest| ("repr-digest", repr_digest(digest))));
    match on_existing {
        OnExisting::Fail => fields.push(("if-none-match", "*".to_owned())),
        OnExisting::Replace(Some(etag)) => fields.push(("if-match", etag.quoted())),
        OnExisting::Replace(None) | OnExisting::KeepBoth => {}
    }
    fields
}
