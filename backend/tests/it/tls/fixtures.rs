//! A gateway with a certificate, and clients of HTTP/1.1 and HTTP/2 over TLS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backend::gateway::{Gateway, GatewayConfig, Tls, TlsFiles, serve_tls};
use backend::storage::Storage;
use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::test_gateway::{HttpResponse, TEST_TIMEOUT};
use crate::test_server::{TestServer, small_tree};

pub(super) const H1: &[u8] = b"http/1.1";

pub(super) const H2: &[u8] = b"h2";

pub(super) fn certificate_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/certificates").join(name)
}

pub(super) fn tls_files(cert: &str, key: &str) -> TlsFiles {
    TlsFiles { cert: certificate_path(cert), key: certificate_path(key) }
}

pub(super) fn first_pair() -> TlsFiles {
    tls_files("first.pem", "first.key.pem")
}

/// A gateway with a certificate. Runs until it is dropped.
pub(super) struct TlsGateway {
    pub(super) server: TestServer,
    pub(super) address: std::net::SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

impl TlsGateway {
    pub(super) async fn start() -> Self {
        Self::with_config(Arc::new(small_tree()), first_pair(), GatewayConfig::default()).await
    }

    pub(super) async fn with_config(storage: Arc<dyn Storage>, tls_files: TlsFiles, config: GatewayConfig) -> Self {
        let server = TestServer::with_storage(storage).await.in_process();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let gateway = Gateway::new(server.client.clone(), config);
        let tls = Tls::open(tls_files).unwrap();
        let task = tokio::spawn(serve_tls(vec![listener], gateway, tls, shutdown.clone()));
        Self { server, address, shutdown, task }
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(super) async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        self.connect_by(client(&[protocol], rustls::DEFAULT_VERSIONS)).await
    }

    pub(super) async fn connect_by(&self, config: ClientConfig) -> TlsStream<TcpStream> {
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, self.tcp().await).await.unwrap()
    }

    /// Sends one request over HTTP/1.1 on a new connection.
    pub(super) async fn send(&self, method: &str, target: &str, headers: &str) -> HttpResponse {
        let mut stream = self.connect(H1).await;
        let host = self.address;
        let request = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(TEST_TIMEOUT, stream.read_to_end(&mut answer)).await.expect("the gateway does not close").unwrap();
        HttpResponse::read(&answer, method == "HEAD").unwrap()
    }

    pub(super) async fn h2(&self) -> H2Client {
        self.h2_with(&mut h2::client::Builder::new()).await
    }

    pub(super) async fn h2_with(&self, builder: &mut h2::client::Builder) -> H2Client {
        self.h2_on(self.tcp().await, builder).await
    }

    /// HTTP/2 on this connection.
    pub(super) async fn h2_on(&self, stream: TcpStream, builder: &mut h2::client::Builder) -> H2Client {
        let connector = TlsConnector::from(Arc::new(client(&[H2], rustls::DEFAULT_VERSIONS)));
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
        let (sender, connection) = builder.handshake(stream).await.unwrap();
        let host = self.address.to_string();
        H2Client { sender, host, connection: tokio::spawn(connection) }
    }

    /// Checks that the gateway still serves requests, and that gateway and file server stop in time.
    pub(super) async fn assert_healthy_and_stop(self) {
        assert_eq!(self.send("GET", "/healthz", "").await.status, 200);
        self.shutdown.cancel();
        timeout(TEST_TIMEOUT, self.task).await.expect("the gateway does not stop").unwrap();
        self.server.stop().await;
    }
}

/// A client that trusts the authority of the fixtures and offers these ALPN protocols.
pub(super) fn client(protocols: &[&[u8]], versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate_path("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// One connection of HTTP/2.
pub(super) struct H2Client {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) host: String,
    pub(super) connection: JoinHandle<Result<(), h2::Error>>,
}

impl H2Client {
    pub(super) fn request(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri(format!("https://{}{target}", self.host));
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    pub(super) async fn begin(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response<RecvStream> {
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

    pub(super) async fn send(
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

pub(super) async fn read(stream: &mut RecvStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(piece) = timeout(TEST_TIMEOUT, stream.data()).await.expect("no data") {
        let piece = piece.unwrap();
        stream.flow_control().release_capacity(piece.len()).unwrap();
        whole.extend_from_slice(&piece);
    }
    whole
}
