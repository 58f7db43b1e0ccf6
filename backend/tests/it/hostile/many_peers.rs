//! Unauthenticated peers on a TCP port.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::fixtures::{assert_healthy_and_stop, pseudo_random_bytes};
use crate::raw_connection::{RawConnection, header, within};
use crate::test_server::TestServer;

#[tokio::test]
async fn unauthenticated_peers_on_a_real_port_do_not_affect_others() {
    let server = TestServer::start().await;
    for seed in 0..50 {
        let mut stream = tokio::net::TcpStream::connect(server.tcp).await.unwrap();
        let _ = stream.write_all(&pseudo_random_bytes(seed, 5_000)).await;
        let mut answer = Vec::new();
        // A reset and a close are both valid ends.
        let _ = within(stream.read_to_end(&mut answer)).await;
    }
    // Connections that send nothing more and never close.
    let mut held = Vec::new();
    for seed in 0..50 {
        let mut raw = RawConnection::open(&server).await;
        raw.send_bytes(&header(60_000, 0x10, 0, 0, seed)).await;
        held.push(raw);
    }
    assert_healthy_and_stop(server).await;
}
