//! `PUT /files/<path>`: a whole file in one request (RFC 9110 §9.3.4), as `curl -T` sends it. The file appears only
//! once all of it is durable; an upload that ends early leaves nothing behind. Whatever can be refused is refused
//! before the body is read.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use shared::limits::STORE_BYTES_MAX;
use shared::path::encode_segment;
use shared::{Algorithm, Checksum, Conflict, ETag, ErrorCode, JobId, Timestamp, UploadId, VPath};

use super::upload;
use crate::client::{Caller, ClientError, PutRange, Stage, Store, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::digest_fields;
use crate::gateway::http::headers::set;
use crate::gateway::http::idempotency_key;
use crate::gateway::http::preconditions::{Preconditions, TargetState};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::{self, BodyError, BodyPieces, RequestBody, SmallBody};
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::openapi::operation::Operation;
use crate::gateway::state::Gateway;

/// The modification time in seconds since 1970, possibly with a fraction, as sent by ownCloud's clients and rclone.
const OC_MTIME: HeaderName = HeaderName::from_static("x-oc-mtime");

/// How long a small body may take to be stored in one exchange. A slower one is stored in steps, the first of which
/// refuses what can be refused.
const SMALL_BODY_TIME: Duration = Duration::from_millis(100);

const KEY_DESCRIPTION: &str = "A repeated request with this key has the first answer for 120 seconds, if the file has \
                               at most 256 KiB and is sent at once, with `Content-Length` and without `Expect`. Other \
                               requests ignore the key.";

/// What a request asks for.
struct PutRequest {
    path: VPath,
    length: Option<u64>,
    preconditions: Preconditions,
    modified: Option<Timestamp>,
    checksum: Option<Checksum>,
    /// For a small file: a repeated request gets the first answer.
    key: Option<JobId>,
}

/// Creates a file or replaces its content.
pub(crate) async fn write(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    mut request: Request,
) -> Result<Response, ErrorResponse> {
    let mut body = RequestBody::of(&gateway.bodies, &mut request);
    let put = PutRequest::read(&request)?;
    let bytes_max = gateway.upload_bytes_max();
    if put.length.is_some_and(|length| length > bytes_max) {
        return Err(upload::too_large(bytes_max));
    }
    let state = gateway.target_state(&caller, &put.preconditions, Some(&put.path)).await?;
    let stage = put.stage(caller, &state);
    let upload = match small_body(&mut body, put.length).await? {
        Some(bytes) => store(&gateway, &bytes, Stage { key: put.key, ..stage }, put.checksum.clone()).await,
        None => send(&gateway, &mut body, stage, put.sent()).await,
    };
    let upload = upload.map_err(|error| explain(error, &state))?;
    gateway.metrics.uploaded("put");
    let mut headers = upload::file_headers(&upload);
    if put.modified.is_some() {
        headers.insert(OC_MTIME, HeaderValue::from_static("accepted"));
    }
    if upload.replaced {
        return Ok((StatusCode::NO_CONTENT, headers).into_response());
    }
    // Relative to the address of the request, so that it is right under every prefix that a proxy may add.
    set(&mut headers, LOCATION, encode_segment(put.path.name()));
    Ok((StatusCode::CREATED, headers).into_response())
}

pub(crate) fn describe() -> Operation {
    Operation::new("putFile", "A whole file in one request")
        .description("The file appears once all of it is durable; an upload that ends early leaves nothing. Missing folders are created.")
        .path()
        .headers(["If-Match", "If-None-Match", "If-Unmodified-Since", "Repr-Digest", "Content-Digest", "X-OC-Mtime"])
        .idempotency_key_as(KEY_DESCRIPTION)
        .body(true, "*/*", json!({}))
        .says("201", "The file was created.")
        .says("204", "An existing file was replaced.")
        .problems(["409", "412", "413", "422", "507"])
}

/// A small body that arrives with its request. `None` for any other one, for which [`send`] needs less memory, and for a
/// client that waits for `100 Continue`: [`send`] can refuse it before it reads.
async fn small_body(body: &mut RequestBody, length: Option<u64>) -> Result<Option<SmallBody>, BodyError> {
    match length.filter(|length| *length <= STORE_BYTES_MAX && !body.expects_continue()) {
        // At most `STORE_BYTES_MAX`, which fits a length in memory.
        Some(length) => body.all_within(usize::try_from(length).unwrap_or(usize::MAX), SMALL_BODY_TIME).await,
        None => Ok(None),
    }
}

/// Stores a file in one exchange.
async fn store(
    gateway: &Gateway,
    bytes: &[u8],
    stage: Stage,
    checksum: Option<Checksum>,
) -> Result<Upload, ErrorResponse> {
    let checksum = checksum.filter(|checksum| checksum.algorithm != Algorithm::Blake3);
    Ok(gateway.client.store(&Store { stage, checksum }, bytes).await?)
}

/// Streams the body into a staged upload, and commits it.
pub(super) async fn send(
    gateway: &Gateway,
    body: &mut impl BodyPieces,
    stage: Stage,
    sent: PutRange,
) -> Result<Upload, ErrorResponse> {
    let (caller, length, bytes_max) = (stage.caller.clone(), stage.length, gateway.upload_bytes_max());
    let id = gateway.stage(&stage).await?.id;
    let staged = StagedUpload { gateway: gateway.clone(), caller, id, kept: false };
    let sending = gateway.client.put(&staged.caller, staged.id, sent).await.map_err(lost)?;
    let received = upload::send(body, sending, bytes_max).await.map_err(|error| error.response)?;
    if length.is_none() {
        // Only the end of a chunked body tells its length, so the upload is completed here.
        let total =
            PutRange { offset: received.offset, length: Some(0), total: Some(received.offset), ..PutRange::default() };
        gateway.client.put(&staged.caller, staged.id, total).await.map_err(lost)?.finish().await?;
    }
    let upload = gateway.commit(&staged.caller, staged.id, None).await.map_err(lost)?;
    staged.keep();
    Ok(upload)
}

impl PutRequest {
    fn read(request: &Request) -> Result<Self, ErrorResponse> {
        let headers = request.headers();
        let target = RequestPath::of(request)?;
        if target.slash || target.path.is_root() {
            let sentence = "A file's address does not end in a slash. Folders are made by /api/v1/changes.";
            return Err(ErrorResponse::because(ErrorCode::IsFolder, sentence));
        }
        if headers.contains_key(CONTENT_RANGE) {
            // Taken for the whole file, a part would destroy the rest (RFC 9110 §9.3.4 and §14.4).
            let sentence =
                "A part of a file cannot be put. Send all of it, or use the resumable upload (/api/v1/uploads).";
            return Err(ErrorResponse::because(ErrorCode::BadRequest, sentence));
        }
        if !(headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)) {
            // RFC 9112 §6.3 defines this as an empty body, but a client that forgot the content would lose the file.
            let sentence = "State the length of the file: `Content-Length: 0` for an empty one.";
            return Err(ErrorResponse::because(ErrorCode::LengthRequired, sentence));
        }
        request_body::wants_identity(headers)?;
        Ok(Self {
            path: target.path,
            length: request_body::length(headers),
            preconditions: Preconditions::read(headers),
            modified: modified(headers)?,
            checksum: digest_fields::strongest_of_request(headers)?,
            key: idempotency_key::key(headers)?,
        })
    }

    fn stage(&self, caller: Caller, state: &TargetState) -> Stage {
        let (conflict, if_match): (Conflict, Option<Vec<ETag>>) = state.clone().for_upload(Conflict::Replace);
        Stage {
            caller,
            target: Some(self.path.clone()),
            length: self.length,
            conflict,
            if_match,
            modified: self.modified,
            blake3: self.digest(Algorithm::Blake3),
            make_parents: true,
            ..Stage::default()
        }
    }

    fn sent(&self) -> PutRange {
        // BLAKE3 is verified at the commit, other algorithms while the bytes arrive.
        let checksum = self.checksum.clone().filter(|checksum| checksum.algorithm != Algorithm::Blake3);
        PutRange { offset: 0, length: self.length, checksum, ..PutRange::default() }
    }

    fn digest(&self, algorithm: Algorithm) -> Option<Vec<u8>> {
        self.checksum
            .as_ref()
            .filter(|checksum| checksum.algorithm == algorithm)
            .map(|checksum| checksum.digest.clone())
    }
}

