//! What happens to every request, whatever it is for: it gets an id, is counted and logged; one that is too long, that
//! is meant for another host, or that only asks whether it may ask, goes no further.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use shared::ErrorCode;
use tracing::{info, warn};

use super::{cors, csrf, host};
use crate::gateway::connection_info::{ConnectionInfo, Transport};
use crate::gateway::http::html::escape_log;
use crate::gateway::http::problem::ErrorResponse;
use crate::gateway::http::request_body::RequestBody;
use crate::gateway::request_id::RequestId;
use crate::gateway::router;
use crate::gateway::state::Gateway;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Answers requests: what happens to every one, around the routes. Cheap to clone. No layers of the framework: each of
/// them would put the request's future and its answer's body into boxes of their own.
#[derive(Clone)]
pub(crate) struct GatewayService {
    gateway: Gateway,
    routes: TowerToHyperService<Router>,
}

impl GatewayService {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { routes: TowerToHyperService::new(router::router(gateway.clone())), gateway }
    }

    /// The id, the log line and the counts of a request, and the body of a refusal.
    pub(crate) async fn answer(self, mut request: Request) -> Response<CountedBody> {
        let gateway = &self.gateway;
        let id = gateway.request_ids.next();
        request.extensions_mut().insert(id);
        let mut log = AccessLog::begin(gateway, &request, id);
        let mut response = self.admit(request).await;
        if let Some(refusal) = response.extensions_mut().remove::<ErrorResponse>() {
            log.refused = Some((refusal.code, refusal.cause.clone()));
            let layered = std::mem::take(response.headers_mut());
            response = refusal.render(id.as_str());
            keep(response.headers_mut(), layered);
        }
        finish_headers(response.headers_mut(), gateway, id);
        log.status = Some(response.status());
        log.bytes_expected = bytes_expected(&log.method, &response);
        response.map(|body| CountedBody { body, log })
    }

    /// Lets through what is short enough and meant for this server.
    async fn admit(&self, mut request: Request) -> Response {
        let gateway = &self.gateway;
        if let Err(refusal) = check(gateway, &request) {
            drop(RequestBody::of(&gateway.bodies, &mut request));
            return refusal.into_response();
        }
        let origins = &gateway.config.cors_origins;
        if cors::is_preflight(request.method(), request.headers()) {
            return (StatusCode::NO_CONTENT, cors::preflight(request.headers(), origins)).into_response();
        }
        let allowed = cors::allowed(request.headers(), origins);
        let mut response = match self.routes.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        cors::share(response.headers_mut(), allowed, origins);
        response
    }
}

/// How long the body will be, where that is known.
fn bytes_expected(method: &Method, response: &Response) -> Option<u64> {
    if *method == Method::HEAD || response.body().is_end_stream() {
        return Some(0);
    }
    // A body that is there whole says itself how long it is; of a relayed one only the header knows.
    let said = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    said.or_else(|| response.body().size_hint().exact())
}

/// What other layers had said of the response that a refusal's own replaces.
fn keep(headers: &mut HeaderMap, layered: HeaderMap) {
    let mut last = None;
    for (name, value) in layered {
        last = name.or(last);
        if let Some(name) = last.as_ref().filter(|name| is_layered(name)) {
            headers.append(name, value);
        }
    }
}

fn is_layered(name: &HeaderName) -> bool {
    *name == http::header::VARY || name.as_str().starts_with("access-control-")
}

/// What every answer says, whatever it is.
fn finish_headers(headers: &mut HeaderMap, gateway: &Gateway, id: RequestId) {
    if let Ok(id) = HeaderValue::from_bytes(id.as_bytes()) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let resource_policy = if gateway.config.cors_origins.is_empty() { "same-origin" } else { "cross-origin" };
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(resource_policy));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
}

