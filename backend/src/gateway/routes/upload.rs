//! What `PUT` and tus have in common: sending a request body to the file server, committing an upload, and the headers
//! that describe the resulting file. While one piece is sent the next one is read, and no more is held.

use std::pin::pin;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue};
use shared::path::encode_segment;
use shared::{ErrorCode, UploadId, VPath};

use crate::client::{Caller, ClientError, Commit, Stage, Upload, UploadWriter};
use crate::gateway::http::date::last_modified;
use crate::gateway::http::digest_fields;
use crate::gateway::http::headers::set;
use crate::gateway::http::preconditions::{ConditionFails, Preconditions, TargetState};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::{BodyError, BodyPieces};
use crate::gateway::state::Gateway;

/// Why a body was not received completely.
pub(crate) struct UploadError {
    /// The answer, if the client is still connected.
    pub response: ErrorResponse,
    /// How many bytes of the upload are durable, if that is known.
    pub offset: Option<u64>,
}

/// Sends the body, at most `bytes_max` bytes, and waits until it is durable. If the body breaks off, the received bytes
/// are kept.
pub(crate) async fn send(
    body: &mut impl BodyPieces,
    sending: UploadWriter,
    bytes_max: u64,
) -> Result<Upload, UploadError> {
    let mut sending = sending;
    let mut left = bytes_max;
    let mut read_ahead = ReadAhead::default();
    loop {
        if read_ahead.is_empty() && !read_ahead.ended {
            tokio::select! {
                piece = body.piece(sending.piece_bytes()) => read_ahead.push(piece),
                // The file server ended the request, for example because a newer writer took over.
                error = sending.ended() => return Err(error.into()),
            }
        }
        let Some(piece) = read_ahead.take_piece() else {
            return match read_ahead.error {
                None => Ok(sending.finish().await?),
                Some(error) => Err(break_off(sending, error.into()).await),
            };
        };
        match left.checked_sub(piece.len() as u64) {
            Some(less) => left = less,
            None => return Err(break_off(sending, too_large(bytes_max)).await),
        }
        let piece_bytes = sending.piece_bytes();
        let mut sent = pin!(sending.send(piece));
        loop {
            tokio::select! {
                biased;
                sent = &mut sent => break sent?,
                piece = body.piece(piece_bytes), if read_ahead.has_room(piece_bytes) => read_ahead.push(piece),
            }
        }
    }
}

/// Bytes of the body that arrived while the piece before them was being sent.
#[derive(Default)]
struct ReadAhead {
    first: Option<Bytes>,
    more: BytesMut,
    ended: bool,
    error: Option<BodyError>,
}

impl ReadAhead {
    fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn has_room(&self, piece_bytes: usize) -> bool {
        !self.ended && self.first.as_ref().map_or(0, Bytes::len) + self.more.len() < piece_bytes
    }

    fn push(&mut self, piece: Result<Option<Bytes>, BodyError>) {
        match piece {
            Ok(Some(piece)) => match &self.first {
                None => self.first = Some(piece),
                Some(first) => {
                    if self.more.is_empty() {
                        self.more.extend_from_slice(first);
                    }
                    self.more.extend_from_slice(&piece);
                }
            },
            Ok(None) => self.ended = true,
            Err(error) => {
                self.ended = true;
                self.error = Some(error);
            }
        }
    }

    fn take_piece(&mut self) -> Option<Bytes> {
        let first = self.first.take()?;
        Some(if self.more.is_empty() { first } else { self.more.split().freeze() })
    }
}

async fn break_off(sending: UploadWriter, error: ErrorResponse) -> UploadError {
    let offset = sending.break_off().await.ok().map(|upload| upload.offset);
    UploadError { response: error, offset }
}

/// 413 with the limit.
pub(crate) fn too_large(bytes_max: u64) -> ErrorResponse {
    let sentence = format!("The upload is longer than the limit of {bytes_max} bytes.");
    ErrorResponse::because(ErrorCode::TooLarge, sentence)
}

impl From<ClientError> for UploadError {
    fn from(error: ClientError) -> Self {
        Self { response: error.into(), offset: None }
    }
}

impl Gateway {
    /// The longest upload, in bytes.
    pub(crate) fn upload_bytes_max(&self) -> u64 {
        match self.config.upload_bytes_max {
            0 => i64::MAX as u64,
            bytes => bytes,
        }
    }