/// Translates the file server's conflict into the condition that the request stated.
fn explain(error: ErrorResponse, state: &TargetState) -> ErrorResponse {
    match (error.code, state) {
        (ErrorCode::AlreadyExists, TargetState::Absent) => ErrorCode::PreconditionFailed.into(),
        (ErrorCode::ChecksumMismatch, _) => {
            let sentence = "The received bytes do not match the digest. Nothing was changed.";
            error.with_detail(sentence).status(StatusCode::BAD_REQUEST)
        }
        (ErrorCode::NoSpace | ErrorCode::QuotaExceeded | ErrorCode::LengthMismatch, _) => {
            error.also("Nothing was stored.", "Rien n’a été enregistré.")
        }
        _ => error,
    }
}

/// A staged upload is unknown only if the file server was restarted.
fn lost(error: ClientError) -> ErrorResponse {
    if error.code == ErrorCode::NotFound {
        let sentence =
            "The file server was restarted in the middle of this. See whether the file is there, or send it again.";
        return ErrorResponse::because(ErrorCode::Disconnected, sentence);
    }
    error.into()
}

fn modified(headers: &HeaderMap) -> Result<Option<Timestamp>, ErrorResponse> {
    let Some(value) = headers.get(OC_MTIME) else { return Ok(None) };
    let time = value.to_str().ok().and_then(|text| moment(text.trim()));
    let malformed =
        || ErrorResponse::because(ErrorCode::BadRequest, "X-OC-Mtime must be a number of seconds since 1970.");
    time.map(Some).ok_or_else(malformed)
}

