//! HTTPS and HTTP/2. The client trusts only the authority in `certificates/`, which is valid for a hundred years.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, Gateway, GatewayConfig, Tls, TlsError, TlsFiles, serve_tls};
use backend::storage::Storage;
use backend::storage::local::LocalStorage;
use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{pause, resume, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use super::test_gateway::{HttpResponse, TEST_TIMEOUT, TestGateway};
use super::test_server::{TestServer, small_tree};

const H1: &[u8] = b"http/1.1";
const H2: &[u8] = b"h2";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/certificates").join(name)
}

fn files(cert: &str, key: &str) -> TlsFiles {
    TlsFiles { cert: fixture(cert), key: fixture(key) }
}

fn first() -> TlsFiles {
    files("first.pem", "first.key.pem")
}

/// A gateway with a certificate. Runs until it is dropped.
struct TlsGateway {
    server: TestServer,
    address: std::net::SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl TlsGateway {
    async fn start() -> Self {
        Self::with_config(small_tree(), first(), GatewayConfig::default()).await
    }

    async fn with_config(storage: impl Storage + 'static, files: TlsFiles, config: GatewayConfig) -> Self {
        let server = TestServer::with_storage(Arc::new(storage)).await.in_process();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let gateway = Gateway::new(server.client.clone(), config);
        let tls = Tls::open(files).unwrap();
        let task = tokio::spawn(serve_tls(listener, gateway, tls, shutdown.clone()));
        Self { server, address, shutdown, task }
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        self.connect_by(client(&[protocol], rustls::DEFAULT_VERSIONS)).await
    }

    async fn connect_by(&self, config: ClientConfig) -> TlsStream<TcpStream> {
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.tcp().await).await.unwrap()
    }

    /// Sends one request over HTTP/1.1 on a new connection.
    async fn ask(&self, method: &str, target: &str, headers: &str) -> HttpResponse {
        let mut stream = self.connect(H1).await;
        let host = self.address;
        let request = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the gateway does not close").unwrap();
        HttpResponse::read(&answer, method == "HEAD").unwrap()
    }

    async fn h2(&self) -> H2Client {
        self.h2_with(&mut h2::client::Builder::new()).await
    }

    async fn h2_with(&self, builder: &mut h2::client::Builder) -> H2Client {
        let stream = self.connect(H2).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
        let (sender, connection) = builder.handshake(stream).await.unwrap();
        let host = self.address.to_string();
        H2Client { sender, host, connection: tokio::spawn(connection) }
    }

    /// Checks that the gateway still serves requests, and that gateway and file server stop in time.
    async fn assert_healthy_and_stop(self) {
        assert_eq!(self.ask("GET", "/healthz", "").await.status, 200);
        self.shutdown.cancel();
        timeout(TEST_TIMEOUT, self.task).await.expect("the gateway does not stop").unwrap();
        self.server.stop().await;
    }
}

