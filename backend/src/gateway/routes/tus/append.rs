//! PATCH: appends bytes to an upload. They are durable before they are acknowledged, and kept if the connection breaks;
//! a newer PATCH takes over from an older one.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::{ErrorCode, UploadId};

use super::headers::{self, OFFSET_STREAM};
use super::request::{
    UploadRequest, awaits_file, id, is_file, offset_past_end, status_headers, with_offset, with_version,
};
use crate::client::{PutRange, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::{self, RequestBody};
use crate::gateway::routes::upload::{send, too_large};
use crate::gateway::state::Gateway;

/// `PATCH /api/v1/uploads/<id>`.
pub(crate) async fn patch(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let id = id(request.uri().path());
    let (upload_request, mut body) = UploadRequest::of(gateway, caller, request);
    let answer = match id {
        Ok(id) => upload_request.append(id, &mut body).await,
        Err(error) => Err(error),
    };
    with_version(answer)
}

impl UploadRequest {
    async fn append(&self, id: UploadId, body: &mut RequestBody) -> Result<Response, ErrorResponse> {
        headers::check_version(&self.headers)?;
        if !request_body::is_of_type(&self.headers, OFFSET_STREAM) {
            let sentence = format!("Bytes of an upload must be sent as {OFFSET_STREAM}.");
            return Err(ErrorResponse::because(ErrorCode::UnsupportedMediaType, sentence));
        }
        request_body::wants_identity(&self.headers)?;
        let sent = PutRange {
            offset: headers::offset(&self.headers)?,
            length: request_body::length(&self.headers),
            checksum: headers::checksum(&self.headers)?,
            total: headers::total(&self.headers)?,
            blake3: self.digest()?,
        };
        let bytes_max = self.gateway.upload_bytes_max();
        if sent.total.is_some_and(|total| total > bytes_max) {
            return Err(too_large(bytes_max));
        }
        let upload = match self.whole_already(id, &sent).await? {
            Some(upload) if is_file(&upload) => upload,
            again => {
                let upload = match again {
                    Some(upload) => self.commit_again(upload).await?,
                    None => {
                        let upload = self.receive(id, sent, body).await?;
                        self.finished(upload).await?
                    }
                };
                self.count_file(false, &upload);
                upload
            }
        };
        Ok((StatusCode::NO_CONTENT, status_headers(&upload)).into_response())
    }

    /// The complete upload, if this request has no body and only asks again for the file to be made.
    async fn whole_already(&self, id: UploadId, sent: &PutRange) -> Result<Option<Upload>, ErrorResponse> {
        if sent.length != Some(0) {
            return Ok(None);
        }
        let upload = self.gateway.client.finished_upload(&self.caller, id).await?;
        let is_complete = upload.offset == sent.offset && (awaits_file(&upload) || is_file(&upload));
        Ok(is_complete.then_some(upload))
    }

    /// Receives the body into the upload.
    pub(super) async fn receive(
        &self,
        id: UploadId,
        sent: PutRange,
        body: &mut RequestBody,
    ) -> Result<Upload, ErrorResponse> {
        let (offset, length, says_total) = (sent.offset, sent.length, sent.total.is_some());
        let sending = match self.gateway.client.put(&self.caller, id, sent).await {
            Ok(sending) => sending,
            // The body exceeds the upload's length, unless the two announced lengths contradict each other.
            Err(error) if error.code == ErrorCode::LengthMismatch && !says_total => {
                return Err(self.with_current_offset(id, offset_past_end()).await);
            }
            Err(error) => return Err(self.with_current_offset(id, error.into()).await),
        };
        let bytes_max = self.gateway.upload_bytes_max();
        if length.is_some_and(|length| length > bytes_max.saturating_sub(offset)) {
            return Err(with_offset(too_large(bytes_max), Some(offset)));
        }
        match send(body, sending, bytes_max.saturating_sub(offset)).await {
            Ok(upload) => Ok(upload),
            Err(error) if error.offset.is_some() => Err(with_offset(error.response, error.offset)),
            Err(error) => Err(self.with_current_offset(id, error.response).await),
        }
    }
}
