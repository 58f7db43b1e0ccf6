//! The body of a request: taken piece by piece while it moves, or whole where it is short; and read on for a while where
//! it was refused, so that the refusal arrives. A body that nobody asked for is not asked for here either: hyper sends
//! `100 Continue` with the first look at it (RFC 9110 §10.1.1), so whoever decides first spares the client the upload.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use prometheus_client::metrics::counter::Counter;
use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use tokio::time::{Instant, timeout, timeout_at};

use super::problem::ErrorResponse;
use crate::gateway::phase::RequestGuard;

/// What is read of a body that was refused, in bytes.
const REFUSED_BYTES_MAX: usize = 32 << 20;
/// How long a body that was refused is read.
const REFUSED_TIME: Duration = Duration::from_secs(10);

/// A request's body.
pub(crate) struct RequestBody {
    /// None once it ended or broke.
    body: Option<Body>,
    /// The client waits for a word before it sends anything.
    waits: bool,
    /// Keeps the connection's clock from taking these bytes for the next request.
    busy: Option<RequestGuard>,
    /// Came behind a piece that was handed out, and is told next.
    fault: Option<BodyError>,
    limits: BodyLimits,
}

/// What holds for the body of every request.
#[derive(Clone)]
pub(crate) struct BodyLimits {
    /// How long a client may send no byte.
    pub(crate) stall_time: Duration,
    /// How long a client may take to send a form or JSON.
    pub(crate) read_time: Duration,
    /// Longest form or JSON, in bytes.
    pub(crate) bytes_max: usize,
    /// Counts the bytes that were received.
    pub(crate) received: Counter<u64, AtomicU64>,
}

/// Why a body ends before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyError {
    /// No byte came for [`BodyLimits::stall_time`].
    Stalled,
    /// The connection broke, or the body is not what its headers say.
    Broken,
}

impl RequestBody {
    /// Takes the body out of a request.
    pub(crate) fn of(limits: &BodyLimits, request: &mut Request) -> Self {
        Self {
            waits: request.headers().contains_key(EXPECT),
            busy: request.extensions_mut().remove(),
            body: Some(std::mem::take(request.body_mut())),
            fault: None,
            limits: limits.clone(),
        }
    }

    /// The next bytes, of which as many are taken at once as are there, but little more than `bytes_max`; none at the
    /// end.
    pub(crate) async fn piece(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BodyError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let Some(first) = self.frame().await? else { return Ok(None) };
        let mut gathered: Option<BytesMut> = None;
        while gathered.as_ref().map_or(first.len(), BytesMut::len) < bytes_max {
            match self.frame().now_or_never() {
                Some(Ok(Some(next))) => {
                    gathered.get_or_insert_with(|| BytesMut::from(&first[..])).extend_from_slice(&next);
                }
                Some(Err(fault)) => {
                    self.fault = Some(fault);
                    break;
                }
                Some(Ok(None)) | None => break,
            }
        }
        Ok(Some(gathered.map_or(first, BytesMut::freeze)))
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.waits = false;
        loop {
            let Some(body) = &mut self.body else { return Ok(None) };
            let frame = match timeout(self.limits.stall_time, body.frame()).await {
                // What is left of it is not worth waiting for.
                Err(_) => {
                    self.body = None;
                    return Err(BodyError::Stalled);
                }
                Ok(frame) => frame,
            };
            match frame {
                None => {
                    self.body = None;
                    return Ok(None);
                }
                Some(Err(_)) => {
                    self.body = None;
                    return Err(BodyError::Broken);
                }
                // Trailers say nothing that is asked for here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.limits.received.inc_by(data.len() as u64);
                        return Ok(Some(data));
                    }
                    _ => {}
                },
            }
        }
    }

    /// All of a body of so many bytes, however slowly it comes as long as it moves.
    pub(crate) async fn all(&mut self, bytes: usize) -> Result<Bytes, BodyError> {
        let Some(first) = self.piece(PIECE_BYTES).await? else { return Ok(Bytes::new()) };
        if first.len() >= bytes {
            return Ok(first);
        }
        let mut all = BytesMut::with_capacity(bytes);
        all.extend_from_slice(&first);
        while let Some(piece) = self.piece(PIECE_BYTES).await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// True while the client waits to be told that it may send.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waits
    }

    /// A form or JSON: all of it, where it is short enough and comes in time.
    pub(crate) async fn whole(mut self) -> Result<Vec<u8>, ErrorResponse> {
        let deadline = Instant::now() + self.limits.read_time;
        let bytes_max = self.limits.bytes_max;
        let mut whole = Vec::new();
        loop {
            let piece = timeout_at(deadline, self.piece(PIECE_BYTES)).await.unwrap_or(Err(BodyError::Stalled))?;
            let Some(piece) = piece else { return Ok(whole) };
            if whole.len() + piece.len() > bytes_max {
                let sentence = format!("The request's body is longer than {bytes_max} bytes.");
                return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
            }
            whole.extend_from_slice(&piece);
        }
    }
}

/// A body that was not read to its end, because the request was refused, is read on: a connection that closes with bytes
/// unread takes the answer back from a client that is still sending.
impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|_| !self.waits) else { return };
        let busy = self.busy.take();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if http_body::Body::is_end_stream(&body) {
            return;
        }
        runtime.spawn(timeout(REFUSED_TIME, async move {
            let mut left = REFUSED_BYTES_MAX;
            while let Some(Ok(frame)) = body.frame().await {
                let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { break };
                left = less;
            }
            drop(busy);
        }));
    }
}

impl From<BodyError> for ErrorResponse {
    fn from(fault: BodyError) -> Self {
        match fault {
            BodyError::Stalled => {
                Self::because(ErrorCode::DeadlineExceeded, "The request's body took too long to come.")
                    .status(StatusCode::REQUEST_TIMEOUT)
            }
            BodyError::Broken => Self::because(ErrorCode::BadRequest, "The request's body is broken."),
        }
    }
}

/// `Content-Length`, which hyper has checked to be one number where it is there; none for a body in chunks. A request
/// with neither has no body (RFC 9112 §6.3).
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(http::header::TRANSFER_ENCODING) {
        return None;
    }
    Some(headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0))
}

/// 415 for a body that was compressed on its way: it would have to be stored as it is not.
pub(crate) fn wants_identity(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    if codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let sentence = "The body must come as it is to be stored, without Content-Encoding.";
    Err(ErrorResponse::because(ErrorCode::UnsupportedMediaType, sentence))
}

/// True if the body is of that media type, whatever its parameters.
pub(crate) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{HeaderName, TRANSFER_ENCODING};

    use super::*;

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_length_is_known_unless_chunks_come() {
        assert_eq!(length(&headers(&[])), Some(0));
        assert_eq!(length(&headers(&[(CONTENT_LENGTH, "5")])), Some(5));
        assert_eq!(length(&headers(&[(TRANSFER_ENCODING, "chunked")])), None);
    }

    #[test]
    fn what_was_compressed_is_refused() {
        assert!(wants_identity(&headers(&[])).is_ok());
        assert!(wants_identity(&headers(&[(CONTENT_ENCODING, "Identity")])).is_ok());
        for coding in ["gzip", "identity, gzip", ""] {
            assert!(wants_identity(&headers(&[(CONTENT_ENCODING, coding)])).is_err(), "{coding}");
        }
    }

    #[test]
    fn types_are_compared_without_case_and_parameters() {
        let is_json = |value| is_of_type(&headers(&[(CONTENT_TYPE, value)]), "application/json");
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("text/plain") && !is_json("application/jsonx"));
        assert!(!is_of_type(&headers(&[]), "application/json"));
    }
}
