//! A gateway in front of a file server, and a minimal HTTP client that shows the exact response: it follows no
//! redirect, decodes no content coding, and reports whether the body is complete.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use backend::gateway::{Anonymous, Gateway, GatewayConfig, serve};
use backend::storage::Storage;
use shared::api::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::test_server::{TestServer, small_tree};

/// Longer than any step of a test takes on a busy machine.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A gateway and its file server. Both run until they are dropped.
pub(crate) struct TestGateway {
    pub(crate) server: TestServer,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// A response of HTTP/1.1.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body has the announced length, or ends with the last chunk.
    pub(crate) complete: bool,
}

impl TestGateway {
    pub(crate) async fn start() -> Self {
        Self::with_storage(Arc::new(small_tree())).await
    }

    pub(crate) async fn with_storage(storage: Arc<dyn Storage>) -> Self {
        Self::with_config(storage, GatewayConfig::default()).await
    }

    /// A gateway without authentication in which every caller has all rights.
    pub(crate) async fn writable() -> Self {
        let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
        Self::with_config(Arc::new(small_tree()), config).await
    }

    pub(crate) async fn with_config(storage: Arc<dyn Storage>, config: GatewayConfig) -> Self {
        Self::in_front_of(TestServer::with_storage(storage).await.in_process(), config).await
    }

    /// A gateway in front of this file server.
    pub(crate) async fn in_front_of(server: TestServer, config: GatewayConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let gateway = Gateway::new(server.client.clone(), config);
        let task = tokio::spawn(serve(vec![listener], gateway, shutdown.clone()));
        Self { server, address, shutdown, task }
    }

    pub(crate) async fn get(&self, target: &str) -> HttpResponse {
        self.send("GET", target, &[], b"").await
    }

    pub(crate) async fn get_with(&self, target: &str, headers: &[(&str, &str)]) -> HttpResponse {
        self.send("GET", target, headers, b"").await
    }

    pub(crate) async fn head(&self, target: &str) -> HttpResponse {
        self.send("HEAD", target, &[], b"").await
    }

    pub(crate) async fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpResponse {
        let mut request = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            request += &format!("host: {}\r\n", self.address);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!("content-length: {}\r\n", body.len());
        }
        request += "\r\n";
        let response = self.send_raw(&[request.as_bytes(), body].concat()).await;
        HttpResponse::read(&response, method == "HEAD").unwrap_or_else(|| panic!("{method} {target}: {response:?}"))
    }

    /// Sends these bytes on a new connection, and reads until the gateway closes it.
    pub(crate) async fn send_raw(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        // The gateway may reset the connection after its response.
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut response)).await.expect("the gateway does not close");
        response
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Checks that the gateway still serves requests, and that gateway and file server stop in time.
    pub(crate) async fn assert_healthy_and_stop(self) {
        assert_eq!(self.get("/healthz").await.status, 200);
        self.shutdown.cancel();
        timeout(TEST_TIMEOUT, self.task).await.expect("the gateway does not stop").unwrap();
        self.server.stop().await;
    }
}

impl HttpResponse {
    pub(crate) fn read(bytes: &[u8], head: bool) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = text.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
            .collect::<Option<_>>()?;
        let mut response = Self { status, headers, body: bytes[end + 4..].to_vec(), complete: false };
        if response.header("transfer-encoding") == Some("chunked") {
            (response.body, response.complete) = dechunk(&response.body);
        } else {
            let length = response.header("content-length").and_then(|length| length.parse().ok());
            let bodiless = head || status == 204 || status == 304;
            response.complete = if bodiless { response.body.is_empty() } else { length == Some(response.body.len()) };
        }
        Some(response)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Checks for a problem document (RFC 9457) with this status and code, and with the id of the request.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Problem = self.json();
        assert_eq!((problem.status, problem.code.as_str(), problem.kind.as_str()), (status, code, "about:blank"));
        assert_eq!(Some(problem.request_id.as_str()), self.header("x-request-id"));
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        assert!(self.complete);
    }
}

/// The content of a chunked body, and whether its last chunk arrived.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length = std::str::from_utf8(&rest[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(length) = length else { break };
        if length == 0 {
            return (body, true);
        }
        let Some(chunk) = rest.get(end + 2..end + 2 + length) else { break };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + length..).unwrap_or_default();
    }
    (body, false)
}
