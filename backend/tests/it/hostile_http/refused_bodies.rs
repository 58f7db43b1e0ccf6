//! A request that is refused is answered before its body, so that a client need not send it and the server need not hold
//! it.

use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use super::fixtures::status;
use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

const ANSWER_TIME: Duration = Duration::from_secs(20);

/// Sends the head of a request, and no byte of its body; returns the status of the answer.
async fn head_alone(gateway: &TestGateway, head: &str) -> Option<u16> {
    let mut stream = gateway.connect().await;
    stream.write_all(format!("{head}Host: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let count = timeout(ANSWER_TIME, stream.read(&mut answer)).await.expect("the server waits for the body").unwrap();
    status(&answer[..count])
}

#[tokio::test]
async fn a_refused_put_is_answered_before_its_body() {
    let gateway = TestGateway::writable().await;
    let read_only = TestGateway::start().await;
    for length in [9, 200_000, 9_000_000_000_u64] {
        for expect in ["", "Expect: 100-continue\r\n"] {
            let fields = format!("Content-Length: {length}\r\n{expect}");
            for (target, more, expected) in [
                ("/files/hello.txt", "If-None-Match: *\r\n", 412),
                ("/files/hello.txt", "If-Match: \"00000000000000000000000000000000\"\r\n", 412),
                ("/files/absent", "If-Match: *\r\n", 412),
                ("/files/docs", "", 409),
                ("/files/hello.txt/below", "", 404),
                ("/files/.passerelle/x", "", 403),
                ("/files/a", "Content-Encoding: gzip\r\n", 415),
                ("/files/a", "Content-Range: bytes 0-8/9\r\n", 400),
            ] {
                let head = format!("PUT {target} HTTP/1.1\r\n{fields}{more}");
                let found = head_alone(&gateway, &head).await;
                assert!(found.is_some_and(|found| (400..500).contains(&found)), "{head}: {found:?}");
                if expected != 403 {
                    assert_eq!(found, Some(expected), "{head}");
                }
            }
            let head = format!("PUT /files/a HTTP/1.1\r\n{fields}");
            assert_eq!(head_alone(&read_only, &head).await, Some(403), "{head}");
        }
    }
    read_only.assert_healthy_and_stop().await;
    gateway.assert_healthy_and_stop().await;
}

/// A small body that comes late is stored as well.
#[tokio::test]
async fn a_body_that_follows_its_head_slowly_is_stored() {
    let gateway = TestGateway::writable().await;
    let mut stream = gateway.connect().await;
    let head = "PUT /files/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc";
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server begins the upload, and holds its name back until the rest has come.
    while gateway.get("/api/v1/uploads").await.text().contains("[]") {
        tokio::task::yield_now().await;
    }
    stream.write_all(b"def").await.unwrap();
    let mut answer = vec![0; 4096];
    let count = timeout(ANSWER_TIME, stream.read(&mut answer)).await.unwrap().unwrap();
    assert_eq!(status(&answer[..count]), Some(201));
    assert_eq!(gateway.get("/files/slow").await.text(), "abcdef");
    gateway.assert_healthy_and_stop().await;
}

/// The connection is not reset while the client sends: curl sees the status.
#[tokio::test]
async fn curl_sees_the_refusal_of_a_large_body() {
    let config = GatewayConfig { anonymous: Anonymous::Read, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::File::create(&file).unwrap().set_len(300 << 20).unwrap();
    let url = format!("http://{}/files/large", gateway.address);
    for more in [&["-H", "Expect:"][..], &["-H", "Expect: 100-continue"], &["-H", "Transfer-Encoding: chunked"]] {
        let arguments = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-T", file.to_str().unwrap()];
        let arguments = [&arguments[..], more, &[url.as_str()]].concat();
        let Ok(output) = Command::new("curl").args(&arguments).env_remove("http_proxy").output().await else {
            println!("skipped: curl is not installed");
            break;
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "403", "{more:?}: {said}");
        assert!(output.status.success(), "{more:?}: {said}");
    }
    gateway.assert_healthy_and_stop().await;
}
