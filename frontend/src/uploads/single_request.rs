//! A small file in one request: PUT, which the server stores in one exchange with its disk.

#![cfg(target_arch = "wasm32")]

use shared::limits::STORE_BYTES_MAX;
use web_sys::{AbortSignal, File};

use super::hasher::Hashed;
use super::model::header_fields::{digest_field, seconds};
use super::model::{Chosen, Item, Rule};
use super::uploaded_file::Filed;
use super::xhr::{Body, Fields, progress, send};
use crate::failure::Failure;
use crate::net::urls::file_url;

/// True for a file that goes in one request, under the very name that it is to have.
pub(super) fn fits(item: &Item) -> bool {
    item.chosen.size <= STORE_BYTES_MAX && item.upload.is_none() && item.rule != Rule::KeepBoth
}

/// Sends a file with the digest of its bytes, so that what is damaged on the way is refused.
pub(super) async fn put(item: &Item, file: &File, hashed: &Hashed, signal: &AbortSignal) -> Result<Filed, Failure> {
    let silent = progress(|_| {});
    let body = match &hashed.bytes {
        Some(bytes) => Body::Bytes(bytes),
        None if item.chosen.size > 0 => Body::Blob(file, &silent),
        None => Body::Nothing,
    };
    let fields = fields(&item.chosen, &item.rule, hashed.digest.as_deref());
    let request = send("PUT", &file_url(&item.chosen.target), &fields, body, signal).await?;
    Ok(Filed::in_answer(&request))
}

fn fields(chosen: &Chosen, rule: &Rule, digest: Option<&str>) -> Fields {
    let mut fields =
        vec![("content-type", "application/octet-stream".to_owned()), ("x-oc-mtime", seconds(chosen.modified))];
    fields.extend(digest.map(|digest| ("repr-digest", digest_field(digest))));
    match rule {
        Rule::New => fields.push(("if-none-match", "*".to_owned())),
        Rule::Replace(Some(etag)) => fields.push(("if-match", etag.quoted())),
        Rule::Replace(None) | Rule::KeepBoth => {}
    }
    fields
}
