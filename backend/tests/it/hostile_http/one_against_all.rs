//! One client takes all that it can get, and others are served meanwhile. The addresses of clients differ, and
//! on Linux all of 127.0.0.0/8 is this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use backend::admission::LeastPace;
use backend::client::PoolConfig;
use backend::gateway::{Anonymous, GatewayConfig};
use backend::server::ServerConfig;
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use futures_util::future::select_all;
use shared::{Timestamp, TrashId, VPath};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};
use crate::test_server::TestServer;

const ATTACKER: [u8; 4] = [127, 0, 0, 2];
const OTHER: [u8; 4] = [127, 0, 0, 3];
/// More than the sockets of a connection hold.
const LARGE_BYTES: usize = 64 << 20;
/// Folders that are watched in these tests.
const FOLDERS: usize = 300;

fn config() -> GatewayConfig {
    GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() }
}

async fn gateway(config: GatewayConfig, pool: PoolConfig) -> TestGateway {
    let storage = MemoryStorage::new();
    storage.add_file("large", vec![5; LARGE_BYTES]).unwrap();
    storage.add_file("hello.txt", "hello").unwrap();
    for number in 0..FOLDERS {
        storage.add_folder(format!("f{number}")).unwrap();
    }
    TestGateway::in_front_of(TestServer::with_storage(Arc::new(storage)).await.with_pool(pool), config).await
}

async fn connect(gateway: &TestGateway, from: [u8; 4]) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(gateway.address).await.unwrap()
}

/// Sends a request on a connection that stays open, and reads nothing.
async fn begin(gateway: &TestGateway, from: [u8; 4], head: &str) -> TcpStream {
    let mut stream = connect(gateway, from).await;
    stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await.unwrap();
    stream
}

/// The status of the answer on a connection.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    timeout(TEST_TIMEOUT, stream.read_exact(&mut line)).await.expect("no answer comes").unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

