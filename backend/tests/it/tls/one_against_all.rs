//! One client of HTTP/2 takes all the requests that it can get and reads nothing, and another one is served meanwhile.

use std::sync::Arc;
use std::time::Duration;

use backend::admission::LeastPace;
use backend::gateway::GatewayConfig;
use futures_util::future::select_all;
use h2::client::Builder;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::fixtures::{H2Client, TlsGateway, first_pair};
use crate::test_gateway::TEST_TIMEOUT;
use crate::test_server::small_tree;

/// More than one client may have of 64.
const STREAMS: usize = 40;

async fn gateway(config: GatewayConfig) -> TlsGateway {
    let storage = small_tree();
    storage.add_file("large", vec![5; 8 << 20]).unwrap();
    TlsGateway::with_config(Arc::new(storage), first_pair(), config).await
}

async fn tcp(gateway: &TlsGateway, from: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, from], 0).into()).unwrap();
    socket.connect(gateway.address).await.unwrap()
}

async fn client(gateway: &TlsGateway, from: u8, window: u32) -> H2Client {
    gateway.h2_on(tcp(gateway, from).await, Builder::new().initial_window_size(window)).await
}

/// Clients that together may have all places, each with this many of 64.
const ATTACKERS: [u8; 4] = [2, 3, 4, 5];
const OWN: usize = 16;

#[tokio::test]
async fn idle_connections_that_hold_all_places_make_room_for_another_client() {
    let config = GatewayConfig { connections_max: 64, rest_time: Duration::ZERO, ..GatewayConfig::default() };
    let gateway = gateway(config).await;
    let mut idle = Vec::new();
    for attacker in ATTACKERS {
        for _ in 0..OWN {
            let client = client(&gateway, attacker, 1 << 20).await;
            assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
            idle.push(client);
        }
    }
    let other = client(&gateway, 6, 1 << 20).await;
    assert_eq!(other.send("GET", "/files/hello.txt", &[], b"").await.0, 200);
    // GOAWAY without an error.
    let oldest = idle.iter_mut().step_by(OWN).map(|client| &mut client.connection);
    let (closed, index, _) = timeout(TEST_TIMEOUT, select_all(oldest)).await.expect("no connection is closed");
    closed.unwrap().unwrap();
    idle.remove(index * OWN);
    for client in &idle {
        assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
    }
    drop((idle, other));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn handshakes_that_hold_all_places_make_room_for_another_client() {
    let config = GatewayConfig { new_connections_max: 64, rest_time: Duration::ZERO, ..GatewayConfig::default() };
    let gateway = gateway(config).await;
    let mut silent = Vec::new();
    for attacker in ATTACKERS {
        for first in 0..OWN {
            let mut stream = tcp(&gateway, attacker).await;
            // Nothing, the beginning of a handshake, or a protocol that is not TLS.
            let begin: &[u8] = [b"".as_slice(), b"\x16\x03\x01", b"GET /"][first % 3];
            stream.write_all(begin).await.unwrap();
            silent.push(stream);
        }
    }
    let other = client(&gateway, 6, 1 << 20).await;
    assert_eq!(other.send("GET", "/files/hello.txt", &[], b"").await.0, 200);
    drop((silent, other));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_connection_that_is_refused_counts_once_however_many_requests_it_carries() {
    let gateway = gateway(GatewayConfig { connections_max: 1, ..GatewayConfig::default() }).await;
    let first = client(&gateway, 2, 16 << 10).await;
    let held = first.begin("GET", "/files/large", &[], b"").await;
    assert_eq!(held.status(), 200);
    let refused = client(&gateway, 3, 1 << 20).await;
    let request = || {
        let mut sender = refused.sender.clone();
        sender.send_request(refused.request("GET", "/healthz", &[]), true).unwrap().0
    };
    for answer in [request(), request(), request()] {
        if let Ok(answer) = timeout(TEST_TIMEOUT, answer).await.expect("no answer") {
            assert_eq!(answer.status(), 503);
        }
    }
    let _ = timeout(TEST_TIMEOUT, refused.connection).await.expect("the connection stays open");
    // The metrics are read on the connection that has a place.
    let counted = async {
        loop {
            let (_, _, metrics) = first.send("GET", "/metrics", &[], b"").await;
            let text = String::from_utf8(metrics).unwrap();
            if !text.contains("passerelle_http_connections_refused_total 0\n") {
                return text;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let text = timeout(TEST_TIMEOUT, counted).await.expect("no refusal is counted");
    assert!(text.contains("passerelle_http_connections_refused_total 1\n"), "{text}");
    drop((held, first));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn streams_that_take_nothing_leave_requests_to_another_client() {
    let gateway = gateway(GatewayConfig { requests_max: 64, ..GatewayConfig::default() }).await;
    let attacker = client(&gateway, 2, 0).await;
    let mut answers = Vec::new();
    for _ in 0..STREAMS {
        answers.push(attacker.begin("GET", "/files/large", &[], b"").await);
    }
    let with = |status: u16| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((with(200), with(429)), (16, STREAMS - 16));
    let other = client(&gateway, 3, 1 << 20).await;
    assert_eq!(other.send("GET", "/files/hello.txt", &[], b"").await.0, 200);
    drop((attacker, answers, other));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn streams_that_take_nothing_end_once_requests_are_scarce() {
    let least_pace = LeastPace { bytes: 100 << 10, time: Duration::from_millis(100) };
    let gateway = gateway(GatewayConfig { requests_max: 16, least_pace, ..GatewayConfig::default() }).await;
    let attacker = client(&gateway, 2, 0).await;
    let mut answers = Vec::new();
    for _ in 0..16 {
        answers.push(attacker.begin("GET", "/files/large", &[], b"").await);
    }
    let other = client(&gateway, 3, 1 << 20).await;
    // Without the pace, the streams would end after the time of a stall, which is much longer.
    let served = async {
        while other.send("GET", "/files/hello.txt", &[], b"").await.0 != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(TEST_TIMEOUT, served).await.expect("no place becomes free");
    drop((attacker, answers, other));
    gateway.assert_healthy_and_stop().await;
}
