//! Requests, limits and flow control of HTTP/2.

use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::local::LocalStorage;
use h2::Reason;
use http::Request;
use tokio::time::timeout;

use super::fixtures::{TlsGateway, first_pair, read};
use crate::test_gateway::TEST_TIMEOUT;
use crate::test_server::small_tree;

#[tokio::test]
async fn http_2_serves_files_folders_and_ranges() {
    let gateway = TlsGateway::start().await;
    let client = gateway.h2().await;
    let (status, headers, body) = client.send("GET", "/files/docs/deep/er/file.bin", &[], b"").await;
    assert_eq!((status, body.len()), (200, 300_000));
    assert_eq!(headers["content-length"], "300000");
    assert!(body.iter().all(|byte| *byte == 7));
    let (status, headers, body) = client.send("GET", "/files/hello.txt", &[("range", "bytes=7-11")], b"").await;
    assert_eq!((status, &*body), (206, &b"world"[..]));
    assert_eq!(headers["content-range"], "bytes 7-11/13");
    let (status, headers, body) = client.send("HEAD", "/files/hello.txt", &[], b"").await;
    assert_eq!((status, body.len()), (200, 0));
    assert_eq!(headers["content-length"], "13");
    let (status, _, body) = client.send("GET", "/api/v1/list", &[], b"").await;
    assert_eq!(status, 200);
    assert!(String::from_utf8(body).unwrap().contains("hello.txt"));
    let (status, _, body) = client.send("GET", "/files/absent", &[("accept", "application/json")], b"").await;
    assert_eq!(status, 404);
    assert!(String::from_utf8(body).unwrap().contains("not_found"));
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

/// A proxy and this server could take different names for that of the request (RFC 9113 §8.3.1).
#[tokio::test]
async fn a_host_other_than_the_authority_is_refused() {
    let gateway = TlsGateway::start().await;
    let client = gateway.h2().await;
    let own = client.host.clone();
    assert_eq!(client.send("GET", "/files/hello.txt", &[("host", &own)], b"").await.0, 200);
    for host in ["localhost", "127.0.0.1", "evil.example"] {
        assert_eq!(client.send("GET", "/files/hello.txt", &[("host", host)], b"").await.0, 400, "{host}");
    }
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

/// TLS excludes sendfile, so these files are read and encrypted by the gateway.
#[tokio::test]
async fn files_on_disk_are_sent_over_both_http_versions() {
    let place = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..5_000_000_u32).map(|index| (index % 251) as u8 + 1).collect();
    std::fs::write(place.path().join("large.bin"), &content).unwrap();
    let storage = LocalStorage::open(place.path(), None).unwrap();
    let gateway = TlsGateway::with_config(storage.into(), first_pair(), GatewayConfig::default()).await;
    let client = gateway.h2().await;
    for (range, from, to) in
        [("bytes=0-", 0, 5_000_000), ("bytes=3-900000", 3, 900_001), ("bytes=-1", 4_999_999, 5_000_000)]
    {
        let answer = gateway.send("GET", "/files/large.bin", &format!("range: {range}\r\n")).await;
        assert!(answer.status == 206 && answer.complete && answer.body == content[from..to], "{range}");
        let (status, _, body) = client.send("GET", "/files/large.bin", &[("range", range)], b"").await;
        assert!(status == 206 && body == content[from..to], "{range}");
    }
    assert!(gateway.send("GET", "/files/large.bin", "").await.body == content);
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn http_2_accepts_uploads() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let gateway = TlsGateway::with_config(Arc::new(small_tree()), first_pair(), config).await;
    let client = gateway.h2().await;
    // Larger than the flow-control windows of stream and connection.
    let content: Vec<u8> = (0..9_000_000_u32).map(|index| (index % 251) as u8).collect();
    let (status, ..) = client.send("PUT", "/files/large.bin", &[], &content).await;
    assert_eq!(status, 201);
    assert!(client.send("GET", "/files/large.bin", &[], b"").await.2 == content);

    let tus = [("tus-resumable", "1.0.0"), ("upload-length", "10"), ("upload-metadata", "filename dHVzLnR4dA==")];
    let (status, headers, _) = client.send("POST", "/api/v1/uploads", &tus, b"").await;
    assert_eq!(status, 201);
    // `Location` is relative to the address of the request.
    let target = &format!("/api/v1/{}", headers["location"].to_str().unwrap());
    for (offset, piece) in [("0", b"01234"), ("5", b"56789")] {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("upload-offset", offset),
            ("content-type", "application/offset+octet-stream"),
        ];
        assert_eq!(client.send("PATCH", target, &headers, piece).await.0, 204, "{offset}");
    }
    assert_eq!(client.send("GET", "/files/tus.txt", &[], b"").await.2, b"0123456789");

    // A refusal arrives although the body is not read.
    let (status, ..) = client.send("PUT", "/files/docs", &[], &content).await;
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn events_and_many_requests_share_a_connection() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let gateway = TlsGateway::with_config(Arc::new(small_tree()), first_pair(), config).await;
    let client = gateway.h2().await;
    let mut events = client.begin("GET", "/api/v1/events?path=", &[], b"").await.into_body();
    let begin = timeout(TEST_TIMEOUT, events.data()).await.unwrap().unwrap().unwrap();
    assert!(!begin.is_empty());
    let asks = (0..100).map(|number| {
        let client = &client;
        async move { client.send("PUT", &format!("/files/{number}"), &[], b"x").await.0 }
    });
    assert!(futures_util::future::join_all(asks).await.iter().all(|status| *status == 201));
    let event = timeout(TEST_TIMEOUT, events.data()).await.unwrap().unwrap().unwrap();
    assert!(!event.is_empty());
    drop((events, client));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn http_2_requests_over_the_limits_are_refused() {
    let gateway = TlsGateway::start().await;
    let client = gateway.h2().await;
    let long = "x".repeat(40_000);
    let (status, ..) = client.send("GET", "/healthz", &[("x-long", &long)], b"").await;
    assert_eq!(status, 431);
    let (status, ..) = client.send("GET", &format!("/files/{}", "x".repeat(25_000)), &[], b"").await;
    assert_eq!(status, 414);
    // A host name that is not configured, as after DNS rebinding.
    let strange = Request::builder().uri("https://evil.example/healthz").body(()).unwrap();
    let (response, _) = client.sender.clone().ready().await.unwrap().send_request(strange, true).unwrap();
    assert_eq!(timeout(TEST_TIMEOUT, response).await.unwrap().unwrap().status(), 421);
    assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn concurrent_http_2_streams_are_limited() {
    let gateway = TlsGateway::start().await;
    let client = gateway.h2().await;
    // SETTINGS arrives before the first response.
    assert_eq!(client.send("GET", "/healthz", &[], b"").await.0, 200);
    assert_eq!(client.sender.current_max_send_streams(), 128);
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_flood_of_resets_ends_only_its_connection() {
    let gateway = TlsGateway::start().await;
    let client = gateway.h2().await;
    let other = gateway.h2().await;
    let flood = async {
        let mut taken_back = 0_u32;
        loop {
            let Ok(mut sender) = client.sender.clone().ready().await else { return taken_back };
            let Ok((_, mut stream)) = sender.send_request(client.request("GET", "/healthz", &[]), true) else {
                return taken_back;
            };
            stream.send_reset(Reason::CANCEL);
            taken_back += 1;
            // Lets the connection's task send the requests; a hostile client sends many at once.
            if taken_back.is_multiple_of(100) {
                tokio::task::yield_now().await;
            }
            if taken_back > 100_000 {
                return taken_back;
            }
        }
    };
    timeout(TEST_TIMEOUT, flood).await.expect("the connection neither serves nor ends");
    assert_eq!(other.send("GET", "/files/hello.txt", &[], b"").await.2, b"hello, world\n");
    drop((client, other));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_stalled_http_2_stream_is_reset_and_others_continue() {
    let storage = small_tree();
    storage.add_file("large.bin", vec![1; 8 << 20]).unwrap();
    let config = GatewayConfig { stall_time: Duration::from_millis(300), ..GatewayConfig::default() };
    let gateway = TlsGateway::with_config(Arc::new(storage), first_pair(), config).await;
    let client = gateway.h2_with(h2::client::Builder::new().initial_connection_window_size(64 << 20)).await;
    let mut stalled = client.begin("GET", "/files/large.bin", &[], b"").await.into_body();
    // Without released capacity the flow-control window stays full.
    let error = timeout(TEST_TIMEOUT, async {
        loop {
            match stalled.data().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("the stalled stream is complete"),
            }
        }
    });
    let error = error.await.expect("the connection stays open");
    assert!(error.is_reset(), "{error:?}");
    assert_eq!(client.send("GET", "/files/large.bin", &[], b"").await.2.len(), 8 << 20);
    drop(client);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn shutdown_sends_goaway_and_finishes_running_requests() {
    let storage = small_tree();
    storage.add_file("large.bin", vec![1; 8 << 20]).unwrap();
    let gateway = TlsGateway::with_config(Arc::new(storage), first_pair(), GatewayConfig::default()).await;
    let client = gateway.h2().await;
    let mut body = client.begin("GET", "/files/large.bin", &[], b"").await.into_body();
    gateway.shutdown.cancel();
    assert_eq!(read(&mut body).await.len(), 8 << 20);
    timeout(TEST_TIMEOUT, client.connection).await.expect("the connection stays open after GOAWAY").unwrap().unwrap();
    timeout(TEST_TIMEOUT, gateway.task).await.expect("the gateway does not stop").unwrap();
    gateway.server.stop().await;
}
