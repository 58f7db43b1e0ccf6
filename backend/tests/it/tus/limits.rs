//! Uploads that would hold more bytes than one client may.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::server::ServerConfig;
use shared::limits::STORE_BYTES_MAX;

use super::fixtures::{BYTES, UPLOADS, VERSION, metadata, part, patch, resolve};
use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::{TestServer, small_tree};

/// What a client may hold: more than is stored in one exchange.
const BYTES_MAX: usize = STORE_BYTES_MAX as usize + 100;

async fn gateway() -> TestGateway {
    let bytes_max = 4 * BYTES_MAX as u64;
    let server = ServerConfig { unfinished_bytes_max: bytes_max, ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(small_tree()), server).await.in_process();
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    TestGateway::in_front_of(server, config).await
}

/// Every address answers in the same words.
fn assert_refused(response: &HttpResponse, missing: usize) {
    response.assert_problem(507, "quota_exceeded");
    let sentence = format!("Unfinished uploads would hold {missing} bytes more than they may. Finish or cancel some");
    assert!(response.text().contains(&sentence), "{response:?}");
}

#[tokio::test]
async fn a_length_above_the_bytes_of_a_client_is_refused_at_the_creation() {
    let gateway = gateway().await;
    let target = metadata(&[("path", "new")]);
    let length = (BYTES_MAX + 7).to_string();
    let creation = [VERSION, ("upload-length", length.as_str()), ("upload-metadata", target.as_str())];
    assert_refused(&gateway.send("POST", UPLOADS, &creation, b"").await, 7);
    assert_refused(&gateway.send("POST", UPLOADS, &[&creation[..], &[BYTES]].concat(), b"first").await, 7);
    // The answer comes before the body.
    let head = format!("PUT /files/new HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\r\n", gateway.address);
    assert_refused(&HttpResponse::read(&gateway.send_raw(head.as_bytes()).await, false).unwrap(), 7);

    let deferred = [VERSION, ("upload-defer-length", "1"), ("upload-metadata", target.as_str())];
    let response = gateway.send("POST", UPLOADS, &deferred, b"").await;
    let address = resolve(response.header("location").unwrap());
    assert_refused(&patch(&gateway, &address, 0, b"first", &[("upload-length", &length)]).await, 7);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn bytes_that_were_not_announced_are_refused_when_they_arrive() {
    let gateway = gateway().await;
    let held = part(&gateway, &[7; 200]).await;
    let concat = format!("final;{held}");
    let target = metadata(&[("path", "new")]);
    let joining = [VERSION, ("upload-concat", concat.as_str()), ("upload-metadata", target.as_str())];
    let more = vec![7; BYTES_MAX - 300];
    part(&gateway, &more).await;
    assert_refused(&gateway.send("POST", UPLOADS, &joining, b"").await, 100);
    let form = ("content-type", "multipart/form-data; boundary=abc");
    let body = b"--abc\r\nContent-Disposition: form-data; name=file; filename=new\r\n\r\n";
    let body = [&body[..], &[7; 150], b"\r\n--abc--\r\n"].concat();
    assert_refused(&gateway.send("POST", "/files/", &[form], &body).await, 50);
    let chunked = ("transfer-encoding", "chunked");
    let head = format!(
        "PUT /files/new HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{}: {}\r\n\r\n",
        chunked.0, chunked.1
    );
    let request = [head.as_bytes(), b"96\r\n", &[7; 150], b"\r\n0\r\n\r\n"].concat();
    assert_refused(&HttpResponse::read(&gateway.send_raw(&request).await, false).unwrap(), 50);
    gateway.assert_healthy_and_stop().await;
}
