//! The state of an upload, for tus (HEAD) and as JSON (GET); terminating an upload; committing it with other
//! conditions.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use shared::api::uploads::{CommitUpload, UploadState, Uploads};
use shared::{ErrorCode, UploadId};

use super::headers::{self, CONCAT, DEFER_LENGTH, LENGTH, METADATA, OFFSET};
use super::request::{UploadRequest, id, is_file, status_headers, with_offset, with_version};
use crate::client::{Caller, Commit, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::headers::set;
use crate::gateway::http::json;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::owner::owner;
use crate::gateway::state::Gateway;

/// `GET /api/v1/uploads`.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let who = owner(request.extensions());
    let uploads: Vec<_> = gateway.client.uploads(&caller).await?.into_iter().map(state_of).collect();
    let items = uploads.len();
    gateway.long_answer(who, StatusCode::OK, Uploads { uploads }, items).await
}

/// `GET /api/v1/uploads/<id>`.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let id = id(request.uri().path())?;
    let upload = gateway.client.upload_status(&caller, id).await?;
    json::answer(&state_of(upload))
}

/// `POST /api/v1/uploads/<id>/commit`.
pub(crate) async fn commit(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    json::wants_json(request.headers())?;
    let id = id(request.uri().path())?;
    let (upload_request, body) = UploadRequest::of(gateway, caller, request);
    let CommitUpload { path, conflict, if_match, .. } = json::read(&upload_request.headers, body).await?;
    let blake3 = upload_request.digest()?;
    let commit = Commit {
        caller: Caller { deadline_ms: None, ..upload_request.caller },
        upload: id,
        target: path,
        conflict,
        if_match: if_match.map(|etag| vec![etag]),
        blake3,
    };
    let upload = upload_request.gateway.client.commit(&commit).await?;
    upload_request.gateway.metrics.uploaded("tus");
    json::answer(&state_of(upload))
}

/// `HEAD /api/v1/uploads/<id>`.
pub(crate) async fn head(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let id = id(request.uri().path());
    let (upload_request, _body) = UploadRequest::of(gateway, caller, request);
    let answer = match id {
        Ok(id) => upload_request.status(id).await,
        Err(error) => Err(error),
    };
    with_version(answer)
}

/// `DELETE /api/v1/uploads/<id>`.
pub(crate) async fn delete(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let id = id(request.uri().path());
    let (upload_request, _body) = UploadRequest::of(gateway, caller, request);
    let answer = match id {
        Ok(id) => upload_request.terminate(id).await,
        Err(error) => Err(error),
    };
    with_version(answer)
}

impl UploadRequest {
    /// HEAD. A complete upload that is no file is answered with the reason, because a client takes a complete upload for
    /// a file.
    async fn status(&self, id: UploadId) -> Result<Response, ErrorResponse> {
        headers::check_version(&self.headers)?;
        let upload = self.gateway.client.finished_upload(&self.caller, id).await?;
        let was_file = is_file(&upload);
        let upload = self.finished(upload).await?;
        self.count_file(was_file, &upload);
        let mut headers = status_headers(&upload);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match upload.length {
            Some(length) => set(&mut headers, LENGTH, length),
            None if upload.parts.is_empty() => {
                headers.insert(DEFER_LENGTH, HeaderValue::from_static("1"));
            }
            None => {}
        }
        if !upload.parts.is_empty() && !is_file(&upload) {
            // An upload that joins parts has no offset until it is complete (extension `concatenation`).
            headers.remove(OFFSET);
        }
        if !upload.metadata.is_empty() {
            set(&mut headers, METADATA, &upload.metadata);
        }
        if let Some(concat) = headers::concat_of(upload.target.is_none(), &upload.parts) {
            set(&mut headers, CONCAT, concat);
        }
        Ok((StatusCode::OK, headers).into_response())
    }

    async fn terminate(&self, id: UploadId) -> Result<Response, ErrorResponse> {
        headers::check_version(&self.headers)?;
        self.gateway.client.abort(&self.caller, id).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// Adds the upload's offset to an error about its bytes. After a takeover by a newer request the status is not
    /// queried, because the query would interrupt that one.
    pub(super) async fn with_current_offset(&self, id: UploadId, error: ErrorResponse) -> ErrorResponse {
        let known = matches!(
            error.code,
            ErrorCode::OffsetMismatch
                | ErrorCode::BadRequest
                | ErrorCode::TooLarge
                | ErrorCode::Gone
                | ErrorCode::NoSpace
                | ErrorCode::QuotaExceeded
                | ErrorCode::ChecksumMismatch
                | ErrorCode::LengthMismatch
        );
        if !known {
            return error;
        }
        match self.gateway.client.upload_status(&self.caller, id).await {
            Ok(upload) if !upload.parts.is_empty() => {
                ErrorResponse::because(ErrorCode::Forbidden, "An upload that joins others accepts no bytes.")
            }
            Ok(upload) => with_offset(error, Some(upload.offset)),
            Err(_) => error,
        }
    }
}

fn state_of(upload: Upload) -> UploadState {
    UploadState {
        id: upload.id,
        offset: upload.offset,
        length: upload.length,
        path: upload.target,
        expires: upload.expires.milliseconds(),
        entry: upload.entry,
        digests: upload.digests,
        replaced: upload.replaced,
        trash: upload.trash,
        skipped: upload.skipped,
        refused: upload.refused.map(|refused| refused.code.name().to_owned()),
    }
}
