//! [`RequestBody`]: a request body, read in pieces while it makes progress, or whole if it is short. What is held of a
//! whole one counts against a bound for all bodies, and one for each client.
//!
//! hyper sends `100 Continue` when the body is first polled (RFC 9110 §10.1.1), so a handler that refuses a request
//! before reading spares the client the upload.

use std::ops::Deref;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt;
use prometheus_client::metrics::counter::Counter;
use shared::ErrorCode;
use shared::limits::PIECE_BYTES;
use tokio::time::{Instant, timeout, timeout_at};

use super::form_data::FormError;
use super::problem::ErrorResponse;
use super::whole_body::WholeBody;
use crate::admission::{Admission, Permit, Who};
use crate::gateway::owner::owner;
use crate::gateway::peer_pace::{PaceRule, PeerPace};
use crate::gateway::phase::RequestGuard;

/// How much of a refused body is read and discarded, in bytes.
const REFUSED_BYTES_MAX: usize = 32 << 20;
/// How long a refused body is read.
const REFUSED_TIME: Duration = Duration::from_secs(10);

/// A request's body.
pub(crate) struct RequestBody {
    /// `None` once the body has ended or failed.
    body: Option<Body>,
    /// The client waits for `100 Continue`.
    expects_continue: bool,
    /// Keeps the connection in the phase of this request while its body is read.
    guard: Option<RequestGuard>,
    /// An error that followed a piece which has been returned already.
    error: Option<BodyError>,
    /// Bytes that were read too early.
    unread: Option<SmallBody>,
    /// The client.
    who: Who,
    limits: BodyLimits,
    /// The pace of the client; `None` until its bytes have been awaited.
    pace: Option<PeerPace>,
    /// How many bytes have arrived.
    received: u64,
}

/// A source of the bytes of an upload. [`BodyPieces::piece`] may be dropped while it waits, and loses no byte.
pub(crate) trait BodyPieces: Send {
    /// The next bytes, little more than `bytes_max` at most; `None` at the end.
    fn piece(&mut self, bytes_max: usize) -> impl Future<Output = Result<Option<Bytes>, BodyError>> + Send;
}

impl BodyPieces for RequestBody {
    async fn piece(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BodyError> {
        Self::piece(self, bytes_max).await
    }
}

/// The limits of request bodies.
#[derive(Clone)]
pub(crate) struct BodyLimits {
    /// How long a client may send no byte.
    pub(crate) stall_time: Duration,
    /// How fast the bytes must arrive while places are scarce.
    pub(crate) pace: PaceRule,
    /// How long a client may take to send a form or JSON.
    pub(crate) read_time: Duration,
    /// Longest form or JSON, in bytes.
    pub(crate) bytes_max: usize,
    /// The memory of bodies that are read as a whole, in bytes.
    pub(crate) memory: Admission,
    /// Counts the bytes that were received.
    pub(crate) received: Counter<u64, AtomicU64>,
}

/// A body that arrived with its request, and its share of the memory of bodies.
pub(crate) struct SmallBody {
    bytes: Bytes,
    _share: Permit,
}

impl Deref for SmallBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a body ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BodyError {
    /// No byte arrived for [`BodyLimits::stall_time`].
    Stalled,
    /// The connection broke, or the body does not match its headers.
    Broken,
    /// The bytes are not a form.
    Form(FormError),
}

impl RequestBody {
    /// Takes the body out of a request.
    pub(crate) fn of(limits: &BodyLimits, request: &mut Request) -> Self {
        Self {
            expects_continue: request.headers().contains_key(EXPECT),
            guard: request.extensions_mut().remove(),
            body: Some(std::mem::take(request.body_mut())),
            error: None,
            unread: None,
            who: owner(request.extensions()),
            limits: limits.clone(),
            pace: None,
            received: 0,
        }
    }

    /// The next bytes, `None` at the end. Bytes that have already arrived are joined, up to little more than
    /// `bytes_max`.
    pub(crate) async fn piece(&mut self, bytes_max: usize) -> Result<Option<Bytes>, BodyError> {
        if let Some(unread) = self.unread.take() {
            return Ok(Some(unread.bytes));
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(first) = self.frame().await? else { return Ok(None) };
        let mut joined: Option<BytesMut> = None;
        while joined.as_ref().map_or(first.len(), BytesMut::len) < bytes_max {
            match self.frame().now_or_never() {
                Some(Ok(Some(next))) => {
                    joined.get_or_insert_with(|| BytesMut::from(&first[..])).extend_from_slice(&next);
                }
                Some(Err(error)) => {
                    self.error = Some(error);
                    break;
                }
                Some(Ok(None)) | None => break,
            }
        }
        Ok(Some(joined.map_or(first, BytesMut::freeze)))
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.expects_continue = false;
        loop {
            if self.body.is_none() {
                return Ok(None);
            }
            let Some(frame) = self.next_frame().await else {
                // A stalled body is not drained.
                self.body = None;
                return Err(BodyError::Stalled);
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
                // Trailers are ignored.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => {
                        self.limits.received.inc_by(data.len() as u64);
                        self.received += data.len() as u64;
                        return Ok(Some(data));
                    }
                    _ => {}
                },
            }
        }
    }