fn check(gateway: &Gateway, request: &Request) -> Result<(), ErrorResponse> {
    let target = target_bytes(request.uri());
    if target > gateway.config.target_bytes_max {
        let refusal = ErrorResponse::because(ErrorCode::TooLarge, "The address is longer than the server takes.");
        return Err(refusal.status(StatusCode::URI_TOO_LONG));
    }
    // Name, colon, space, value, line end.
    let lines: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if target + lines > gateway.config.header_bytes_max {
        let refusal =
            ErrorResponse::because(ErrorCode::TooLarge, "The request's headers are longer than the server takes.");
        return Err(refusal.status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
    host::check(request.version(), request.uri(), request.headers(), &gateway.config.hosts)?;
    let transport = request.extensions().get::<ConnectionInfo>().map_or(Transport::Plain, |link| link.transport);
    csrf::check(request.method(), request.uri(), request.headers(), transport, &gateway.config.cors_origins)
}

/// How long the request's target is, in whatever form it came.
fn target_bytes(uri: &Uri) -> usize {
    let origin = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    origin + authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

/// What is known of a request once it is over, however it ends: it writes itself when it is dropped.
struct AccessLog {
    gateway: Gateway,
    id: RequestId,
    method: Method,
    uri: Uri,
    peer: Option<SocketAddr>,
    route: &'static str,
    started: Instant,
    /// None where the client left before there was one.
    status: Option<StatusCode>,
    bytes: u64,
    bytes_expected: Option<u64>,
    refused: Option<(ErrorCode, String)>,
    /// Why the body ended early.
    broken: Option<String>,
    /// The body said itself that it was over.
    ended: bool,
}

impl AccessLog {
    fn begin(gateway: &Gateway, request: &Request, id: RequestId) -> Self {
        gateway.metrics.begin();
        Self {
            gateway: gateway.clone(),
            id,
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer: request.extensions().get::<ConnectionInfo>().map(|link| link.peer),
            route: router::label(request.uri().path()),
            started: Instant::now(),
            status: None,
            bytes: 0,
            bytes_expected: None,
            refused: None,
            broken: None,
            ended: false,
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let time = self.started.elapsed();
        // 499, as other servers have it: the client closed the connection.
        let status = self.status.map_or(499, |status| status.as_u16());
        self.gateway.metrics.end(self.route, &self.method, status, self.bytes, time);
        let path = escape_log(self.uri.path());
        let (id, method, path) = (self.id.as_str(), self.method.as_str(), &*path);
        let (bytes, ms) = (self.bytes, time.as_millis() as u64);
        let peer = self.peer.map(tracing::field::display);
        // hyper asks no further once it has the bytes that Content-Length promised.
        let whole = self.ended || self.bytes_expected == Some(self.bytes);
        if let Some(error) = &self.broken {
            warn!(id, peer, method, path, status, bytes, ms, error, "cut off");
        } else if let Some((code, cause)) = &self.refused {
            let code = code.name();
            match status {
                500.. => warn!(id, peer, method, path, status, bytes, ms, code, cause, "failed"),
                _ => info!(id, peer, method, path, status, bytes, ms, code, cause, "refused"),
            }
        } else if whole {
            info!(id, peer, method, path, status, bytes, ms, "answered");
        } else {
            info!(id, peer, method, path, status, bytes, ms, "left by the client");
        }
    }
}

/// A body whose bytes are counted as the connection takes them.
pub(crate) struct CountedBody {
    body: Body,
    log: AccessLog,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => self.log.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(error)) => self.log.broken = Some(error.to_string()),
            None => self.log.ended = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: Method, response: Response, expected: Option<u64>) {
        assert_eq!(bytes_expected(&method, &response), expected);
    }

    #[test]
    fn a_target_is_as_long_as_it_was_written() {
        for target in ["/", "/files/a%20b?download", "http://localhost:8080/files/a?b=c", "localhost:80", "*"] {
            assert_eq!(target_bytes(&Uri::try_from(target).unwrap()), target.len(), "{target}");
        }
    }

    #[test]
    fn an_answer_says_how_long_it_is() {
        check(Method::GET, "ok\n".into_response(), Some(3));
        check(Method::HEAD, "ok\n".into_response(), Some(0));
        check(Method::GET, StatusCode::NO_CONTENT.into_response(), Some(0));
        let pieces = || futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"ab"))]);
        check(Method::GET, Body::from_stream(pieces()).into_response(), None);
        check(Method::GET, ([(CONTENT_LENGTH, "2")], Body::from_stream(pieces())).into_response(), Some(2));
    }
}