/// A client that trusts the authority of the fixtures and offers these ALPN protocols.
fn client(protocols: &[&[u8]], versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// One connection of HTTP/2.
struct H2Client {
    sender: SendRequest<Bytes>,
    host: String,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl H2Client {
    fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri(format!("https://{}{target}", self.host));
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    async fn begin(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<RecvStream> {
        let mut sender = self.sender.clone().ready().await.unwrap();
        let mut request = self.request(method, target, headers);
        if !body.is_empty() {
            request.headers_mut().insert("content-length", body.len().into());
        }
        let (response, mut sending) = sender.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            sending.send_data(Bytes::copy_from_slice(body), true).unwrap();
        }
        timeout(TEST_TIMEOUT, response).await.expect("no answer").unwrap()
    }

    async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, HeaderMap, Vec<u8>) {
        let response = self.begin(method, target, headers, body).await;
        let (parts, mut stream) = response.into_parts();
        (parts.status.as_u16(), parts.headers, read(&mut stream).await)
    }
}

async fn read(stream: &mut RecvStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(piece) = timeout(TEST_TIMEOUT, stream.data()).await.expect("no data") {
        let piece = piece.unwrap();
        stream.flow_control().release_capacity(piece.len()).unwrap();
        whole.extend_from_slice(&piece);
    }
    whole
}

#[tokio::test]
async fn tls_1_2_and_1_3_work_with_every_key_format() {
    for (pair, name) in [
        (first(), "PKCS#8"),
        (files("second.pem", "second.key.pem"), "SEC1"),
        (files("rsa.pem", "rsa.key.pem"), "PKCS#1"),
    ] {
        let secure = TlsGateway::with_config(small_tree(), pair, GatewayConfig::default()).await;
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let mut stream = secure.connect_by(client(&[], &[version])).await;
            let spoken = stream.get_ref().1.protocol_version();
            assert_eq!(spoken, Some(version.version), "{name}");
            let request =
                format!("GET /files/hello.txt HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", secure.address);
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            // The end without `close_notify` would be an error, because an attacker could truncate the response.
            timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
            assert_eq!(HttpResponse::read(&answer, false).unwrap().body, b"hello, world\n", "{name}");
        }
        secure.assert_healthy_and_stop().await;
    }
}