async fn send(gateway: &TestGateway, from: [u8; 4], head: &str, body: &[u8]) -> HttpResponse {
    let length = body.len();
    let head = format!("{head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let mut stream = connect(gateway, from).await;
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the gateway does not close");
    HttpResponse::read(&answer, false).unwrap_or_else(|| panic!("{head}: {answer:?}"))
}

/// Waits until the metrics have this line.
async fn wait_for(gateway: &TestGateway, line: &str) {
    for _ in 0..600 {
        if send(gateway, OTHER, "GET /metrics", b"").await.text().contains(line) {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{line} is not in {}", send(gateway, OTHER, "GET /metrics", b"").await.text());
}

async fn assert_changes_work(gateway: &TestGateway, from: [u8; 4]) {
    let put = send(gateway, from, "PUT /files/new.txt", b"new").await;
    assert!([200, 201, 204].contains(&put.status), "{put:?}");
    let change = br#"{"action":"make_folder","paths":["made"]}"#;
    let length = change.len();
    let head = "POST /api/v1/changes HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
    let mut stream = begin(gateway, from, &format!("{head}\r\ncontent-length: {length}")).await;
    stream.write_all(change).await.unwrap();
    assert_eq!(status(&mut stream).await, 200);
}

async fn assert_served(gateway: &TestGateway, from: [u8; 4]) {
    assert_eq!(send(gateway, from, "GET /files/hello.txt", b"").await.text(), "hello");
    assert_eq!(send(gateway, from, "GET /api/v1/list?path=", b"").await.status, 200);
    assert_changes_work(gateway, from).await;
}

const UNREAD: &str = "GET /files/large HTTP/1.1\r\nhost: localhost";

#[tokio::test]
async fn silent_sockets_of_one_client_leave_places_to_others() {
    let config = GatewayConfig { connections_max: 64, new_connections_max: 64, ..config() };
    let gateway = gateway(config, PoolConfig::default()).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(connect(&gateway, ATTACKER).await);
    }
    assert_served(&gateway, OTHER).await;
    wait_for(&gateway, "passerelle_places_held{kind=\"http_new_connections\"} 16\n").await;
    drop(silent);
    gateway.assert_healthy_and_stop().await;
}

/// The connection is closed after what was sent on it.
async fn assert_closed(stream: &mut TcpStream) {
    let closed = timeout(TEST_TIMEOUT, stream.read_to_end(&mut Vec::new())).await;
    closed.expect("the connection stays open").unwrap();
}

/// Waits until the oldest connection of one attacker is closed, and returns what came on it.
async fn closed_one(streams: &mut [TcpStream]) -> Vec<u8> {
    let ends = streams.iter_mut().step_by(16).map(|stream| {
        Box::pin(async {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            rest
        })
    });
    timeout(TEST_TIMEOUT, select_all(ends)).await.expect("no connection is closed").0
}

/// Clients that together may have all places.
const ATTACKERS: [[u8; 4]; 4] = [[127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4], [127, 0, 0, 5]];
const NEWCOMER: [u8; 4] = [127, 0, 0, 6];

/// Connections lose their places as soon as they rest.
fn without_rest_time() -> GatewayConfig {
    GatewayConfig { rest_time: Duration::ZERO, ..config() }
}

/// As many connections of each attacker as it may have of 64.
async fn connect_all(gateway: &TestGateway) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for attacker in ATTACKERS {
        for _ in 0..16 {
            streams.push(connect(gateway, attacker).await);
        }
    }
    streams
}

#[tokio::test]
async fn silent_sockets_that_hold_all_places_make_room_for_another_client() {
    let config = GatewayConfig { connections_max: 64, new_connections_max: 64, ..without_rest_time() };
    let gateway = gateway(config, PoolConfig::default()).await;
    let mut silent = connect_all(&gateway).await;
    assert_served(&gateway, NEWCOMER).await;
    wait_for(&gateway, "passerelle_http_connections_refused_total 0\n").await;
    assert_eq!(closed_one(&mut silent).await, b"");
    // A client that goes on to send its headers has its place.
    for stream in &mut silent[48..] {
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\n").await;
    }
    assert_eq!(send(&gateway, NEWCOMER, "GET /files/hello.txt", b"").await.text(), "hello");
    silent[63].write_all(b"host: localhost\r\n\r\n").await.unwrap();
    assert_eq!(status(&mut silent[63]).await, 200);
    drop(silent);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn idle_connections_that_hold_all_places_make_room_for_another_client() {
    let config = GatewayConfig { connections_max: 64, ..without_rest_time() };
    let gateway = gateway(config, PoolConfig::default()).await;
    let mut idle = connect_all(&gateway).await;
    for stream in &mut idle {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(status(stream).await, 200);
    }
    assert_served(&gateway, NEWCOMER).await;
    wait_for(&gateway, "passerelle_http_connections_refused_total 0\n").await;
    // Closed without an answer that belongs to no request.
    let rest = closed_one(&mut idle).await;
    assert!(rest.ends_with(b"ok\n"), "{:?}", String::from_utf8_lossy(&rest));
    // A connection with a part of a request rests.
    for stream in &mut idle {
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\n").await;
    }
    assert_eq!(send(&gateway, NEWCOMER, "GET /files/hello.txt", b"").await.text(), "hello");
    drop(idle);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_client_that_needs_more_connections_loses_its_own_idle_ones() {
    let config = GatewayConfig { connections_max: 64, ..without_rest_time() };
    let gateway = gateway(config, PoolConfig::default()).await;
    let mut idle = Vec::new();
    for _ in 0..80 {
        let mut stream = begin(&gateway, ATTACKER, "GET /healthz HTTP/1.1\r\nhost: localhost").await;
        assert_eq!(status(&mut stream).await, 200);
        idle.push(stream);
    }
    for stream in &mut idle[..64] {
        assert_closed(stream).await;
    }
    wait_for(&gateway, "passerelle_http_connections_made_room_total 64\n").await;
    idle[79].write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    assert_served(&gateway, OTHER).await;
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn busy_connections_of_one_client_leave_places_to_others() {
    let config = GatewayConfig { connections_max: 64, ..without_rest_time() };
    let gateway = gateway(config, PoolConfig::default()).await;
    let mut unread = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let mut stream = begin(&gateway, ATTACKER, UNREAD).await;
        statuses.push(status(&mut stream).await);
        unread.push(stream);
    }
    assert_eq!((statuses.iter().filter(|status| **status == 200).count(), statuses[19]), (16, 429));
    assert_served(&gateway, OTHER).await;
    assert_closed(&mut unread[19]).await;
    wait_for(&gateway, "passerelle_http_connections_refused_total 4\n").await;
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn answers_that_one_client_does_not_read_leave_the_file_server_to_others() {
    // None of the requests gives up before all of them wait.
    let lease_time = TEST_TIMEOUT;
    let pool = PoolConfig { reading_connections_max: 8, owner_percent: 25, lease_time, ..PoolConfig::default() };
    let gateway = gateway(config(), pool).await;
    let mut unread = Vec::new();
    for _ in 0..16 {
        unread.push(begin(&gateway, ATTACKER, UNREAD).await);
    }
    wait_for(&gateway, "passerelle_places_waiting{kind=\"reading\"} 12\n").await;
    assert_served(&gateway, OTHER).await;
    drop(unread);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_client_that_waits_too_long_for_its_own_share_learns_that_it_is_its_own() {
    let lease_time = Duration::from_millis(50);
    let pool = PoolConfig { reading_connections_max: 8, owner_percent: 25, lease_time, ..PoolConfig::default() };
    let gateway = gateway(config(), pool).await;
    let mut unread = Vec::new();
    for _ in 0..5 {
        unread.push(begin(&gateway, ATTACKER, UNREAD).await);
    }
    let mut statuses = Vec::new();
    for stream in &mut unread {
        statuses.push(status(stream).await);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
    wait_for(&gateway, "passerelle_places_refused{kind=\"reading\"} 1\n").await;
    assert_served(&gateway, OTHER).await;
    drop(unread);
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn changes_and_listings_do_not_wait_behind_downloads() {
    let pool = PoolConfig { reading_connections_max: 4, ..PoolConfig::default() };
    let gateway = gateway(config(), pool).await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(begin(&gateway, ATTACKER, UNREAD).await);
    }
    wait_for(&gateway, "passerelle_places_held{kind=\"reading\"} 4\n").await;
    assert_eq!(send(&gateway, OTHER, "GET /api/v1/list?path=", b"").await.status, 200);
    assert_changes_work(&gateway, OTHER).await;
    drop(unread);
    gateway.assert_healthy_and_stop().await;
}

/// Longer than it takes to see that all places are held, and shorter than a request waits for one.
const PACE_TIME: Duration = Duration::from_secs(2);

fn strict_pace() -> GatewayConfig {
    GatewayConfig { least_pace: LeastPace { bytes: 1000, time: PACE_TIME }, ..config() }
}

#[tokio::test]
async fn downloads_that_are_not_read_end_once_places_are_scarce() {
    let pool = PoolConfig { reading_connections_max: 4, ..PoolConfig::default() };
    let gateway = gateway(strict_pace(), pool).await;
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(begin(&gateway, ATTACKER, UNREAD).await);
    }
    wait_for(&gateway, "passerelle_places_held{kind=\"reading\"} 4\n").await;
    assert_served(&gateway, OTHER).await;
    // The first that ends makes places for the others, which the test reads to their end.
    let (mut whole, mut buffer) = (0, vec![0; 1 << 20]);
    for mut stream in unread {
        let mut taken = 0;
        while taken <= LARGE_BYTES {
            match timeout(TEST_TIMEOUT, stream.read(&mut buffer)).await.expect("the connection stays open") {
                Ok(count) if count > 0 => taken += count,
                _ => break,
            }
        }
        whole += usize::from(taken > LARGE_BYTES);
    }
    assert!(whole < 4, "{whole}");
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn uploads_that_stand_still_end_once_places_are_scarce() {
    let pool = PoolConfig { changing_connections_max: 4, ..PoolConfig::default() };
    let gateway = gateway(strict_pace(), pool).await;
    let mut still = Vec::new();
    for number in 0..4 {
        let head = format!("PUT /files/up{number} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {LARGE_BYTES}");
        let mut stream = begin(&gateway, ATTACKER, &head).await;
        stream.write_all(&vec![7; 600 << 10]).await.unwrap();
        still.push(stream);
    }
    wait_for(&gateway, "passerelle_places_held{kind=\"changing\"} 4\n").await;
    assert_served(&gateway, OTHER).await;
    drop(still);
    gateway.assert_healthy_and_stop().await;
}

async fn watch(gateway: &TestGateway, from: [u8; 4], folder: usize, more: &str) -> (u16, TcpStream) {
    let head =
        format!("GET /api/v1/events?path=f{folder} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream{more}");
    let mut stream = begin(gateway, from, &head).await;
    (status(&mut stream).await, stream)
}

/// The promise is 1024 event streams.
#[tokio::test]
async fn hundreds_of_folders_are_watched() {
    let gateway = gateway(config(), PoolConfig::default()).await;
    let mut held = Vec::new();
    for folder in 0..FOLDERS {
        let (status, stream) = watch(&gateway, [127, 0, 1, (folder % 2) as u8 + 1], folder, "").await;
        assert_eq!(status, 200, "{folder}");
        held.push(stream);
    }
    assert_served(&gateway, OTHER).await;
    drop(held);
    gateway.assert_healthy_and_stop().await;
}

/// How many of 20 event streams are accepted.
async fn accepted(gateway: &TestGateway, from: [u8; 4], more: &str) -> (usize, Vec<TcpStream>) {
    let mut held = Vec::new();
    let mut count = 0;
    for folder in 0..20 {
        let (status, stream) = watch(gateway, from, folder, more).await;
        assert!(status == 200 || status == 429, "{status}");
        count += usize::from(status == 200);
        held.push(stream);
    }
    (count, held)
}

#[tokio::test]
async fn event_streams_are_bounded_for_each_address() {
    let gateway = gateway(GatewayConfig { event_streams_max: 60, ..config() }, PoolConfig::default()).await;
    let first = accepted(&gateway, ATTACKER, "").await;
    let second = accepted(&gateway, OTHER, "").await;
    assert_eq!((first.0, second.0), (16, 16));
    drop((first, second));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_are_bounded_by_their_own_addresses() {
    let trusted_proxies = vec!["127.0.0.2".parse().unwrap()];
    let gateway =
        gateway(GatewayConfig { event_streams_max: 60, trusted_proxies, ..config() }, PoolConfig::default()).await;
    let first = accepted(&gateway, ATTACKER, "\r\nx-forwarded-for: 198.51.100.1, 203.0.113.7").await;
    let again = accepted(&gateway, ATTACKER, "\r\nx-forwarded-for: 198.51.100.2, 203.0.113.7").await;
    let other = accepted(&gateway, ATTACKER, "\r\nx-forwarded-for: 203.0.113.8").await;
    assert_eq!((first.0, again.0, other.0), (16, 0, 16));
    drop((first, again, other));
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn clients_that_an_unknown_proxy_of_this_machine_hides_have_no_bound_of_their_own() {
    let gateway = gateway(GatewayConfig { event_streams_max: 60, ..config() }, PoolConfig::default()).await;
    let hidden = accepted(&gateway, ATTACKER, "\r\nx-forwarded-for: 203.0.113.7").await;
    assert_eq!(hidden.0, 20);
    drop(hidden);
    gateway.assert_healthy_and_stop().await;
}

/// The head of a request with a long body.
fn long_body(target: &str, kind: &str, length: usize) -> String {
    format!("POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\ncontent-length: {length}")
}

#[tokio::test]
async fn unfinished_bodies_of_one_client_leave_memory_to_others() {
    let gateway = gateway(config(), PoolConfig::default()).await;
    let part = vec![b'a'; 1 << 20];
    let mut unfinished = Vec::new();
    for _ in 0..20 {
        let head = long_body("/api/v1/archive", "application/x-www-form-urlencoded", 4 << 20);
        let mut stream = begin(&gateway, ATTACKER, &head).await;
        stream.write_all(&part).await.unwrap();
        unfinished.push(stream);
    }
    wait_for(&gateway, "passerelle_places_held{kind=\"body_bytes\"} 16777216\n").await;
    wait_for(&gateway, "passerelle_places_refused{kind=\"body_bytes\"} 4\n").await;
    // Short bodies take no share.
    assert_served(&gateway, ATTACKER).await;
    let long = format!("{{\"action\":\"delete\",\"items\":[{{\"path\":\"absent\"}}]{}}}", " ".repeat(100_000));
    for (from, expected) in [(ATTACKER, 429), (OTHER, 404)] {
        let mut stream = begin(&gateway, from, &long_body("/api/v1/changes", "application/json", long.len())).await;
        stream.write_all(long.as_bytes()).await.unwrap();
        assert_eq!(status(&mut stream).await, expected);
    }
    // A file is stored in steps without a share.
    assert_eq!(send(&gateway, ATTACKER, "PUT /files/small", &part[..200_000]).await.status, 201);
    drop(unfinished);
    wait_for(&gateway, "passerelle_places_held{kind=\"body_bytes\"} 0\n").await;
    gateway.assert_healthy_and_stop().await;
}

/// Values and parameters take many times the memory and the time of their text, so they are counted before they are
/// read.
#[tokio::test]
async fn bodies_of_a_million_values_are_refused_unread() {
    let gateway = gateway(config(), PoolConfig::default()).await;
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let values = format!("{{\"action\":\"make_folder\",\"paths\":[{}\"a\"]}}", "\"a\",".repeat(20_000));
    let long = format!("{{\"action\":\"make_folder\",\"paths\":[\"{}\"]}}", "a".repeat(600_000));
    let unknown = format!("{{\"action\":\"{}\"}}", "a".repeat(100_000));
    for (target, kind, body, expected) in [
        ("/api/v1/archive", form, "a&".repeat(2_000_000), 413),
        ("/api/v1/archive", form, "&".repeat(4_000_000), 413),
        ("/api/v1/changes", json, values, 413),
        ("/api/v1/changes", json, long, 413),
        ("/api/v1/changes", json, unknown, 400),
    ] {
        let length = body.len();
        let head = long_body(target, kind, length) + "\r\nconnection: close\r\n\r\n";
        let mut stream = connect(&gateway, OTHER).await;
        let mut answer = Vec::new();
        // The answer may come before the end of the body.
        let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the gateway does not close");
        let answer = HttpResponse::read(&answer, false).unwrap();
        assert_eq!(answer.status, expected, "{target} {length}");
        assert!(answer.body.len() < 4096, "{target} {length}");
    }
    gateway.assert_healthy_and_stop().await;
}

/// 85 letters of three bytes, which JSON has as 765 characters.
fn long_name() -> String {
    "\u{5b57}".repeat(85)
}

/// As many answers as the client gets before one is refused, at most 40. It reads only their first line.
async fn unread(gateway: &TestGateway, from: [u8; 4], target: &str) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..40 {
        let head = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\naccept: application/json, text/html");
        let mut stream = begin(gateway, from, &head).await;
        match status(&mut stream).await {
            200 => held.push(stream),
            429 => break,
            other => panic!("{other}"),
        }
    }
    held
}

/// A page has 11 MB, and one client may have 64 MiB.
#[tokio::test]
async fn whole_answers_that_one_client_does_not_read_take_little_memory() {
    const ITEMS: u32 = 1000;
    let deep = vec![long_name(); 14].join("/");
    let storage = MemoryStorage::new();
    storage.add_file("hello.txt", "hello").unwrap();
    for number in 0..ITEMS {
        storage.add_file(format!("{deep}/kept{number}"), "x").unwrap();
        storage.add_file(format!("{deep}/thrown{number}"), "x").unwrap();
        let path = VPath::from_bytes(format!("{deep}/thrown{number}").into_bytes()).unwrap();
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        storage.trash(&path, None, TrashId(id), Timestamp(1)).unwrap();
    }
    let gateway = TestGateway::in_front_of(TestServer::with_storage(Arc::new(storage)).await, config()).await;
    let folder = VPath::from_bytes(deep.into_bytes()).unwrap().encoded();
    for target in ["/api/v1/trash".to_owned(), format!("/api/v1/list/{folder}")] {
        let held = unread(&gateway, ATTACKER, &target).await;
        assert!((1..=7).contains(&held.len()), "{} of {target}", held.len());
        assert_eq!(send(&gateway, OTHER, &format!("GET {target}"), b"").await.status, 200);
        assert_eq!(send(&gateway, ATTACKER, "GET /files/hello.txt", b"").await.text(), "hello");
        drop(held);
        wait_for(&gateway, "passerelle_places_held{kind=\"answer_bytes\"} 0\n").await;
    }
    gateway.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn listings_that_two_clients_do_not_read_leave_memory_to_others() {
    let storage = MemoryStorage::new();
    for number in 0..10_000 {
        storage.add_file(format!("long/{number:05}{}", "\u{5b57}".repeat(80)), "x").unwrap();
    }
    let server = ServerConfig { listed_bytes_max: 48 << 20, ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(storage), server).await;
    let gateway = TestGateway::in_front_of(server, config()).await;
    let mut held = Vec::new();
    for attacker in [[127, 0, 0, 2], [127, 0, 0, 4]] {
        let of_one = unread(&gateway, attacker, "/files/long/").await;
        assert!((1..40).contains(&of_one.len()), "{}", of_one.len());
        held.push(of_one);
    }
    let served = unread(&gateway, OTHER, "/files/long/").await;
    assert!(!served.is_empty());
    drop((held, served));
    gateway.assert_healthy_and_stop().await;
}
