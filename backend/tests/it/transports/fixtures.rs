//! A gateway over a transport, and requests on a persistent connection.

use std::path::Path;
use std::time::Duration;

use backend::gateway::GatewayConfig;
use backend::storage::local::LocalStorage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::test_gateway::{HttpResponse, TestGateway};
use crate::test_server::{TestServer, Transport};

/// Longer than any step takes on a busy machine.
pub(super) const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// More than all buffers between file and client hold.
pub(super) const LARGE_BYTES: usize = 48 << 20;

/// A gateway that reaches its file server over `transport`.
pub(super) async fn start_gateway(folder: &Path, transport: Transport) -> TestGateway {
    let server = TestServer::with_storage(LocalStorage::open(folder, None).unwrap().into()).await.via(transport);
    TestGateway::in_front_of(server, GatewayConfig::default()).await
}

/// Bytes without zeros and without two equal kilobytes.
pub(super) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| ((index ^ (index >> 8) ^ (index >> 16)) % 255) as u8 + 1).collect()
}

/// Sends a request on a persistent connection, and reads the complete answer.
pub(super) async fn send_request(stream: &mut TcpStream, method: &str, target: &str, headers: &str) -> HttpResponse {
    let request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_response(stream, method == "HEAD").await
}

pub(super) async fn read_response(stream: &mut TcpStream, head: bool) -> HttpResponse {
    let mut bytes = Vec::new();
    timeout(TEST_TIMEOUT, async {
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.unwrap());
        }
        let mut response = HttpResponse::read(&bytes, head).unwrap();
        let length: usize = response.header("content-length").unwrap().parse().unwrap();
        if !head {
            response.body = vec![0; length];
            stream.read_exact(&mut response.body).await.unwrap();
        }
        response
    })
    .await
    .expect("no answer")
}
