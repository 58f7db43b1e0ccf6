//! `GET /api/v1/events?path=<folder>`: changes in a folder, as server-sent events (HTML Living Standard §9.2).

use std::collections::VecDeque;
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
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use crate::admission::{Permit, Refusal};
use crate::gateway::auth::Auth;
use crate::gateway::events::hub::Subscription;
use crate::gateway::events::ring::Position;
use crate::gateway::http::negotiate::accepts;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::query::{Query, bad_parameter};
use crate::gateway::openapi::operation::{Operation, schema};
use crate::gateway::owner::owner;
use crate::gateway::places;
use crate::gateway::state::Gateway;

const EVENT_STREAM: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks a proxy (nginx) not to buffer events.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// A comment is sent after this long without an event, because proxies close silent connections.
const KEEP_ALIVE_TIME: Duration = Duration::from_secs(15);
/// How long a browser waits before it reconnects, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

/// The events of a folder, until the client disconnects.
pub(crate) async fn read(
    State(gateway): State<Gateway>,
    Auth(caller): Auth,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (folder, after) = parameters(request.uri().query().unwrap_or_default(), request.headers())?;
    if !accepts(request.headers(), EVENT_STREAM) {
        return Err(ErrorResponse::because(
            ErrorCode::NotAcceptable,
            "Events are available as text/event-stream only.",
        ));
    }
    if request.method() == Method::HEAD {
        gateway.client.stat(&caller, &folder).await?;
        return Ok((StatusCode::OK, headers()).into_response());
    }
    let permit = places::take(&gateway.places.event_streams, owner(request.extensions())).map_err(too_many)?;
    let subscription = gateway.hub.subscribe(&gateway.client, &caller, &folder, after).await?;
    Ok((StatusCode::OK, headers(), body(&gateway, subscription, permit)).into_response())
}

pub(crate) fn describe() -> Operation {
    let data = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": schema("EventKind")});
    let fields = json!({"id": {"type": "string"}, "data": data});
    // Of one event, as OpenAPI 3.2 describes the items of a stream.
    let happening = json!({"schema": {"type": "object", "required": ["id", "data"], "properties": fields}});
    Operation::new("watchFolder", "The changes in a folder, as server-sent events")
        .parameter(json!({"name": "path", "in": "query", "required": true, "description": "The folder.", "schema": schema("Path")}))
        .query("after", json!({"type": "string"}), "The id of the last event received; `Last-Event-ID` takes precedence.")
        .headers(["Last-Event-ID"])
        .content("200", "Events: `data` is an EventKind, `id` its position.", EVENT_STREAM, happening)
        .problems(["429"])
}

fn too_many(refusal: Refusal) -> ErrorResponse {
    let (sentence, french) = match refusal {
        Refusal::OwnShare => (
            "Your address has reached its limit of event streams. Changes are shown once you reload.",
            "Trop de pages sont suivies en direct depuis votre adresse. Rechargez la page pour voir les changements.",
        ),
        _ => (
            "The server has reached its limit of event streams. Changes are shown once you reload.",
            "Le serveur suit déjà trop de pages en direct. Rechargez la page pour voir les changements.",
        ),
    };
    ErrorResponse::because(ErrorCode::TooManyRequests, sentence).in_french(french)
}

fn headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ])
}

/// The folder and the position of the client. `Last-Event-ID`, which a browser sends when it reconnects, takes
/// precedence over `after`, which was current when the page was loaded.
fn parameters(query: &str, headers: &HeaderMap) -> Result<(VPath, Option<Position>), ErrorResponse> {
    let query = Query::parse(query)?;
    let path = query.once("path")?.ok_or_else(|| bad_parameter("path", "is missing: it names the folder"))?;
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or_default());
    let after = match last {
        Some(last) => Some(last),
        None => query.once("after")?,
    };
    let position = |text| EventId::parse(text).map_or(Position::Unknown, Position::At);
    Ok((VPath::parse(path)?, after.filter(|text| !text.is_empty()).map(position)))
}

/// The event stream of one client.
struct Stream {
    subscription: Subscription,
    /// What comes before the events of the subscription.
    first: VecDeque<Bytes>,
    keep_alive: tokio::time::Interval,
    closing: CancellationToken,
    open: Gauge,
    _permit: Permit,
}

fn body(gateway: &Gateway, mut subscription: Subscription, permit: Permit) -> Body {
    let first = std::mem::take(&mut subscription.first);
    let open = gateway.metrics.event_streams.clone();
    open.inc();
    let stream = Stream {
        subscription,
        first: std::iter::once(Bytes::from_static(RETRY.as_bytes())).chain(first.iter().map(text)).collect(),
        keep_alive: interval_at(Instant::now() + KEEP_ALIVE_TIME, KEEP_ALIVE_TIME),
        closing: gateway.closing.clone(),
        open,
        _permit: permit,
    };
    Body::from_stream(unfold(stream, |mut stream| async move {
        let piece = stream.next().await?;
        Some((Ok::<_, std::convert::Infallible>(piece), stream))
    }))
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(piece) = self.first.pop_front() {
            return Some(piece);
        }
        tokio::select! {
            biased;
            () = self.closing.cancelled() => None,
            event = self.subscription.next() => {
                self.keep_alive.reset();
                event.as_ref().map(text)
            }
            _ = self.keep_alive.tick() => Some(Bytes::from_static(b":\n\n")),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.open.dec();
    }
}

/// JSON escapes line breaks, so one `data` line is enough.
fn text(event: &Event) -> Bytes {
    let data = serde_json::to_string(&event.kind).unwrap_or_default();
    Bytes::from(format!("id: {}\ndata: {data}\n\n", event.id))
}

#[cfg(test)]
mod tests {
    use shared::EventKind;

    use super::*;

    #[test]
    fn an_event_is_two_lines_whatever_its_path() {
        let path = VPath::from_bytes(&b"a\nid: 1\r\rdata: x"[..]).unwrap();
        let event = Event { id: EventId { epoch: 1, sequence: 255 }, kind: EventKind::Absent { path } };
        let text = String::from_utf8(text(&event).into()).unwrap();
        assert_eq!(text, "id: 1.ff\ndata: {\"event\":\"absent\",\"path\":\"a%0Aid%3A%201%0D%0Ddata%3A%20x\"}\n\n");
    }

    #[test]
    fn last_event_id_takes_precedence_over_after() {
        let with = |last: &'static str| HeaderMap::from_iter([(LAST_EVENT_ID, HeaderValue::from_static(last))]);
        let at = |sequence| Some(Position::At(EventId { epoch: 1, sequence }));
        assert_eq!(
            parameters("path=a%252Fb&after=1.2", &HeaderMap::new()).err().map(|e| e.code),
            Some(ErrorCode::BadPath)
        );
        let (folder, after) = parameters("path=a%2Fb&after=1.2", &HeaderMap::new()).unwrap();
        assert_eq!((folder.encoded().as_str(), after), ("a/b", at(2)));
        assert_eq!(parameters("path=&after=1.2", &with("1.3")).unwrap().1, at(3));
        assert_eq!(parameters("path=", &with("nonsense")).unwrap().1, Some(Position::Unknown));
        assert_eq!(parameters("path=", &with("")).unwrap().1, None);
        assert!(parameters("", &HeaderMap::new()).is_err());
        assert!(parameters("path=..", &HeaderMap::new()).is_err());
    }
}
