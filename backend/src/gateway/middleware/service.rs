//! [`GatewayService`]: gives each request an id, logs and counts it, checks its size, its `Host` and the site
//! that asks, answers preflights, and calls the router.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};
use http_body::Body as HttpBody;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use shared::ErrorCode;

use super::access_log::AccessLog;
use super::origin::Origins;
use super::{cors, csrf, fetch_metadata, host, transfer_coding};
use crate::admission::{InUse, Permit, Refusal, Who};
use crate::gateway::connection_info::{ConnectionInfo, Transport};
use crate::gateway::http::observed_body::ObservedBody;
use crate::gateway::http::problem::{ErrorResponse, Reader};
use crate::gateway::http::redirect;
use crate::gateway::http::request_body::RequestBody;
use crate::gateway::places;
use crate::gateway::request_id::RequestId;
use crate::gateway::router;
use crate::gateway::state::Gateway;
use crate::gateway::whole_answer;

/// The body of an answer, observed by the access log.
pub(crate) type CountedBody = ObservedBody<Body, AccessLog>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The service of every connection. Cheap to clone. It uses no layers of tower, because each layer would box the future
/// and the body of every answer.
#[derive(Clone)]
pub(crate) struct GatewayService {
    gateway: Gateway,
    routes: TowerToHyperService<Router>,
}

impl GatewayService {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self { routes: TowerToHyperService::new(router::router(gateway.clone())), gateway }
    }

    /// Answers a request. An [`ErrorResponse`] becomes a problem document here, where the request's id is known.
    pub(crate) async fn answer(self, mut request: Request) -> Response<CountedBody> {
        let gateway = &self.gateway;
        let id = gateway.request_ids.next();
        request.extensions_mut().insert(id);
        let who = gateway.find_client(&mut request, id);
        if let Some(who) = who {
            request.extensions_mut().insert(who);
        }
        let mut log = AccessLog::begin(gateway, &request, id);
        let reader = Reader::of(request.uri(), request.headers());
        let mut response = match self.place(&request, who) {
            Ok(place) => {
                log.place = place;
                self.admit(request, who).await
            }
            Err(refusal) => refused_place(gateway, request, refusal),
        };
        if let Some(error) = response.extensions_mut().remove::<ErrorResponse>() {
            log.refused = Some((error.code, error.cause.clone()));
            let layered = std::mem::take(response.headers_mut());
            response = error.render(id.as_str(), &reader);
            keep_layered(response.headers_mut(), layered);
        }
        finish_headers(response.headers_mut(), gateway, id);
        log.status = Some(response.status());
        log.bytes_expected = bytes_expected(&log.method, &response);
        response.map(|body| ObservedBody { body, observer: log })
    }

    /// The place of a request, and of its connection if that is new. `None` without a connection.
    fn place(&self, request: &Request, who: Option<Who>) -> Result<Option<(Permit, InUse)>, Refusal> {
        let Some((info, who)) = request.extensions().get::<ConnectionInfo>().zip(who) else { return Ok(None) };
        let connection = info.place.enter(who)?;
        Ok(Some((places::take(&self.gateway.places.requests, who)?, connection)))
    }

    /// Checks the request and calls the router.
    async fn admit(&self, mut request: Request, who: Option<Who>) -> Response {
        let gateway = &self.gateway;
        if let Err(error) = check(gateway, &request) {
            drop(RequestBody::of(&gateway.bodies, &mut request));
            return error.into_response();
        }
        if let Some(redirect) = redirect::without_dots(request.uri()) {
            drop(RequestBody::of(&gateway.bodies, &mut request));
            return redirect;
        }
        let origins = &gateway.config.cors_origins;
        if cors::is_preflight(request.method(), request.headers()) {
            return (StatusCode::NO_CONTENT, cors::preflight(request.headers(), origins)).into_response();
        }
        let allowed = cors::allowed(request.headers(), origins);
        let method = request.method().clone();
        let mut response = match self.routes.call(request).await {
            Ok(response) => whole_answer::count(&gateway.places, who, &method, response).await,
            Err(never) => match never {},
        };
        cors::add_headers(response.headers_mut(), allowed, origins);
        response
    }
}

