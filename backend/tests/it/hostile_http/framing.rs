//! Request smuggling: bytes that a proxy in front and this server could divide into requests in different ways
//! (RFC 9112 §11.2). No request that hides in such bytes is carried out.

use std::time::Duration;

use tokio::time::timeout;

use super::fixtures::status;
use crate::test_gateway::TestGateway;

/// How long an answer may take: a request that waits for more bytes would never be answered.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Sends `attack`, which hides a PUT of `/files/smuggled`; returns the status of the first answer.
async fn attack(gateway: &TestGateway, name: &str, attack: &str) -> Option<u16> {
    let answer = timeout(ANSWER_TIME, gateway.send_raw(attack.as_bytes())).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&answer).into_owned();
    let smuggled = gateway.get("/files/smuggled").await;
    assert_eq!(smuggled.status, 404, "{name}: the hidden request was carried out: {said}");
    assert_eq!(said.matches("HTTP/1.1 201").count(), 0, "{name}: {said}");
    status(&answer)
}

const HOST: &str = "Host: localhost\r\n";
const HIDDEN: &str = "PUT /files/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";

#[tokio::test]
async fn a_bare_line_feed_ends_no_line() {
    let gateway = TestGateway::writable().await;
    let put = format!("PUT /files/a HTTP/1.1\r\n{HOST}");
    let chunked = format!("{put}Transfer-Encoding: chunked\r\n\r\n");
    let attacks = [
        // A proxy that takes the LF for a part of the value sees no length, and the hidden request as a body.
        ("field after a bare LF", format!("{put}X: y\nContent-Length: 0\r\n\r\n{HIDDEN}")),
        ("request line with a bare LF", format!("PUT /files/smuggled HTTP/1.1\n{HOST}Content-Length: 1\r\n\r\nx")),
        ("head that ends in a bare LF", format!("{put}Content-Length: 0\r\n\n{HIDDEN}")),
        ("field after a bare CR", format!("{put}X: y\rContent-Length: 0\r\n\r\n{HIDDEN}")),
        ("TERM.EXT: chunk extension with a bare LF", format!("{chunked}2;\nxx\r\n10\r\n\r\n0\r\n\r\n{HIDDEN}")),
        ("TERM.CHUNK: size that ends in a bare LF", format!("{chunked}1\nx\r\n0\r\n\r\n{HIDDEN}")),
        ("SPILL: chunk that ends in a bare LF", format!("{chunked}1\r\nx\n0\r\n\r\n{HIDDEN}")),
        ("trailer that ends in a bare LF", format!("{chunked}0\r\nX: y\n\r\n{HIDDEN}")),
        ("last line that is a bare LF", format!("{chunked}0\r\n\n{HIDDEN}")),
    ];
    for (name, request) in attacks {
        assert_eq!(attack(&gateway, name, &request).await, Some(400), "{name}");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_chunk_size_is_hexadecimal_digits_alone() {
    let gateway = TestGateway::writable().await;
    for size in ["1 ", "1\t", " 1", "0x1", "+1", "1 ;x", "1_0", "FFFFFFFFFFFFFFFFF", ""] {
        let chunked = format!("PUT /files/a HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n");
        let request = format!("{chunked}{size}\r\nx\r\n0\r\n\r\n{HIDDEN}");
        assert_eq!(attack(&gateway, size, &request).await, Some(400), "{size:?}");
        assert_eq!(gateway.get("/files/a").await.status, 404, "{size:?}");
    }
    gateway.assert_healthy_and_stop().await;
}

/// The bytes would be stored in encoded form.
#[tokio::test]
async fn chunked_is_the_only_transfer_coding() {
    let gateway = TestGateway::writable().await;
    for (coding, expected) in [
        ("gzip, chunked", 501),
        ("chunked, chunked", 501),
        ("identity, chunked", 501),
        ("gzip\r\nTransfer-Encoding: chunked", 501),
        ("xchunked", 400),
        ("chunked, identity", 400),
    ] {
        for method in ["PUT /files/a", "POST /api/v1/changes", "GET /healthz"] {
            let head = format!("{method} HTTP/1.1\r\n{HOST}Transfer-Encoding: {coding}\r\n\r\n");
            let request = format!("{head}1\r\nx\r\n0\r\n\r\n{HIDDEN}");
            assert_eq!(attack(&gateway, coding, &request).await, Some(expected), "{method} with {coding:?}");
        }
        assert_eq!(gateway.get("/files/a").await.status, 404, "{coding:?}");
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_length_beside_a_coding_is_refused() {
    let gateway = TestGateway::writable().await;
    let hidden = HIDDEN.len();
    for (name, fields) in [
        ("CL.TE", format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", hidden + 5)),
        ("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n".to_owned()),
        ("two lengths", "Content-Length: 0\r\nContent-Length: 5\r\n".to_owned()),
        ("list of lengths", "Content-Length: 5, 5\r\n".to_owned()),
        ("signed length", "Content-Length: +0\r\n".to_owned()),
    ] {
        let request = format!("PUT /files/a HTTP/1.1\r\n{HOST}{fields}\r\n0\r\n\r\n{HIDDEN}");
        assert_eq!(attack(&gateway, name, &request).await, Some(400), "{name}");
    }
    gateway.assert_healthy_and_stop().await;
}

/// What is unambiguous goes on, in one read or in many: bodies with line feeds, extensions, trailers, pipelined requests.
#[tokio::test]
async fn unambiguous_requests_on_one_connection_are_all_answered() {
    let gateway = TestGateway::writable().await;
    let requests = format!(
        "\r\nPUT /files/one HTTP/1.1\r\n{HOST}Content-Length: 4\r\n\r\n\n\r\n\n\
         PUT /files/two HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\na\nb\r\n1\r\n\n\r\n0\r\nX: y\r\n\r\n\
         PUT /files/three HTTP/1.1\r\n{HOST}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let answer = gateway.send_raw(requests.as_bytes()).await;
    let said = String::from_utf8_lossy(&answer);
    assert_eq!(said.matches("HTTP/1.1 201").count(), 3, "{said}");
    assert_eq!(gateway.get("/files/one").await.body, b"\n\r\n\n");
    assert_eq!(gateway.get("/files/two").await.body, b"a\nb\n");
    gateway.assert_healthy_and_stop().await;
}
