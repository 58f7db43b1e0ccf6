//! One client of HTTP/2 takes all the requests that it can get and reads nothing, and another one is served meanwhile.

use std::sync::Arc;
use std::time::Duration;

use backend::admission::LeastPace;
use backend::gateway::GatewayConfig;
use h2::client::Builder;
use tokio::net::TcpSocket;
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

async fn client(gateway: &TlsGateway, from: u8, window: u32) -> H2Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, from], 0).into()).unwrap();
    let stream = socket.connect(gateway.address).await.unwrap();
    gateway.h2_on(stream, Builder::new().initial_window_size(window)).await
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