/// Refuses a request for which there is no place, and with it a connection that has none.
fn refused_place(gateway: &Gateway, mut request: Request, refusal: Refusal) -> Response {
    let closes = request.extensions().get().is_some_and(|info: &ConnectionInfo| info.place.is_refused());
    let is_http1 = request.version() < Version::HTTP_2;
    drop(RequestBody::of(&gateway.bodies, &mut request));
    let mut response = places::refused(refusal).into_response();
    if closes && is_http1 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The length of the body, where it is known.
fn bytes_expected(method: &Method, response: &Response) -> Option<u64> {
    if *method == Method::HEAD || response.body().is_end_stream() {
        return Some(0);
    }
    // A complete body knows its length; for a streamed one only the header tells it.
    let said = response.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    said.or_else(|| response.body().size_hint().exact())
}

/// Keeps headers of the replaced response that do not depend on its body.
fn keep_layered(headers: &mut HeaderMap, layered: HeaderMap) {
    let mut last = None;
    for (name, value) in layered {
        last = name.or(last);
        if let Some(name) = last.as_ref().filter(|name| is_layered(name)) {
            headers.append(name, value);
        }
    }
}

fn is_layered(name: &HeaderName) -> bool {
    *name == http::header::VARY || *name == CONNECTION || name.as_str().starts_with("access-control-")
}

/// Adds the headers that every answer has.
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
        let error = ErrorResponse::because(ErrorCode::TooLarge, "The address is longer than the server accepts.")
            .in_french("Cette adresse est plus longue que ce que le serveur accepte.");
        return Err(error.status(StatusCode::URI_TOO_LONG));
    }
    // The four bytes are colon, space and line end.
    let lines: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if target + lines > gateway.config.header_bytes_max {
        let error =
            ErrorResponse::because(ErrorCode::TooLarge, "The request's headers are longer than the server accepts.")
                .in_french("Les en-têtes de la requête dépassent la limite. Effacez les cookies de ce site.");
        return Err(error.status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
    host::check(request.version(), request.uri(), request.headers(), &gateway.config.hosts)?;
    transfer_coding::check(request.headers())?;
    let transport = request.extensions().get::<ConnectionInfo>().map_or(Transport::Plain, |link| link.transport);
    let origins = Origins { trusted: &gateway.config.cors_origins, hosts: &gateway.config.hosts };
    csrf::check(request.method(), request.uri(), request.headers(), transport, &origins)?;
    fetch_metadata::check(request.method(), request.uri(), request.headers(), &origins)
}

/// The length of the request target in the form in which it was sent.
fn target_bytes(uri: &Uri) -> usize {
    let origin = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    origin + authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[track_caller]
    fn check(method: Method, response: Response, expected: Option<u64>) {
        assert_eq!(bytes_expected(&method, &response), expected);
    }

    #[test]
    fn a_target_is_measured_as_it_was_written() {
        for target in ["/", "/files/a%20b?download", "http://localhost:8080/files/a?b=c", "localhost:80", "*"] {
            assert_eq!(target_bytes(&Uri::try_from(target).unwrap()), target.len(), "{target}");
        }
    }

    #[test]
    fn the_length_of_a_body_comes_from_the_body_or_the_header() {
        check(Method::GET, "ok\n".into_response(), Some(3));
        check(Method::HEAD, "ok\n".into_response(), Some(0));
        check(Method::GET, StatusCode::NO_CONTENT.into_response(), Some(0));
        let pieces = || futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"ab"))]);
        check(Method::GET, Body::from_stream(pieces()).into_response(), None);
        check(Method::GET, ([(CONTENT_LENGTH, "2")], Body::from_stream(pieces())).into_response(), Some(2));
    }
}
