//! From a request's body into an upload, and from an upload to the headers that tell of its file: what `PUT` and tus have
//! in common. While one piece goes to the file server the next one is gathered, and no more than that is held.

use std::pin::pin;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::header::{ETAG, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue};
use shared::{ErrorCode, UploadId, VPath};

use crate::client::{Caller, ClientError, Commit, Upload, UploadWriter};
use crate::gateway::http::conditional::last_modified;
use crate::gateway::http::digest_fields;
use crate::gateway::http::headers::set;
use crate::gateway::http::preconditions::{ConditionFails, Preconditions, TargetState};
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::{BodyError, RequestBody};
use crate::gateway::state::Gateway;

/// Why not all of a body went into an upload.
pub(crate) struct UploadError {
    /// What the client is told, if it is still there.
    pub refusal: ErrorResponse,
    /// How many bytes of the upload are durable, where that is known.
    pub offset: Option<u64>,
}

/// Sends the body, at most `bytes_max` of it, and waits until all of it is durable. Where it breaks, what came is kept.
pub(crate) async fn send(body: &mut RequestBody, sending: UploadWriter, bytes_max: u64) -> Result<Upload, UploadError> {
    let mut sending = sending;
    let mut left = bytes_max;
    let mut waiting = ReadAhead::default();
    loop {
        if waiting.is_empty() && !waiting.over {
            tokio::select! {
                piece = body.piece(sending.piece_bytes()) => waiting.take(piece),
                // A newer writer took over, say, while this one's client sent nothing.
                error = sending.ended() => return Err(error.into()),
            }
        }
        let Some(piece) = waiting.hand_out() else {
            return match waiting.fault {
                None => Ok(sending.finish().await?),
                Some(fault) => Err(break_off(sending, fault.into()).await),
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
                piece = body.piece(piece_bytes), if waiting.has_room(piece_bytes) => waiting.take(piece),
            }
        }
    }
}

/// What came of the body while the piece before it was on its way.
#[derive(Default)]
struct ReadAhead {
    first: Option<Bytes>,
    more: BytesMut,
    over: bool,
    fault: Option<BodyError>,
}

impl ReadAhead {
    fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn has_room(&self, piece_bytes: usize) -> bool {
        !self.over && self.first.as_ref().map_or(0, Bytes::len) + self.more.len() < piece_bytes
    }

    fn take(&mut self, piece: Result<Option<Bytes>, BodyError>) {
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
            Ok(None) => self.over = true,
            Err(fault) => {
                self.over = true;
                self.fault = Some(fault);
            }
        }
    }

    fn hand_out(&mut self) -> Option<Bytes> {
        let first = self.first.take()?;
        Some(if self.more.is_empty() { first } else { self.more.split().freeze() })
    }
}

async fn break_off(sending: UploadWriter, refusal: ErrorResponse) -> UploadError {
    let offset = sending.break_off().await.ok().map(|upload| upload.offset);
    UploadError { refusal, offset }
}

/// 413 with the bound.
pub(crate) fn too_large(bytes_max: u64) -> ErrorResponse {
    let sentence = format!("The upload is longer than the {bytes_max} bytes that may come here.");
    ErrorResponse::because(ErrorCode::TooLarge, sentence)
}

impl From<ClientError> for UploadError {
    fn from(error: ClientError) -> Self {
        Self { refusal: error.into(), offset: None }
    }
}

impl Gateway {
    /// Most bytes that one upload may have.
    pub(crate) fn upload_bytes_max(&self) -> u64 {
        match self.config.upload_bytes_max {
            0 => i64::MAX as u64,
            bytes => bytes,
        }
    }

    /// What must be true of the target, with a look at it only where the conditions need one.
    pub(crate) async fn wanted(
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

    /// Makes an upload a file, in the way that it was begun with, if its content has that digest. There is no bound on the
    /// time: the file server may have to read the whole of it, and is asked meanwhile whether it lives.
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

/// What is told of the file that an upload became: validator, date, digest (RFC 9530).
pub(crate) fn file_headers(upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    let Some(entry) = &upload.entry else { return headers };
    if let Some(etag) = entry.etag {
        set(&mut headers, ETAG, etag.quoted());
    }
    if let Some(date) = last_modified(entry.modified, SystemTime::now()) {
        set(&mut headers, LAST_MODIFIED, date);
    }
    if let Some(digest) = upload.digests.as_ref().and_then(digest_fields::field) {
        set(&mut headers, digest_fields::REPR_DIGEST, digest);
    }
    let outcome = match (upload.skipped, upload.replaced) {
        (true, _) => "skipped",
        (false, true) => "replaced",
        (false, false) => "created",
    };
    headers.insert(OUTCOME, HeaderValue::from_static(outcome));
    headers
}

/// What became of the file that was there: `created` where there was none, `replaced`, or `skipped` where it stayed.
const OUTCOME: HeaderName = HeaderName::from_static("upload-outcome");
