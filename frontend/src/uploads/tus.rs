//! Resumable uploads by tus 1.0.0.

#![cfg(target_arch = "wasm32")]

use shared::{JobId, UploadId};
use web_sys::{AbortSignal, Blob, XmlHttpRequest};

use super::model::header_fields::{repr_digest, upload_metadata};
use super::model::{OnExisting, SelectedFile};
use super::uploaded_file::UploadedFile;
use super::xhr::{Body, HeaderFields, check_status, exchange, header, progress_listener, send};
use crate::failure::Failure;
use crate::net::urls::uploads_url;

const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// The status of an upload after a request.
#[derive(Debug)]
pub(super) struct UploadStatus {
    /// The upload's id, in a response with `Location`.
    pub(super) upload: Option<UploadId>,
    /// Bytes that the server has made durable.
    pub(super) offset: u64,
    /// The uploaded file, once the upload is complete; else without digest and entity tag.
    pub(super) file: UploadedFile,
}

/// The header fields that create an upload.
pub(super) fn creation_fields(file: &SelectedFile, on_existing: &OnExisting, digest: Option<&str>) -> HeaderFields {
    let metadata = upload_metadata(file, on_existing, digest);
    let mut fields = vec![("upload-length", file.size.to_string()), ("upload-metadata", metadata)];
    match on_existing {
        OnExisting::Replace(Some(etag)) => fields.push(("if-match", etag.quoted())),
        OnExisting::Fail => fields.push(("if-none-match", "*".to_owned())),
        OnExisting::Replace(None) | OnExisting::KeepBoth => {}
    }
    fields
}

/// Creates an upload, with all of its bytes in `body` or none. A repeated request with the same `key` returns the
/// upload of the first one. Returns the upload's id also if the server created the upload but refused the bytes.
///
/// # Errors
/// Outside if there is no response, inside if the server refused the request or the bytes.
pub(super) async fn create(
    mut fields: HeaderFields,
    key: JobId,
    body: Option<&Blob>,
    signal: &AbortSignal,
    on_progress: impl Fn(u64) + 'static,
) -> Result<(Result<UploadStatus, Failure>, Option<UploadId>), Failure> {
    fields.push(("idempotency-key", key.to_string()));
    fields.extend(body.map(|_| ("content-type", OFFSET_STREAM.to_owned())));
    let progress = progress_listener(on_progress);
    let body = body.map_or(Body::Empty, |blob| Body::Blob(blob, &progress));
    let request = exchange("POST", &uploads_url(None), &with_version(fields), body, signal).await?;
    let status = read_status(&request);
    let upload = status.upload;
    Ok((check_status(&request).map(|()| status), upload))
}

/// Sends bytes at `offset`; with the last bytes the digest of the whole file, which completes the upload.
///
/// # Errors
/// If the request fails or the server refuses the bytes.
pub(super) async fn append(
    upload: UploadId,
    offset: u64,
    body: &Blob,
    digest: Option<&str>,
    signal: &AbortSignal,
    on_progress: impl Fn(u64) + 'static,
) -> Result<UploadStatus, Failure> {
    let mut fields = vec![("upload-offset", offset.to_string()), ("content-type", OFFSET_STREAM.to_owned())];
    fields.extend(digest.map(|digest| ("repr-digest", repr_digest(digest))));
    let progress = progress_listener(on_progress);
    let body = Body::Blob(body, &progress);
    let request = send("PATCH", &uploads_url(Some(upload)), &with_version(fields), body, signal).await?;
    Ok(read_status(&request))
}

/// Deletes an upload at the server. If the request fails, the upload expires by itself.
pub(super) async fn delete(upload: UploadId) {
    let Ok(controller) = web_sys::AbortController::new() else { return };
    let _ =
        send("DELETE", &uploads_url(Some(upload)), &with_version(Vec::new()), Body::Empty, &controller.signal()).await;
}

/// Adds the version of the protocol.
fn with_version(fields: HeaderFields) -> HeaderFields {
    [vec![("tus-resumable", "1.0.0".to_owned())], fields].concat()
}

fn read_status(request: &XmlHttpRequest) -> UploadStatus {
    let upload = header(request, "location");
    let upload = upload.and_then(|address| UploadId::parse(address.trim_end_matches('/').rsplit('/').next()?));
    let offset = header(request, "upload-offset").and_then(|offset| offset.parse().ok());
    UploadStatus { upload, offset: offset.unwrap_or(0), file: UploadedFile::from_response(request) }
}
