//! Clients reconnect after a restart of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backend::client::{Client, ClientError, PoolConfig, Target};
use backend::server::ServerConfig;
use backend::wire::Key;
use shared::{ErrorCode, Order};
use tokio::net::TcpListener;
use tokio::task::{JoinSet, yield_now};

use super::fixtures::{stat, wait_until};
use crate::raw_connection::within;
use crate::reading::read_file;
use crate::test_server::{TestServer, path, reader, small_tree};

/// A file server on this port, or on any.
async fn start(port: u16, key: &Key, drain_time: Duration) -> TestServer {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let storage = small_tree();
    storage.add_file("big", vec![7; 4 << 20]).unwrap();
    let config = ServerConfig { drain_time, ..ServerConfig::default() };
    TestServer::on_listener(listener, key.clone(), Arc::new(storage), config).await
}

async fn one_call(client: &Client, kind: usize) -> Result<(), ClientError> {
    match kind % 4 {
        0 => stat(client, "hello.txt").await.map(drop),
        1 => client.list(&reader(), &path("docs"), Order::default(), None, 10).await.map(drop),
        2 => read_file(client, "big")
            .await
            .map(|bytes| assert!(bytes.len() == 4 << 20 && bytes.iter().all(|byte| *byte == 7))),
        _ => client.ping().await.map(drop),
    }
}

/// Four clients that send requests all the time while the server restarts.
async fn under_load(drain_time: Duration) {
    let key = Key::generate().unwrap();
    let server = start(0, &key, drain_time).await;
    let port = server.tcp.port();
    let client = Client::new(Target::tcp(server.tcp.to_string(), key.clone()), PoolConfig::default());
    let (restarted, good) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for kind in 0..4 {
        let (client, restarted, good) = (client.clone(), restarted.clone(), good.clone());
        callers.spawn(async move {
            let mut good_after = 0;
            while good_after < 5 {
                let after = restarted.load(Ordering::SeqCst);
                match one_call(&client, kind).await {
                    Ok(()) => {
                        good.fetch_add(1, Ordering::SeqCst);
                        good_after += usize::from(after);
                    }
                    Err(error) => {
                        assert!(error.code.retryable(), "{error}");
                        assert!(!after, "{error}, although the server is back");
                        yield_now().await;
                    }
                }
            }
        });
    }
    wait_until(|| good.load(Ordering::SeqCst) > 20).await;
    server.stop().await;
    assert_eq!(stat(&client, "").await.unwrap_err().code, ErrorCode::Unreachable);
    let server = start(port, &key, drain_time).await;
    restarted.store(true, Ordering::SeqCst);
    while let Some(caller) = within(callers.join_next()).await {
        caller.unwrap();
    }
    drop(client);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_reconnect_after_a_graceful_restart() {
    under_load(Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_reconnect_after_an_abrupt_restart() {
    under_load(Duration::ZERO).await;
}

#[tokio::test]
async fn a_dead_pooled_connection_is_replaced_without_an_error() {
    let key = Key::generate().unwrap();
    let mut server = start(0, &key, Duration::ZERO).await;
    let port = server.tcp.port();
    let client = Client::new(Target::tcp(server.tcp.to_string(), key.clone()), PoolConfig::default());
    for kind in 0..4 {
        one_call(&client, kind).await.unwrap();
        one_call(&client, kind).await.unwrap();
        server.stop().await;
        server = start(port, &key, Duration::ZERO).await;
        one_call(&client, kind).await.unwrap();
    }
    server.stop().await;
}
