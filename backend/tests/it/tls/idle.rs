//! Requests after idle times.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{pause, resume, sleep, timeout};

use super::fixtures::{H1, TlsGateway};
use crate::test_gateway::{TEST_TIMEOUT, TestGateway};

#[tokio::test]
async fn requests_after_idle_times_are_served() {
    let secure = TlsGateway::start().await;
    check_requests_around_idle_times(&mut secure.connect(H1).await).await;
    secure.assert_healthy_and_stop().await;
    let gateway = TestGateway::start().await;
    check_requests_around_idle_times(&mut gateway.connect().await).await;
    gateway.assert_healthy_and_stop().await;
}

/// Sends requests after an idle time, across an idle time, and directly after another request. An idle connection frees
/// its buffers, so each case needs them again.
async fn check_requests_around_idle_times<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    let request = b"GET /files/hello.txt HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let (begin, end) = request.split_at(20);
    check_request(stream, request).await;
    be_idle().await;
    check_request(stream, request).await;
    stream.write_all(&[request, begin].concat()).await.unwrap();
    stream.flush().await.unwrap();
    check_response(stream).await;
    be_idle().await;
    check_request(stream, end).await;
    be_idle().await;
    stream.write_all(&begin[..1]).await.unwrap();
    stream.flush().await.unwrap();
    be_idle().await;
    check_request(stream, &request[1..]).await;
    check_request(stream, request).await;
}

/// Advances the clock until a connection frees the buffers that it needs for a request.
async fn be_idle() {
    pause();
    sleep(Duration::from_secs(5)).await;
    resume();
}

async fn check_request<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) {
    stream.write_all(request).await.unwrap();
    stream.flush().await.unwrap();
    check_response(stream).await;
}

async fn check_response<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello, world\n") {
        let count = timeout(TEST_TIMEOUT, stream.read_buf(&mut answer)).await.expect("no answer").unwrap();
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
    }
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{:?}", String::from_utf8_lossy(&answer));
}
