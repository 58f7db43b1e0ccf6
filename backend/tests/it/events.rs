//! Server-sent events of a folder, as a browser receives them.

use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use shared::{EventId, EventKind};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::test_gateway::{TEST_TIMEOUT, TestGateway};
use super::test_server::small_tree;

/// A minimal `EventSource` of browsers: reads events and remembers the last id.
struct EventSource {
    reader: BufReader<TcpStream>,
    status: u16,
    last: String,
}

impl EventSource {
    async fn open(gateway: &TestGateway, query: &str, last: Option<&str>) -> Self {
        let mut stream = gateway.connect().await;
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /api/v1/events?{query} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n{last}\r\n",
            gateway.address
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut source = Self { reader: BufReader::new(stream), status: 0, last: String::new() };
        let first = source.line().await.unwrap();
        source.status = first.split(' ').nth(1).unwrap().parse().unwrap();
        while !source.line().await.unwrap().is_empty() {}
        source
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(TEST_TIMEOUT, self.reader.read_line(&mut line)).await.expect("no line arrives");
        match read {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// The next event; `None` at the end of the stream. Skips the lines with the lengths of chunks.
    async fn next(&mut self) -> Option<EventKind> {
        loop {
            let line = self.line().await?;
            if let Some(id) = line.strip_prefix("id: ") {
                assert!(EventId::parse(id).is_some(), "{id}");
                self.last = id.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// Reads events until one matches `wanted`.
    async fn wait_for(&mut self, wanted: impl Fn(&EventKind) -> bool) {
        loop {
            let kind = self.next().await.expect("the stream ends");
            if wanted(&kind) {
                return;
            }
        }
    }

    async fn wait_for_event_of(&mut self, name: &str) {
        self.wait_for(|kind| match kind {
            EventKind::Present { entry } => entry.path.encoded() == name,
            EventKind::Absent { path } => path.encoded() == name,
            _ => false,
        })
        .await;
    }
}

async fn put(gateway: &TestGateway, target: &str) {
    let response = gateway.send("PUT", &format!("/files/{target}"), &[], b"x").await;
    assert!(matches!(response.status, 201 | 204), "{response:?}");
}

#[tokio::test]
async fn all_streams_of_a_folder_share_one_watch() {
    let gateway = TestGateway::writable().await;
    let (mut first, mut second) =
        (EventSource::open(&gateway, "path=docs", None).await, EventSource::open(&gateway, "path=docs", None).await);
    let mut elsewhere = EventSource::open(&gateway, "path=", None).await;
    assert_eq!(first.status, 200);
    for source in [&mut first, &mut second, &mut elsewhere] {
        assert_eq!(source.next().await, Some(EventKind::Ready));
    }
    assert_eq!(gateway.server.client.status().watching.busy, 2);
    put(&gateway, "docs/new.txt").await;
    first.wait_for_event_of("docs/new.txt").await;
    second.wait_for_event_of("docs/new.txt").await;
    put(&gateway, "top").await;
    elsewhere.wait_for_event_of("top").await;
    assert_eq!(gateway.send("DELETE", "/files/docs/new.txt", &[], b"").await.status, 204);
    first.wait_for(|kind| matches!(kind, EventKind::Absent { path } if path.encoded() == "docs/new.txt")).await;
    drop((first, second, elsewhere));
    // The last stream of a folder ends its watch. Changes make the gateway notice the closed connections.
    let over = async {
        while gateway.server.client.status().watching.busy > 0 {
            put(&gateway, "docs/x").await;
            put(&gateway, "x").await;
        }
    };
    timeout(TEST_TIMEOUT, over).await.expect("a watch continues without a stream");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn last_event_id_replays_missed_events() {
    let gateway = TestGateway::writable().await;
    let mut other = EventSource::open(&gateway, "path=", None).await;
    let mut source = EventSource::open(&gateway, "path=", None).await;
    assert_eq!(source.next().await, Some(EventKind::Ready));
    put(&gateway, "a").await;
    source.wait_for_event_of("a").await;
    let last = source.last.clone();
    drop(source);
    put(&gateway, "b").await;
    other.wait_for_event_of("b").await;
    let mut again = EventSource::open(&gateway, "path=&after=0.0", Some(&last)).await;
    assert_eq!(again.next().await, Some(EventKind::Ready));
    again.wait_for_event_of("b").await;
    let mut lost = EventSource::open(&gateway, "path=", Some("nonsense")).await;
    assert_eq!((lost.next().await, lost.next().await), (Some(EventKind::Ready), Some(EventKind::Resync)));
    gateway.shutdown.cancel();
    gateway.task.await.unwrap();
    gateway.server.stop().await;
}

#[tokio::test]
async fn streams_end_with_the_gateway() {
    let gateway = TestGateway::writable().await;
    let mut source = EventSource::open(&gateway, "path=", None).await;
    assert_eq!(source.next().await, Some(EventKind::Ready));
    gateway.shutdown.cancel();
    assert_eq!(source.next().await, None);
    timeout(TEST_TIMEOUT, gateway.task).await.expect("a stream keeps the gateway running").unwrap();
    gateway.server.stop().await;
}

#[tokio::test]
async fn invalid_event_requests_are_refused() {
    let config = GatewayConfig { anonymous: Anonymous::Write, event_streams_max: 1, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    gateway.get("/api/v1/events?path=none").await.assert_problem(404, "not_found");
    gateway.get("/api/v1/events?path=hello.txt").await.assert_problem(404, "not_folder");
    gateway.get("/api/v1/events").await.assert_problem(400, "bad_request");
    gateway.get("/api/v1/events?path=..").await.assert_problem(400, "bad_path");
    gateway
        .get_with("/api/v1/events?path=", &[("accept", "application/json")])
        .await
        .assert_problem(406, "not_acceptable");
    let head = gateway.head("/api/v1/events?path=").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream; charset=utf-8")));
    let mut source = EventSource::open(&gateway, "path=", None).await;
    assert_eq!(source.next().await, Some(EventKind::Ready));
    gateway.get("/api/v1/events?path=docs").await.assert_problem(429, "too_many_requests");
    drop(source);
    gateway.assert_healthy_and_stop().await;
}
