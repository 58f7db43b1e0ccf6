//! Uploads that go on where they ended: tus 1.0.0.

#![cfg(target_arch = "wasm32")]

use shared::{JobId, UploadId};
use web_sys::{AbortSignal, Blob, XmlHttpRequest};

use super::model::header_fields::{digest_field, upload_metadata};
use super::model::{Chosen, Rule};
use super::uploaded_file::Filed;
use super::xhr::{Body, Fields, exchange, field, judge, progress, send};
use crate::failure::Failure;
use crate::net::urls::uploads_url;

const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// Where an upload stands after a request.
#[derive(Debug)]
pub(super) struct Standing {
    /// Its address, where the answer told it.
    pub(super) upload: Option<UploadId>,
    /// How many bytes are durable.
    pub(super) offset: u64,
    /// What is told of the file that it became, once it did.
    pub(super) file: Filed,
}

/// The header fields that begin an upload.
pub(super) fn creation(chosen: &Chosen, rule: &Rule, digest: Option<&str>) -> Fields {
    let metadata = upload_metadata(chosen, rule, digest);
    let mut fields = vec![("upload-length", chosen.size.to_string()), ("upload-metadata", metadata)];
    match rule {
        Rule::Replace(Some(etag)) => fields.push(("if-match", etag.quoted())),
        Rule::New => fields.push(("if-none-match", "*".to_owned())),
        Rule::Replace(None) | Rule::KeepBoth => {}
    }
    fields
}

/// Begins an upload, with all of its bytes where `body` has them. Asked again with the same `key`, the server answers with
/// the same upload. Its address is told even where its bytes did not become a file.
pub(super) async fn create(
    mut fields: Fields,
    key: JobId,
    body: Option<&Blob>,
    signal: &AbortSignal,
    heard: impl Fn(u64) + 'static,
) -> Result<(Result<Standing, Failure>, Option<UploadId>), Failure> {
    fields.push(("idempotency-key", key.to_string()));
    fields.extend(body.map(|_| ("content-type", OFFSET_STREAM.to_owned())));
    let progress = progress(heard);
    let body = body.map_or(Body::Nothing, |blob| Body::Blob(blob, &progress));
    let request = exchange("POST", &uploads_url(None), &speaking(fields), body, signal).await?;
    let standing = standing(&request);
    let upload = standing.upload;
    Ok((judge(&request).map(|()| standing), upload))
}

/// Sends bytes that belong at `offset`; with the last of them the digest of the whole, without which they make no file.
pub(super) async fn append(
    upload: UploadId,
    offset: u64,
    body: &Blob,
    digest: Option<&str>,
    signal: &AbortSignal,
    heard: impl Fn(u64) + 'static,
) -> Result<Standing, Failure> {
    let mut fields = vec![("upload-offset", offset.to_string()), ("content-type", OFFSET_STREAM.to_owned())];
    fields.extend(digest.map(|digest| ("repr-digest", digest_field(digest))));
    let progress = progress(heard);
    let body = Body::Blob(body, &progress);
    let request = send("PATCH", &uploads_url(Some(upload)), &speaking(fields), body, signal).await?;
    Ok(standing(&request))
}

/// Gives the upload up. Where that does not arrive, the server gives it up by itself after a while.
pub(super) async fn discard(upload: UploadId) {
    let Ok(controller) = web_sys::AbortController::new() else { return };
    let _ =
        send("DELETE", &uploads_url(Some(upload)), &speaking(Vec::new()), Body::Nothing, &controller.signal()).await;
}

/// tus 1.0.0, and those fields.
fn speaking(fields: Fields) -> Fields {
    [vec![("tus-resumable", "1.0.0".to_owned())], fields].concat()
}

fn standing(request: &XmlHttpRequest) -> Standing {
    let upload = field(request, "location");
    let upload = upload.and_then(|address| UploadId::parse(address.trim_end_matches('/').rsplit('/').next()?));
    let offset = field(request, "upload-offset").and_then(|offset| offset.parse().ok());
    Standing { upload, offset: offset.unwrap_or(0), file: Filed::in_answer(request) }
}
