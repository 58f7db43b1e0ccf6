//! POST: creates an upload, with or without its first bytes, or joins partial uploads (`Upload-Concat: final`).

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderMap, StatusCode};
use shared::{Conflict, ErrorCode, UploadId};

use super::headers::{self, Concat, Length, OFFSET_STREAM};
use super::metadata::Metadata;
use super::request::{UploadRequest, awaits_file, is_file, offset_past_end, status_headers, with_version};
use crate::client::{PutRange, Stage, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::headers::set;
use crate::gateway::http::idempotency_key;
use crate::gateway::http::preconditions::Preconditions;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::{self, RequestBody};
use crate::gateway::routes::upload::too_large;
use crate::gateway::state::Gateway;

/// `POST /api/v1/uploads`.
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let slash = request.uri().path().ends_with('/');
    let (upload_request, mut body) = UploadRequest::of(gateway, caller, request);
    with_version(upload_request.create(slash, &mut body).await)
}

/// Adds the supported parts of tus to the answer to OPTIONS, the one request without `Tus-Resumable`.
pub(crate) fn capabilities(gateway: &Gateway, fields: &mut HeaderMap) {
    fields.insert(headers::VERSION, headers::VERSIONS);
    fields.insert(headers::EXTENSION, headers::EXTENSIONS);
    set(fields, headers::CHECKSUM_ALGORITHM, headers::algorithms());
    if gateway.config.upload_bytes_max > 0 {
        set(fields, headers::MAX_SIZE, gateway.config.upload_bytes_max);
    }
}

impl UploadRequest {
    async fn create(&self, slash: bool, body: &mut RequestBody) -> Result<Response, ErrorResponse> {
        headers::check_version(&self.headers)?;
        let first = self.first_bytes()?;
        let stage = self.stage(first.as_ref()).await?;
        let staged = self.gateway.stage(&stage).await?;
        let location = location(staged.id, slash);
        // The upload exists now, so every error names its address.
        let located = |error: ErrorResponse| match http::HeaderValue::try_from(location.as_str()) {
            Ok(value) => error.header(LOCATION, value),
            Err(_) => error,
        };
        let upload = self.fill(staged, first, body).await.map_err(located)?;
        let mut headers = status_headers(&upload);
        set(&mut headers, LOCATION, location);
        Ok((StatusCode::CREATED, headers).into_response())
    }

    /// The first bytes of the upload, if the request has a body (extension `creation-with-upload`).
    fn first_bytes(&self) -> Result<Option<PutRange>, ErrorResponse> {
        let length = request_body::length(&self.headers);
        if request_body::is_of_type(&self.headers, OFFSET_STREAM) {
            request_body::wants_identity(&self.headers)?;
            let checksum = headers::checksum(&self.headers)?;
            return Ok(Some(PutRange { offset: 0, length, checksum, ..PutRange::default() }));
        }
        if length == Some(0) {
            return Ok(None);
        }
        let sentence = format!("The first bytes of a new upload must be sent as {OFFSET_STREAM}.");
        Err(ErrorResponse::because(ErrorCode::UnsupportedMediaType, sentence))
    }

    /// The request to the file server.
    async fn stage(&self, first: Option<&PutRange>) -> Result<Stage, ErrorResponse> {
        let concat = headers::concat(&self.headers)?;
        let metadata = Metadata::read(&self.headers)?;
        let parts = match &concat {
            Concat::Final(parts) => parts.clone(),
            Concat::No | Concat::Partial => Vec::new(),
        };
        let length = if parts.is_empty() { self.length(first)? } else { None };
        let target = if concat == Concat::Partial { None } else { Some(metadata.target.ok_or_else(nameless)?) };
        let preconditions = Preconditions::read(&self.headers);
        let wanted = self.gateway.target_state(&self.caller, &preconditions, target.as_ref()).await?;
        let (conflict, if_match) = wanted.for_upload(metadata.conflict.unwrap_or(Conflict::Fail));
        Ok(Stage {
            caller: self.caller.clone(),
            target,
            length,
            conflict,
            if_match,
            modified: metadata.modified,
            blake3: metadata.blake3.or(self.digest()?),
            metadata: metadata.text,
            parts,
            resumable: true,
            make_parents: true,
            key: idempotency_key::key(&self.headers)?,
            finish: (concat != Concat::Partial).then_some(true),
            ..Stage::default()
        })
    }

    fn length(&self, first: Option<&PutRange>) -> Result<Option<u64>, ErrorResponse> {
        let Length::Known(total) = headers::length(&self.headers)? else { return Ok(None) };
        let bytes_max = self.gateway.upload_bytes_max();
        if total > bytes_max {
            return Err(too_large(bytes_max));
        }
        if first.and_then(|sent| sent.length).is_some_and(|length| length > total) {
            return Err(offset_past_end());
        }
        Ok(Some(total))
    }

    /// Receives the body, and waits for the file if the upload is complete.
    async fn fill(
        &self,
        staged: Upload,
        first: Option<PutRange>,
        body: &mut RequestBody,
    ) -> Result<Upload, ErrorResponse> {
        let was_file = is_file(&staged);
        let upload = match first {
            // With a repeated key the upload may already have more bytes.
            Some(sent) if staged.offset == 0 && !was_file && !awaits_file(&staged) => {
                self.receive(staged.id, sent, body).await?
            }
            _ => staged,
        };
        let upload = self.finished(upload).await?;
        self.count_file(was_file, &upload);
        Ok(upload)
    }
}

/// Relative to the address of the request, so that it is right under every prefix that a proxy may add.
fn location(id: UploadId, slash: bool) -> String {
    if slash { id.to_string() } else { format!("uploads/{id}") }
}

fn nameless() -> ErrorResponse {
    let sentence = "Upload-Metadata must contain `path` or `filename`: the file that the upload is to become.";
    ErrorResponse::because(ErrorCode::BadRequest, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_is_relative_to_the_address_of_the_request() {
        let id = UploadId([0x1f; 16]);
        assert_eq!(location(id, false), format!("uploads/{id}"));
        assert_eq!(location(id, true), id.to_string());
    }
}
