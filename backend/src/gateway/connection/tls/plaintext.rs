//! Answers clients that send plain HTTP to an HTTPS port. GET and HEAD are redirected to the `https` address. Every
//! other request is refused, because its content was sent unencrypted.

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

/// Answers one request within the time for a request's headers.
pub(crate) async fn answer(stream: TcpStream, config: &GatewayConfig) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = response(&request, &config.hosts);
        async { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(crate::gateway::connection::http1::buffer_bytes(config))
        .serve_connection(TokioIo::new(stream), service);
    // The client may leave before it reads the answer.
    let _ = timeout(config.header_read_time, connection).await;
}

fn response<B>(request: &Request<B>, hosts: &[String]) -> Response<Body> {
    let mut response = Response::new(Body::from("This port speaks HTTPS: the address begins with https://.\n"));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
    if let Some(location) = location(request, hosts) {
        // Temporary, because the port may serve something else later.
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The `https` address of the request, if its host is one of this server.
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

    fn answer_to(method: &str, target: &str, host: Option<&str>) -> (u16, Option<String>) {
        let mut request = Request::builder().method(method).uri(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = response(&request.body(()).unwrap(), &["files.example.org".into()]);
        let location = response.headers().get(LOCATION).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), location)
    }

    #[test]
    fn get_and_head_are_redirected_and_others_refused() {
        let there = (307, Some("https://files.example.org:8443/files/a?b=c".to_owned()));
        assert_eq!(answer_to("GET", "/files/a?b=c", Some("files.example.org:8443")), there);
        assert_eq!(answer_to("HEAD", "/", Some("127.0.0.1:1")), (307, Some("https://127.0.0.1:1/".into())));
        for (method, host) in [("PUT", Some("files.example.org")), ("GET", Some("evil.example")), ("GET", None)] {
            assert_eq!(answer_to(method, "/files/a", host), (400, None), "{method} {host:?}");
        }
    }
}
