//! [`UploadRequest`]: a request about an upload without its body, and the headers that its answers share.

use axum::extract::Request;
use axum::response::Response;
use http::HeaderMap;
use http::header::CONTENT_LOCATION;
use shared::{ErrorCode, UploadId};

use super::headers::{BASE, EXPIRES, OFFSET, RESUMABLE, VERSIONS};
use crate::client::{Caller, Upload};
use crate::gateway::http::date::http_date;
use crate::gateway::http::digest_fields;
use crate::gateway::http::headers::set;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::RequestBody;
use crate::gateway::routes::upload;
use crate::gateway::state::Gateway;

/// A request to create or change an upload, without its body.
pub(super) struct UploadRequest {
    pub(super) gateway: Gateway,
    pub(super) caller: Caller,
    pub(super) headers: HeaderMap,
}

impl UploadRequest {
    pub(super) fn of(gateway: Gateway, caller: Caller, mut request: Request) -> (Self, RequestBody) {
        let body = RequestBody::of(&gateway.bodies, &mut request);
        (Self { gateway, caller, headers: std::mem::take(request.headers_mut()) }, body)
    }

    /// The digest of the whole file, if the request states one (`Repr-Digest`).
    pub(super) fn digest(&self) -> Result<Option<Vec<u8>>, ErrorResponse> {
        digest_fields::of_whole(&self.headers)
    }

    /// Waits until the file server has made a complete upload a file, and tells what came of it.
    ///
    /// # Errors
    /// Why the upload is no file.
    pub(super) async fn finished(&self, upload: Upload) -> Result<Upload, ErrorResponse> {
        if !awaits_file(&upload) {
            return Ok(upload);
        }
        let upload = match upload.refused {
            Some(_) => upload,
            None => self.gateway.client.finished_upload(&self.caller, upload.id).await?,
        };
        match &upload.refused {
            Some(refused) => Err(with_offset(ErrorResponse::from(refused.clone()), Some(upload.offset))),
            // An earlier version of the file server began it, or an attempt was interrupted.
            None if awaits_file(&upload) => self.commit_again(upload).await,
            None => Ok(upload),
        }
    }

    /// Counts an upload that has become a file during this request.
    pub(super) fn count_file(&self, was_file: bool, upload: &Upload) {
        if !was_file && is_file(upload) {
            self.gateway.metrics.uploaded("tus");
        }
    }

    /// Makes a complete upload a file, if its content has the digest that the request states.
    ///
    /// # Errors
    /// Why the upload is no file.
    pub(super) async fn commit_again(&self, upload: Upload) -> Result<Upload, ErrorResponse> {
        let offset = upload.offset;
        let committed = self.gateway.commit(&self.caller, upload.id, self.digest()?).await;
        committed.map_err(|error| with_offset(error.into(), Some(offset)))
    }
}

/// The id in `/api/v1/uploads/<id>[/…]`; 404 for anything else.
pub(super) fn id(path: &str) -> Result<UploadId, ErrorResponse> {
    let rest = path.strip_prefix(BASE).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let id = rest.split('/').next().and_then(UploadId::parse);
    id.ok_or_else(|| ErrorResponse::because(ErrorCode::NotFound, "There is no such upload."))
}

/// Adds the version of tus, also to errors.
pub(super) fn with_version(answer: Result<Response, ErrorResponse>) -> Result<Response, ErrorResponse> {
    match answer {
        Ok(mut response) => {
            response.headers_mut().insert(RESUMABLE, VERSIONS);
            Ok(response)
        }
        Err(error) => Err(error.header(RESUMABLE, VERSIONS)),
    }
}

/// Adds the upload's offset to an error, for the client to continue from there.
pub(super) fn with_offset(error: ErrorResponse, offset: Option<u64>) -> ErrorResponse {
    let Some(offset) = offset else { return error };
    let error = match error.code {
        ErrorCode::NoSpace | ErrorCode::QuotaExceeded if offset > 0 => error.also(
            "The upload keeps the bytes up to its offset, and continues there.",
            "Le téléversement garde les octets reçus et pourra reprendre à cet endroit.",
        ),
        _ => error,
    };
    error.header(OFFSET, offset.into())
}

fn is_whole(upload: &Upload) -> bool {
    upload.length == Some(upload.offset)
}

/// True for an upload that has become a file, or that left an existing one in place.
pub(super) fn is_file(upload: &Upload) -> bool {
    upload.entry.is_some() || upload.skipped
}

/// True for a complete upload that is to become a file and has not yet.
pub(super) fn awaits_file(upload: &Upload) -> bool {
    is_whole(upload) && upload.target.is_some() && !is_file(upload)
}

/// The headers of every answer about an upload, and about the file that it became.
pub(super) fn status_headers(upload: &Upload) -> HeaderMap {
    let mut headers = upload::file_headers(upload);
    set(&mut headers, OFFSET, upload.offset);
    match &upload.entry {
        Some(entry) => set(&mut headers, CONTENT_LOCATION, format!("/files/{}", entry.path)),
        None => {
            set(&mut headers, EXPIRES, http_date(upload.expires));
        }
    }
    headers
}

/// 413 for bytes beyond the end of the upload.
pub(super) fn offset_past_end() -> ErrorResponse {
    ErrorResponse::because(ErrorCode::TooLarge, "The body exceeds the length of the upload.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment() {
        let digits = "1f".repeat(16);
        for path in [format!("{BASE}/{digits}"), format!("{BASE}/{digits}/commit")] {
            assert_eq!(id(&path).ok(), Some(UploadId([0x1f; 16])), "{path}");
        }
        for path in [BASE.to_owned(), format!("{BASE}/"), format!("{BASE}/../{digits}"), format!("{BASE}x/{digits}")] {
            assert!(id(&path).is_err(), "{path}");
        }
    }
}