#[tokio::test]
async fn alpn_prefers_http_2_and_sessions_are_resumed() {
    let secure = TlsGateway::start().await;
    let config = Arc::new(client(&[H2, H1], rustls::DEFAULT_VERSIONS));
    for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let stream =
            TlsConnector::from(Arc::clone(&config)).connect("localhost".try_into().unwrap(), secure.tcp().await);
        let stream = stream.await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
        assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
        // The session ticket arrives before the first response.
        let (sender, connection) = h2::client::handshake(stream).await.unwrap();
        let client = H2Client { sender, host: secure.address.to_string(), connection: tokio::spawn(connection) };
        assert_eq!(client.ask("GET", "/healthz", &[], b"").await.0, 200);
    }
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_refused_with_a_message() {
    let secure = TlsGateway::start().await;
    for (method, status) in [("GET", 307), ("PUT", 400)] {
        let mut stream = secure.tcp().await;
        let request = format!("{method} /files/a%20b?x HTTP/1.1\r\nhost: {}\r\n\r\n", secure.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the gateway does not close").unwrap();
        let answer = HttpResponse::read(&answer, false).unwrap();
        assert_eq!((answer.status, answer.complete), (status, true));
        assert!(answer.text().contains("https://"));
        let there = format!("https://{}/files/a%20b?x", secure.address);
        assert_eq!(answer.header("location"), (status == 307).then_some(there.as_str()));
    }
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn changes_from_an_http_origin_are_refused_over_https() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let secure = TlsGateway::with_config(small_tree(), first(), config).await;
    for (scheme, status) in [("https", 201), ("http", 403)] {
        let headers = format!("origin: {scheme}://{}\r\ncontent-length: 0\r\n", secure.address);
        assert_eq!(secure.ask("PUT", &format!("/files/{scheme}"), &headers).await.status, status, "{scheme}");
    }
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn invalid_certificate_files_have_distinct_errors() {
    let folder = TempDir::new().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let broken = folder.path().join("broken.pem");
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n").unwrap();
    let nonsense = folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let large = folder.path().join("large.pem");
    std::fs::write(&large, vec![b'\n'; (1 << 20) + 1]).unwrap();
    let key = fixture("first.key.pem");
    let open = |cert: &Path, key: &Path| {
        let opened = Tls::open(TlsFiles { cert: cert.to_owned(), key: key.to_owned() });
        opened.map(drop).expect_err("the files are valid")
    };
    assert!(matches!(open(&fixture("absent.pem"), &key), TlsError::Unreadable { .. }));
    assert!(matches!(open(folder.path(), &key), TlsError::Unreadable { .. }));
    assert!(matches!(open(&large, &key), TlsError::Unreadable { .. }));
    assert!(matches!(open(&empty, &key), TlsError::NoCertificate(_)));
    assert!(matches!(open(&key, &key), TlsError::NoCertificate(_)));
    assert!(matches!(open(&broken, &key), TlsError::Malformed { .. }));
    assert!(matches!(open(&nonsense, &key), TlsError::Unusable { .. }));
    let cert = fixture("first.pem");
    assert!(matches!(open(&cert, &cert), TlsError::NoKey(_)));
    assert!(matches!(open(&cert, &fixture("locked.key.pem")), TlsError::Locked(_)));
    assert!(matches!(open(&cert, &fixture("second.key.pem")), TlsError::Mismatch { .. }));
}

#[tokio::test]
async fn a_valid_renewed_certificate_is_loaded_and_a_mismatched_one_is_ignored() {
    let folder = TempDir::new().unwrap();
    let put = |name: &str, to: &str| {
        let fresh = folder.path().join("fresh");
        std::fs::copy(fixture(name), &fresh).unwrap();
        std::fs::rename(fresh, folder.path().join(to)).unwrap();
    };
    put("first.pem", "cert.pem");
    put("first.key.pem", "key.pem");
    let pair = TlsFiles { cert: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
    let config = GatewayConfig { certificate_look_time: Duration::from_millis(5), ..GatewayConfig::default() };
    let secure = TlsGateway::with_config(small_tree(), pair, config).await;
    let shown = async || secure.connect(H1).await.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    let is = |name: &str| CertificateDer::from_pem_file(fixture(name)).unwrap();
    assert_eq!(shown().await, is("first.pem"));
    let old = secure.h2().await;

    // An incomplete renewal has no effect, however many connections arrive meanwhile.
    put("rsa.pem", "cert.pem");
    for _ in 0..20 {
        assert_eq!(shown().await, is("first.pem"));
    }
    put("rsa.key.pem", "key.pem");
    timeout(TEST_TIMEOUT, async { while shown().await != is("rsa.pem") {} })
        .await
        .expect("the new certificate is not loaded");
    // Connections from before the renewal stay open.
    assert_eq!(old.ask("GET", "/healthz", &[], b"").await.0, 200);
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn http_2_serves_files_folders_and_ranges() {
    let secure = TlsGateway::start().await;
    let client = secure.h2().await;
    let (status, headers, body) = client.ask("GET", "/files/docs/deep/er/file.bin", &[], b"").await;
    assert_eq!((status, body.len()), (200, 300_000));
    assert_eq!(headers["content-length"], "300000");
    assert!(body.iter().all(|byte| *byte == 7));
    let (status, headers, body) = client.ask("GET", "/files/hello.txt", &[("range", "bytes=7-11")], b"").await;
    assert_eq!((status, &*body), (206, &b"world"[..]));
    assert_eq!(headers["content-range"], "bytes 7-11/13");
    let (status, headers, body) = client.ask("HEAD", "/files/hello.txt", &[], b"").await;
    assert_eq!((status, body.len()), (200, 0));
    assert_eq!(headers["content-length"], "13");
    let (status, _, body) = client.ask("GET", "/api/v1/list", &[], b"").await;
    assert_eq!(status, 200);
    assert!(String::from_utf8(body).unwrap().contains("hello.txt"));
    let (status, _, body) = client.ask("GET", "/files/absent", &[("accept", "application/json")], b"").await;
    assert_eq!(status, 404);
    assert!(String::from_utf8(body).unwrap().contains("not_found"));
    drop(client);
    secure.assert_healthy_and_stop().await;
}

/// TLS excludes sendfile, so these files are read and encrypted by the gateway.
#[tokio::test]
async fn files_on_disk_are_sent_over_both_http_versions() {
    let place = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..5_000_000_u32).map(|index| (index % 251) as u8 + 1).collect();
    std::fs::write(place.path().join("large.bin"), &content).unwrap();
    let storage = LocalStorage::open(place.path(), None).unwrap();
    let secure = TlsGateway::with_config(storage, first(), GatewayConfig::default()).await;
    let client = secure.h2().await;
    for (range, from, to) in
        [("bytes=0-", 0, 5_000_000), ("bytes=3-900000", 3, 900_001), ("bytes=-1", 4_999_999, 5_000_000)]
    {
        let answer = secure.ask("GET", "/files/large.bin", &format!("range: {range}\r\n")).await;
        assert!(answer.status == 206 && answer.complete && answer.body == content[from..to], "{range}");
        let (status, _, body) = client.ask("GET", "/files/large.bin", &[("range", range)], b"").await;
        assert!(status == 206 && body == content[from..to], "{range}");
    }
    assert!(secure.ask("GET", "/files/large.bin", "").await.body == content);
    drop(client);
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn http_2_accepts_uploads() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let secure = TlsGateway::with_config(small_tree(), first(), config).await;
    let client = secure.h2().await;
    // Larger than the flow-control windows of stream and connection.
    let content: Vec<u8> = (0..9_000_000_u32).map(|index| (index % 251) as u8).collect();
    let (status, ..) = client.ask("PUT", "/files/large.bin", &[], &content).await;
    assert_eq!(status, 201);
    assert!(client.ask("GET", "/files/large.bin", &[], b"").await.2 == content);

    let tus = [("tus-resumable", "1.0.0"), ("upload-length", "10"), ("upload-metadata", "filename dHVzLnR4dA==")];
    let (status, headers, _) = client.ask("POST", "/api/v1/uploads", &tus, b"").await;
    assert_eq!(status, 201);
    // `Location` is relative to the address of the request.
    let target = &format!("/api/v1/{}", headers["location"].to_str().unwrap());
    for (offset, piece) in [("0", b"01234"), ("5", b"56789")] {
        let headers = [
            ("tus-resumable", "1.0.0"),
            ("upload-offset", offset),
            ("content-type", "application/offset+octet-stream"),
        ];
        assert_eq!(client.ask("PATCH", target, &headers, piece).await.0, 204, "{offset}");
    }
    assert_eq!(client.ask("GET", "/files/tus.txt", &[], b"").await.2, b"0123456789");

    // A refusal arrives although the body is not read.
    let (status, ..) = client.ask("PUT", "/files/docs", &[], &content).await;
    assert!((400..500).contains(&status), "{status}");
    assert_eq!(client.ask("GET", "/healthz", &[], b"").await.0, 200);
    drop(client);
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn events_and_many_requests_share_a_connection() {
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    let secure = TlsGateway::with_config(small_tree(), first(), config).await;
    let client = secure.h2().await;
    let mut events = client.begin("GET", "/api/v1/events?path=", &[], b"").await.into_body();
    let begin = timeout(TEST_TIMEOUT, events.data()).await.unwrap().unwrap().unwrap();
    assert!(!begin.is_empty());
    let asks = (0..100).map(|number| {
        let client = &client;
        async move { client.ask("PUT", &format!("/files/{number}"), &[], b"x").await.0 }
    });
    assert!(futures_util::future::join_all(asks).await.iter().all(|status| *status == 201));
    let event = timeout(TEST_TIMEOUT, events.data()).await.unwrap().unwrap().unwrap();
    assert!(!event.is_empty());
    drop((events, client));
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn http_2_requests_over_the_limits_are_refused() {
    let secure = TlsGateway::start().await;
    let client = secure.h2().await;
    let long = "x".repeat(40_000);
    let (status, ..) = client.ask("GET", "/healthz", &[("x-long", &long)], b"").await;
    assert_eq!(status, 431);
    let (status, ..) = client.ask("GET", &format!("/files/{}", "x".repeat(25_000)), &[], b"").await;
    assert_eq!(status, 414);
    // A host name that is not configured, as after DNS rebinding.
    let strange = Request::builder().uri("https://evil.example/healthz").body(()).unwrap();
    let (response, _) = client.sender.clone().ready().await.unwrap().send_request(strange, true).unwrap();
    assert_eq!(timeout(TEST_TIMEOUT, response).await.unwrap().unwrap().status(), 421);
    assert_eq!(client.ask("GET", "/healthz", &[], b"").await.0, 200);
    drop(client);
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn concurrent_http_2_streams_are_limited() {
    let secure = TlsGateway::start().await;
    let client = secure.h2().await;
    // SETTINGS arrives before the first response.
    assert_eq!(client.ask("GET", "/healthz", &[], b"").await.0, 200);
    assert_eq!(client.sender.current_max_send_streams(), 128);
    drop(client);
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_flood_of_resets_ends_only_its_connection() {
    let secure = TlsGateway::start().await;
    let client = secure.h2().await;
    let other = secure.h2().await;
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
    assert_eq!(other.ask("GET", "/files/hello.txt", &[], b"").await.2, b"hello, world\n");
    drop((client, other));
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn a_stalled_http_2_stream_is_reset_and_others_continue() {
    let storage = small_tree();
    storage.add_file("large.bin", vec![1; 8 << 20]).unwrap();
    let config = GatewayConfig { stall_time: Duration::from_millis(300), ..GatewayConfig::default() };
    let secure = TlsGateway::with_config(storage, first(), config).await;
    let client = secure.h2_with(h2::client::Builder::new().initial_connection_window_size(64 << 20)).await;
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
    assert_eq!(client.ask("GET", "/files/large.bin", &[], b"").await.2.len(), 8 << 20);
    drop(client);
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn silent_clients_are_disconnected() {
    let config = GatewayConfig {
        handshake_time: Duration::from_millis(200),
        header_read_time: Duration::from_millis(200),
        idle_time: Duration::from_millis(200),
        ..GatewayConfig::default()
    };
    let secure = TlsGateway::with_config(small_tree(), first(), config).await;
    // Nothing, one byte of a TLS record of a hundred bytes, and an incomplete request in plain text.
    for said in [&b""[..], b"\x16\x03\x01\x00\x64\x01", b"GET / HT"] {
        let mut stream = secure.tcp().await;
        stream.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut rest)).await.expect("the connection stays open");
    }
    // A client that completes the handshake and sends no request.
    let mut stream = secure.connect(H1).await;
    let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut Vec::new())).await.expect("the connection stays open");
    // A client of HTTP/2 that sends one request and then no more.
    let client = secure.h2().await;
    assert_eq!(client.ask("GET", "/healthz", &[], b"").await.0, 200);
    let _ = timeout(TEST_TIMEOUT, client.connection).await.expect("the connection stays open");
    secure.assert_healthy_and_stop().await;
}

#[tokio::test]
async fn shutdown_sends_goaway_and_finishes_running_requests() {
    let storage = small_tree();
    storage.add_file("large.bin", vec![1; 8 << 20]).unwrap();
    let secure = TlsGateway::with_config(storage, first(), GatewayConfig::default()).await;
    let client = secure.h2().await;
    let mut body = client.begin("GET", "/files/large.bin", &[], b"").await.into_body();
    secure.shutdown.cancel();
    assert_eq!(read(&mut body).await.len(), 8 << 20);
    timeout(TEST_TIMEOUT, client.connection).await.expect("the connection stays open after GOAWAY").unwrap().unwrap();
    timeout(TEST_TIMEOUT, secure.task).await.expect("the gateway does not stop").unwrap();
    secure.server.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_without_a_reply() {
    let config = GatewayConfig { connections_max: 1, ..GatewayConfig::default() };
    let secure = TlsGateway::with_config(small_tree(), first(), config).await;
    let kept = secure.h2().await;
    let mut one_more = secure.tcp().await;
    let mut said = Vec::new();
    let _ = timeout(TEST_TIMEOUT, one_more.read_to_end(&mut said)).await.expect("the connection stays open");
    assert!(said.is_empty());
    assert_eq!(kept.ask("GET", "/healthz", &[], b"").await.0, 200);
}

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
