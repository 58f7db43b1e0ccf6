//! A client that speaks plain HTTP where HTTPS is spoken, because somebody left the `s` out: it is told so. A browser that
//! only asks to see something is sent to the right address; everything else is refused, for what came with it was readable
//! by all.

use std::convert::Infallible;

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gateway::config::GatewayConfig;
use crate::gateway::middleware::host;

/// Answers one request, within the time that a request's headers have.
pub(crate) async fn answer(stream: TcpStream, config: &GatewayConfig) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = say(&request, &config.hosts);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(crate::gateway::connection::http1::buffer_bytes(config))
        .serve_connection(TokioIo::new(stream), service);
    // Whether it arrived is not our concern.
    let _ = timeout(config.header_read_time, connection).await;
}

fn say<B>(request: &Request<B>, hosts: &[String]) -> Response<Body> {
    let mut response = Response::new(Body::from("This port speaks HTTPS: the address begins with https://.\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
    if let Some(location) = location(request, hosts) {
        // Not for good: another server may have the port one day.
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The same address by HTTPS, if it is one of this server.
fn location<B>(request: &Request<B>, hosts: &[String]) -> Option<http::HeaderValue> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let here = host::check(request.version(), request.uri(), request.headers(), hosts).is_ok();
    let host = request.headers().get(http::header::HOST).filter(|_| safe && here)?.to_str().ok()?;
    let target = request.uri().path_and_query()?;
    let uri = Uri::builder().scheme("https").authority(host).path_and_query(target.clone()).build().ok()?;
    http::HeaderValue::try_from(uri.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(method: &str, target: &str, host: Option<&str>) -> (u16, Option<String>) {
        let mut request = Request::builder().method(method).uri(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = say(&request.body(()).unwrap(), &["files.example.org".into()]);
        let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    }

    #[test]
    fn a_look_is_sent_on_and_all_else_refused() {
        let there = (307, Some("https://files.example.org:8443/files/a?b=c".to_owned()));
        assert_eq!(said("GET", "/files/a?b=c", Some("files.example.org:8443")), there);
        assert_eq!(said("HEAD", "/", Some("127.0.0.1:1")), (307, Some("https://127.0.0.1:1/".into())));
        for (method, host) in [("PUT", Some("files.example.org")), ("GET", Some("evil.example")), ("GET", None)] {
            assert_eq!(said(method, "/files/a", host), (400, None), "{method} {host:?}");
        }
    }
}