    /// The state that the target must have. The target is looked at only if the conditions require it.
    pub(crate) async fn target_state(
        &self,
        caller: &Caller,
        preconditions: &Preconditions,
        target: Option<&VPath>,
    ) -> Result<TargetState, ErrorResponse> {
        let decided = match (preconditions.direct(), target) {
            (Some(decided), _) => decided,
            (None, None) => preconditions.decide(None),
            (None, Some(target)) => match self.client.stat(caller, target).await {
                Ok(entry) => preconditions.decide(Some(&entry)),
                Err(error) if error.code == ErrorCode::NotFound => preconditions.decide(None),
                Err(error) => return Err(error.into()),
            },
        };
        decided.map_err(|ConditionFails| ErrorCode::PreconditionFailed.into())
    }

    /// Begins an upload, or finds the one that was begun with the same key.
    pub(crate) async fn stage(&self, stage: &Stage) -> Result<Upload, ErrorResponse> {
        self.client.stage(stage).await.map_err(not_staged)
    }

    /// Makes an upload a file under the conditions that it was begun with, if its content has the digest `blake3`.
    /// There is no deadline: the file server may have to read the whole file, and keeps the connection alive meanwhile.
    pub(crate) async fn commit(
        &self,
        caller: &Caller,
        upload: UploadId,
        blake3: Option<Vec<u8>>,
    ) -> Result<Upload, ClientError> {
        let caller = Caller { deadline_ms: None, ..caller.clone() };
        let commit = Commit { caller, upload, target: None, conflict: None, if_match: None, blake3 };
        self.client.commit(&commit).await
    }
}

/// Why an upload does not begin.
fn not_staged(error: ClientError) -> ErrorResponse {
    match error.code {
        // A lack of places, which ends by itself, comes with a time. Too many unfinished uploads come without one.
        ErrorCode::TooManyRequests if error.retry_after.is_none() => ErrorResponse::from(error)
            .with_detail("There are too many unfinished uploads. Finish or delete some, then try again.")
            .in_french("Trop de téléversements sont inachevés. Terminez-en ou annulez-en, puis réessayez."),
        _ => error.into(),
    }
}

/// The headers that describe the file: validator, date, digest (RFC 9530) and outcome.
pub(crate) fn file_headers(upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    let Some(entry) = &upload.entry else { return headers };
    if let Some(etag) = entry.etag {
        set(&mut headers, ETAG, etag.quoted());
    }
    set(&mut headers, LAST_MODIFIED, last_modified(entry.modified, SystemTime::now()));
    if let Some(digest) = upload.digests.as_ref().and_then(digest_fields::field) {
        set(&mut headers, digest_fields::REPR_DIGEST, digest);
    }
    headers.insert(OUTCOME, HeaderValue::from_static(outcome(upload)));
    if let Some(similar) = &upload.similar {
        set(&mut headers, SIMILAR, encode_segment(similar.name()));
    }
    if let Some(trash) = upload.trash {
        set(&mut headers, REPLACED, trash.to_string());
    }
    headers
}

/// The name, percent-encoded, of an entry beside the new file that people take for it.
const SIMILAR: HeaderName = HeaderName::from_static("passerelle-similar");
/// The effect on the target: `created`, `replaced`, or `skipped` if an existing file was kept.
pub(crate) fn outcome(upload: &Upload) -> &'static str {
    match (upload.skipped, upload.replaced) {
        (true, _) => "skipped",
        (false, true) => "replaced",
        (false, false) => "created",
    }
}

/// The header with the [`outcome`].
const OUTCOME: HeaderName = HeaderName::from_static("upload-outcome");

/// The item of the trash that keeps the replaced file. Missing if nothing was replaced or could be kept.
const REPLACED: HeaderName = HeaderName::from_static("upload-replaced");

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_lack_of_connections_is_not_blamed_on_unfinished_uploads() {
        let unfinished = ClientError::new(ErrorCode::TooManyRequests, "there are 10 unfinished uploads already");
        let busy = ClientError { retry_after: Some(Duration::from_secs(10)), ..unfinished.clone() };
        assert!(not_staged(unfinished).detail().starts_with("There are too many unfinished uploads."));
        assert_eq!(not_staged(busy).detail(), ErrorCode::TooManyRequests.sentence());
    }
}
