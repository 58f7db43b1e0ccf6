//! `GET /api/v1/events?path=<folder>`: what happens in a folder, as server-sent events (HTML Living Standard §9.2).
//!
//! - [`hub`] watches each folder once, however many look at it;
//! - [`ring`] is what happened of late, for those who come back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use prometheus_client::metrics::gauge::Gauge;
use serde_json::json;
use shared::{ErrorCode, Event, EventId, VPath};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use crate::gateway::auth::Auth;
use crate::gateway::events::hub::Subscription;
use crate::gateway::events::ring::Position;
use crate::gateway::http::negotiate::accepts;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::{Query, bad_parameter};
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::state::Gateway;

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// So that a proxy does not keep events for later.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// After so much silence a word is said: what stands between drops connections on which nothing moves.
const HEART_BEAT: Duration = Duration::from_secs(15);
/// How long a browser waits before it comes back, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

/// What happens, for as long as the client listens.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (folder, after) = asked(request.uri().query().unwrap_or_default(), request.headers())?;
    if !accepts(request.headers(), EVENT_STREAM) {
        return Err(ErrorResponse::because(ErrorCode::NotAcceptable, "Events are given as text/event-stream only."));
    }
    if request.method() == Method::HEAD {
        gateway.client.stat(&caller, &folder).await?;
        return Ok((StatusCode::OK, headers()).into_response());
    }
    let place = Arc::clone(&gateway.event_streams).try_acquire_owned().map_err(|_| {
        let sentence = "As many browsers look at folders as the server allows. Changes are shown once you reload.";
        ErrorResponse::because(ErrorCode::TooManyRequests, sentence)
    })?;
    let subscription = gateway.hub.subscribe(&gateway.client, &caller, &folder, after).await?;
    Ok((StatusCode::OK, headers(), body(&gateway, subscription, place)).into_response())
}

pub(crate) fn describe() -> Operation {
    let happening = json!({"schema": schema("EventKind")});
    Operation::new("watchFolder", "What happens in a folder, as server-sent events")
        .parameter(json!({"name": "path", "in": "query", "required": true, "description": "The folder.", "schema": schema("Path")}))
        .query("after", json!({"type": "string"}), "The id of the event heard last; `Last-Event-ID` goes before it.")
        .headers(["Last-Event-ID"])
        .content("200", "`data` is an EventKind, `id` its place.", EVENT_STREAM, happening)
        .problems(["429"])
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ])
}

/// The folder, and what was heard of it last: `Last-Event-ID`, which a browser sends when it comes back, goes before
/// `after`, which was true when the page was opened.
fn asked(query: &str, headers: &HeaderMap) -> Result<(VPath, Option<Position>), ErrorResponse> {
    let query = Query::parse(query)?;
    let path = query.once("path")?.ok_or_else(|| bad_parameter("path", "is missing: it names the folder"))?;
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    let after = match last {
        Some(last) => Some(last),
        None => query.once("after")?,
    };
    let position = |text| EventId::parse(text).map_or(Position::Lost, Position::At);
    Ok((VPath::parse(path)?, after.filter(|text| !text.is_empty()).map(position)))
}

/// One browser's stream.
struct Stream {
    subscription: Subscription,
    waiting: VecDeque<Bytes>,
    beat: tokio::time::Interval,
    closing: CancellationToken,
    open: Gauge,
    _place: OwnedSemaphorePermit,
}

fn body(gateway: &Gateway, mut subscription: Subscription, place: OwnedSemaphorePermit) -> Body {
    let replay = std::mem::take(&mut subscription.replay);
    let open = gateway.metrics.event_streams.clone();
    open.inc();
    let stream = Stream {
        subscription,
        waiting: std::iter::once(Bytes::from_static(RETRY.as_bytes())).chain(replay.iter().map(text)).collect(),
        beat: interval_at(Instant::now() + HEART_BEAT, HEART_BEAT),
        closing: gateway.closing.clone(),
        open,
        _place: place,
    };
    Body::from_stream(unfold(stream, |mut stream| async move {
        let piece = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), stream))
    }))
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(piece) = self.waiting.pop_front() {
            return Some(piece);
        }
        tokio::select! {
            biased;
            () = self.closing.cancelled() => None,
            event = self.subscription.next() => {
                self.beat.reset();
                event.as_ref().map(text)
            }
            _ = self.beat.tick() => Some(Bytes::from_static(b":\n\n")),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// JSON has no line breaks outside its texts, and inside them they are escaped: one line of data is enough.
fn text(event: &Event) -> Bytes {
    let data = serde_json::to_string(&event.kind).unwrap_or_default();
    Bytes::from(format!("id: {}\ndata: {data}\n\n", event.id))
}

#[cfg(test)]
mod tests {
    use shared::EventKind;

    use super::*;

    #[test]
    fn an_event_is_two_lines_whatever_is_in_it() {
        let path = VPath::from_bytes(&b"a\nid: 1\r\rdata: x"[..]).unwrap();
        let event = Event { id: EventId { epoch: 1, sequence: 255 }, kind: EventKind::Absent { path } };
        let text = String::from_utf8(text(&event).into()).unwrap();
        assert_eq!(text, "id: 1.ff\ndata: {\"event\":\"absent\",\"path\":\"a%0Aid%3A%201%0D%0Ddata%3A%20x\"}\n\n");
    }

    #[test]
    fn what_was_heard_last_counts() {
        let with = |last: &'static str| HeaderMap::from_iter([(LAST_EVENT_ID, HeaderValue::from_static(last))]);
        let at = |sequence| Some(Position::At(EventId { epoch: 1, sequence }));
        assert_eq!(asked("path=a%252Fb&after=1.2", &HeaderMap::new()).err().map(|e| e.code), Some(ErrorCode::BadPath));
        let (folder, after) = asked("path=a%2Fb&after=1.2", &HeaderMap::new()).unwrap();
        assert_eq!((folder.encoded().as_str(), after), ("a/b", at(2)));
        assert_eq!(asked("path=&after=1.2", &with("1.3")).unwrap().1, at(3));
        assert_eq!(asked("path=", &with("nonsense")).unwrap().1, Some(Position::Lost));
        assert_eq!(asked("path=", &with("")).unwrap().1, None);
        assert!(asked("", &HeaderMap::new()).is_err());
        assert!(asked("path=..", &HeaderMap::new()).is_err());
    }
}
