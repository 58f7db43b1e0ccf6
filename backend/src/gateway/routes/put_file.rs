//! `PUT /files/<path>`: a file, whole, in one request (RFC 9110 §9.3.4), as `curl -T` sends it. Nobody sees anything of
//! it before all of it is there and durable; what ends early leaves nothing behind. Everything that can be refused is,
//! before the first byte of the body is asked for.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use shared::limits::STORE_BYTES_MAX;
use shared::path::encode_segment;
use shared::{Algorithm, Checksum, Conflict, ETag, ErrorCode, Timestamp, UploadId, VPath};

use super::upload;
use crate::client::{Caller, ClientError, PutRange, Stage, Store, Upload};
use crate::gateway::auth::Auth;
use crate::gateway::http::digest_fields;
use crate::gateway::http::headers::set;
use crate::gateway::http::preconditions::{Preconditions, TargetState};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::{self, RequestBody};
use crate::gateway::http::request_path::RequestPath;
use crate::gateway::openapi::operation::Operation;
use crate::gateway::state::Gateway;

/// The time of last change, in seconds since 1970, as ownCloud's clients and rclone say it; a fraction may follow.
const OC_MTIME: HeaderName = HeaderName::from_static("x-oc-mtime");

/// What was asked for.
struct PutRequest {
    path: VPath,
    length: Option<u64>,
    preconditions: Preconditions,
    modified: Option<Timestamp>,
    checksum: Option<Checksum>,
}

/// A new file, or new content for one.
pub(crate) async fn write(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    mut request: Request,
) -> Result<Response, ErrorResponse> {
    let mut body = RequestBody::of(&gateway.bodies, &mut request);
    let asked = PutRequest::read(&request)?;
    let bytes_max = gateway.upload_bytes_max();
    if asked.length.is_some_and(|length| length > bytes_max) {
        return Err(upload::too_large(bytes_max));
    }
    let wanted = gateway.wanted(&caller, &asked.preconditions, Some(&asked.path)).await?;
    let stage = asked.stage(caller, &wanted);
    let upload = match asked.length.filter(|length| *length <= STORE_BYTES_MAX && !body.is_awaited()) {
        Some(length) => store(&gateway, &mut body, length, stage, asked.checksum.clone()).await,
        None => send(&gateway, &mut body, stage, asked.sent()).await,
    };
    let upload = upload.map_err(|refusal| explain(refusal, &wanted))?;
    gateway.metrics.uploaded("put");
    let mut headers = upload::file_headers(&upload);
    if asked.modified.is_some() {
        headers.insert(OC_MTIME, HeaderValue::from_static("accepted"));
    }
    if upload.replaced {
        return Ok((StatusCode::NO_CONTENT, headers).into_response());
    }
    // Relative to the address of the request, so that it holds under whatever prefix a proxy serves the gateway.
    set(&mut headers, LOCATION, encode_segment(asked.path.name()));
    Ok((StatusCode::CREATED, headers).into_response())
}

pub(crate) fn describe() -> Operation {
    Operation::new("putFile", "A file, whole, in one request")
        .description("Nothing is seen of it before all of it is durable; what ends early leaves nothing. Folders on the way are made.")
        .path()
        .headers(["If-Match", "If-None-Match", "If-Unmodified-Since", "Repr-Digest", "Content-Digest", "X-OC-Mtime"])
        .body(true, "*/*", json!({}))
        .says("201", "It is new.")
        .says("204", "It took the place of another.")
        .problems(["409", "412", "413", "507"])
}

/// All of a small body first, then the file in one exchange. A client that waits to be asked for its body is told first
/// that it may send it, by the other way.
async fn store(
    gateway: &Gateway,
    body: &mut RequestBody,
    length: u64,
    stage: Stage,
    checksum: Option<Checksum>,
) -> Result<Upload, ErrorResponse> {
    // At most STORE_BYTES_MAX, so it is a length in memory.
    let bytes = body.all(usize::try_from(length).unwrap_or(usize::MAX)).await?;
    let checksum = checksum.filter(|checksum| checksum.algorithm != Algorithm::Blake3);
    Ok(gateway.client.store(&Store { stage, checksum }, &bytes).await?)
}