/// A decimal number of seconds. Digits below a nanosecond are ignored.
fn moment(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let seconds: i64 = whole.parse().ok()?;
    let Some(fraction) = fraction else { return Some(Timestamp::from_parts(seconds, 0)) };
    if fraction.is_empty() || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let nanoseconds = if whole.starts_with('-') { -nanoseconds } else { nanoseconds };
    Some(Timestamp(Timestamp::from_parts(seconds, 0).0.saturating_add(nanoseconds)))
}

/// A staged upload that is aborted when it is dropped without having become the file.
struct StagedUpload {
    gateway: Gateway,
    caller: Caller,
    id: UploadId,
    kept: bool,
}

impl StagedUpload {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for StagedUpload {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (gateway, caller, id) = (self.gateway.clone(), self.caller.clone(), self.id);
            // If that fails too, the upload expires.
            runtime.spawn(async move { gateway.client.abort(&caller, id).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_lost_in_a_restart_may_be_sent_again() {
        let error = lost(ClientError::new(ErrorCode::NotFound, "there is no such upload"));
        assert!(error.code.retryable());
        assert_eq!(lost(ClientError::new(ErrorCode::NoSpace, "full")).code, ErrorCode::NoSpace);
    }

    #[test]
    fn a_time_is_a_decimal_number_of_seconds() {
        let read = |text: &'static str| modified(&HeaderMap::from_iter([(OC_MTIME, HeaderValue::from_static(text))]));
        assert_eq!(read("1700000000").unwrap(), Some(Timestamp::from_parts(1_700_000_000, 0)));
        assert_eq!(read(" -1 ").unwrap(), Some(Timestamp::from_parts(-1, 0)));
        assert_eq!(read("1700000000.042").unwrap(), Some(Timestamp::from_parts(1_700_000_000, 42_000_000)));
        assert_eq!(read("-0.25").unwrap(), Some(Timestamp(-250_000_000)));
        assert_eq!(read("5.1234567899").unwrap(), Some(Timestamp::from_parts(5, 123_456_789)));
        assert_eq!(read("9223372036854775807.9").unwrap(), Some(Timestamp(i64::MAX)));
        assert_eq!(modified(&HeaderMap::new()).unwrap(), None);
        for text in ["", "now", "1e9", "99999999999999999999", "1.", ".5", "1.-5", "1.5.5"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