    /// The next frame of the body; `None` if the client stands still, or is below the least pace while places are scarce.
    async fn next_frame(&mut self) -> Option<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut next = pin!(self.body.as_mut()?.frame());
        if let Some(frame) = next.as_mut().now_or_never() {
            return Some(frame);
        }
        let stalled = Instant::now() + self.limits.stall_time;
        let pace = self.pace.get_or_insert_with(|| PeerPace::new(&self.limits.pace, self.received));
        pace.forget_wait();
        loop {
            let judged = pace.wait();
            match timeout_at(stalled.min(judged), next.as_mut()).await {
                Ok(frame) => {
                    pace.go_on();
                    return Some(frame);
                }
                Err(_) if judged < stalled && !pace.is_over(self.received) => {}
                Err(_) => return None,
            }
        }
    }

    /// The whole body of known length `bytes`, if it arrives within `time` and there is memory for it. `None` for any
    /// other one, all of which [`RequestBody::piece`] then gives.
    pub(crate) async fn all_within(&mut self, bytes: usize, time: Duration) -> Result<Option<SmallBody>, BodyError> {
        let Ok(share) = self.limits.memory.try_take(self.who, bytes as u64) else { return Ok(None) };
        let body = |bytes| SmallBody { bytes, _share: share };
        let deadline = Instant::now() + time;
        let mut all = BytesMut::new();
        loop {
            let Ok(piece) = timeout_at(deadline, self.piece(PIECE_BYTES)).await else {
                self.unread = Some(body(all.freeze())).filter(|read| !read.is_empty());
                return Ok(None);
            };
            match piece? {
                None => return Ok(Some(body(all.freeze()))),
                // A body of one piece, the usual case, is not copied.
                Some(piece) if all.is_empty() && piece.len() >= bytes => return Ok(Some(body(piece))),
                Some(piece) => all.extend_from_slice(&piece),
            }
            if all.len() >= bytes {
                return Ok(Some(body(all.freeze())));
            }
        }
    }

    /// True while the client waits for `100 Continue`.
    pub(crate) fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// Lowers the limit of [`RequestBody::whole`].
    pub(crate) fn at_most(mut self, bytes: usize) -> Self {
        self.limits.bytes_max = self.limits.bytes_max.min(bytes);
        self
    }

    /// A whole form or JSON document.
    pub(crate) async fn whole(mut self) -> Result<WholeBody, ErrorResponse> {
        let deadline = Instant::now() + self.limits.read_time;
        let bytes_max = self.limits.bytes_max;
        let mut whole = WholeBody::default();
        loop {
            let piece = timeout_at(deadline, self.piece(PIECE_BYTES)).await.unwrap_or(Err(BodyError::Stalled))?;
            let Some(piece) = piece else { return Ok(whole) };
            if whole.bytes().len() + piece.len() > bytes_max {
                let sentence = format!("The request's body is longer than {bytes_max} bytes.");
                return Err(ErrorResponse::because(ErrorCode::TooLarge, sentence));
            }
            whole.push(&piece, &self.limits.memory, self.who)?;
        }
    }
}

/// Reads on after a refusal: closing a connection with unread bytes resets it, and a client that is still sending would
/// lose the answer.
impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take().filter(|_| !self.expects_continue) else { return };
        let guard = self.guard.take();
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
            drop(guard);
        }));
    }
}

impl From<FormError> for BodyError {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}

impl From<BodyError> for ErrorResponse {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Stalled => {
                Self::because(ErrorCode::DeadlineExceeded, "The request's body took too long to arrive.")
                    .status(StatusCode::REQUEST_TIMEOUT)
            }
            BodyError::Broken => Self::because(ErrorCode::BadRequest, "The request's body is broken."),
            BodyError::Form(error) => Self::because(ErrorCode::BadRequest, error.to_string()),
        }
    }
}

/// `Content-Length`, which hyper has validated; `None` for a chunked body. A request with neither has an empty body
/// (RFC 9112 §6.3).
pub(crate) fn length(headers: &HeaderMap) -> Option<u64> {
    if headers.contains_key(http::header::TRANSFER_ENCODING) {
        return None;
    }
    Some(headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0))
}

/// 415 for a body with a content coding: it would be stored in encoded form.
pub(crate) fn wants_identity(headers: &HeaderMap) -> Result<(), ErrorResponse> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    if codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let sentence = "The body must arrive in the form in which it is to be stored, without Content-Encoding.";
    Err(ErrorResponse::because(ErrorCode::UnsupportedMediaType, sentence))
}

/// True if the body has that media type; parameters are ignored.
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
    fn the_length_of_a_chunked_body_is_unknown() {
        assert_eq!(length(&headers(&[])), Some(0));
        assert_eq!(length(&headers(&[(CONTENT_LENGTH, "5")])), Some(5));
        assert_eq!(length(&headers(&[(TRANSFER_ENCODING, "chunked")])), None);
    }

    #[test]
    fn a_content_coding_is_refused() {
        assert!(wants_identity(&headers(&[])).is_ok());
        assert!(wants_identity(&headers(&[(CONTENT_ENCODING, "Identity")])).is_ok());
        for coding in ["gzip", "identity, gzip", ""] {
            assert!(wants_identity(&headers(&[(CONTENT_ENCODING, coding)])).is_err(), "{coding}");
        }
    }

    #[test]
    fn media_types_are_compared_without_case_and_parameters() {
        let is_json = |value| is_of_type(&headers(&[(CONTENT_TYPE, value)]), "application/json");
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("text/plain") && !is_json("application/jsonx"));
        assert!(!is_of_type(&headers(&[]), "application/json"));
    }
}