/// The body as it comes, into an upload that becomes the file in the end.
async fn send(
    gateway: &Gateway,
    body: &mut RequestBody,
    stage: Stage,
    sent: PutRange,
) -> Result<Upload, ErrorResponse> {
    let (caller, length, bytes_max) = (stage.caller.clone(), stage.length, gateway.upload_bytes_max());
    let id = gateway.client.stage(&stage).await?.id;
    let staged = Unfinished { gateway: gateway.clone(), caller, id, kept: false };
    let sending = gateway.client.put(&staged.caller, staged.id, sent).await.map_err(lost)?;
    let came = upload::send(body, sending, bytes_max).await.map_err(|cut| cut.refusal)?;
    if length.is_none() {
        // The body came in chunks, and its end is how long it is: nobody else can say that the upload is whole.
        let total = PutRange { offset: came.offset, length: Some(0), total: Some(came.offset), ..PutRange::default() };
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
            let sentence =
                "A file's address does not end in a slash. To make a folder, ask for that (/api/v1/changes).";
            return Err(ErrorResponse::because(ErrorCode::IsFolder, sentence));
        }
        if headers.contains_key(CONTENT_RANGE) {
            // RFC 9110 §9.3.4 and §14.4: taken for the whole, a part would destroy the rest.
            let sentence =
                "A part of a file cannot be put. Send all of it, or use the resumable upload (/api/v1/uploads).";
            return Err(ErrorResponse::because(ErrorCode::BadRequest, sentence));
        }
        if !(headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)) {
            // By RFC 9112 §6.3 that is an empty file; somebody who forgot the content would lose what was there.
            let sentence = "Say how long the file is: `Content-Length: 0` for an empty one.";
            return Err(ErrorResponse::because(ErrorCode::LengthRequired, sentence));
        }
        request_body::wants_identity(headers)?;
        Ok(Self {
            path: target.path,
            length: request_body::length(headers),
            preconditions: Preconditions::read(headers),
            modified: modified(headers)?,
            checksum: digest_fields::wanted(headers)?,
        })
    }

    fn stage(&self, caller: Caller, wanted: &TargetState) -> Stage {
        let (conflict, if_match): (Conflict, Option<Vec<ETag>>) = wanted.clone().for_upload(Conflict::Replace);
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
        // BLAKE3 is verified at the commit; what else there is, while the bytes come.
        let checksum = self.checksum.clone().filter(|checksum| checksum.algorithm != Algorithm::Blake3);
        PutRange { offset: 0, length: self.length, checksum, total: None }
    }

    fn digest(&self, algorithm: Algorithm) -> Option<Vec<u8>> {
        self.checksum
            .as_ref()
            .filter(|checksum| checksum.algorithm == algorithm)
            .map(|checksum| checksum.digest.clone())
    }
}

/// In the words of the request: what the file server says of an upload's conflict is a condition of the request here.
fn explain(refusal: ErrorResponse, wanted: &TargetState) -> ErrorResponse {
    match (refusal.code, wanted) {
        (ErrorCode::AlreadyExists, TargetState::Absent) => ErrorCode::PreconditionFailed.into(),
        (ErrorCode::ChecksumMismatch, _) => {
            let sentence = "The bytes that came are not those that the digest was made of. Nothing was changed.";
            refusal.saying(sentence).status(StatusCode::BAD_REQUEST)
        }
        _ => refusal,
    }
}

/// An upload that was there a moment ago and is not written down is gone because the file server began anew.
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

/// A decimal number of seconds. What is below a nanosecond is left out.
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

/// An upload that is given up unless it became a file, however the request ends.
struct Unfinished {
    gateway: Gateway,
    caller: Caller,
    id: UploadId,
    kept: bool,
}

impl Unfinished {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (gateway, caller, id) = (self.gateway.clone(), self.caller.clone(), self.id);
            // If that fails too, the file server gives it up by itself in time.
            runtime.spawn(async move { gateway.client.abort(&caller, id).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_a_restart_took_may_be_sent_again() {
        let refusal = lost(ClientError::new(ErrorCode::NotFound, "there is no such upload"));
        assert!(refusal.code.retryable());
        assert_eq!(lost(ClientError::new(ErrorCode::NoSpace, "full")).code, ErrorCode::NoSpace);
    }

    #[test]
    fn a_time_is_a_number_of_seconds() {
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
