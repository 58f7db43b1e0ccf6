//! The gateway behind a real nginx, in its default configuration and in that of `docs/OPERATIONS.md`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use backend::gateway::{Anonymous, GatewayConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::cli::shell::wait_until;
use super::test_gateway::{TEST_TIMEOUT, TestGateway};
use super::test_server::small_tree;

/// What a page at `http://files.example.org/` sends over plain HTTP: no `Sec-Fetch-Site`.
const PAGE: &str = "host: files.example.org\r\norigin: http://files.example.org\r\n";
/// The maximum size of a body in nginx's default configuration, 1 MiB, and one byte.
const OVER_DEFAULT_LIMIT: usize = (1 << 20) + 1;

/// A running nginx that is stopped at the end of its test.
struct Nginx {
    process: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, named by `PASSERELLE_NGINX` or found in the path. `None` is said in one line.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("PASSERELLE_NGINX").map(PathBuf::from);
    let found = named.into_iter().chain(["nginx", "/usr/sbin/nginx"].map(PathBuf::from));
    let runs = |path: &Path| Command::new(path).arg("-v").stderr(Stdio::null()).status().is_ok_and(|end| end.success());
    let program = found.into_iter().find(|path| runs(path));
    if program.is_none() {
        println!("skipped: nginx is not installed");
    }
    program
}

impl Nginx {
    /// Starts nginx with `location` as the content of its only location.
    async fn start(program: &Path, location: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.path().display()))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
             server {{\nlisten {address};\nlocation / {{\n{location}\n}}\n}}\n}}\n",
            folder.path().display(),
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new(program);
        command.args(["-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(&path);
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        tokio::task::block_in_place(|| {
            wait_until("nginx to listen", || std::net::TcpStream::connect(address).ok());
        });
        Self { process, address, _folder: folder }
    }

    /// Puts a file as the page does. Returns the status and the whole answer.
    async fn put(&self, length: usize) -> (u16, String) {
        let head =
            format!("PUT /files/new.bin HTTP/1.1\r\n{PAGE}connection: close\r\ncontent-length: {length}\r\n\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut answer = Vec::new();
        // nginx may refuse the body before all of it is sent.
        let exchange = async {
            let _ = stream.write_all(&[head.into_bytes(), vec![0; length]].concat()).await;
            let _ = stream.read_to_end(&mut answer).await;
        };
        timeout(TEST_TIMEOUT, exchange).await.expect("nginx does not answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{answer}")), answer)
    }
}

async fn gateway(hosts: &[&str]) -> TestGateway {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let config = GatewayConfig { anonymous: Anonymous::Write, hosts, ..GatewayConfig::default() };
    TestGateway::with_config(Arc::new(small_tree()), config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_proxy_pass_needs_the_name_of_the_server() {
    let Some(program) = program() else { return };
    let unnamed = gateway(&[]).await;
    let nginx = Nginx::start(&program, &format!("proxy_pass http://{};", unnamed.address)).await;
    let (status, answer) = nginx.put(10).await;
    assert!(status == 403 && answer.contains("--host files.example.org"), "{answer}");
    drop(nginx);
    let named = gateway(&["files.example.org"]).await;
    let nginx = Nginx::start(&program, &format!("proxy_pass http://{};", named.address)).await;
    assert_eq!(nginx.put(10).await.0, 201);
    assert_eq!(nginx.put(OVER_DEFAULT_LIMIT).await.0, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_configuration_takes_large_files() {
    let Some(program) = program() else { return };
    let gateway = gateway(&["files.example.org"]).await;
    let nginx = Nginx::start(&program, &documented(gateway.address)).await;
    assert_eq!(nginx.put(OVER_DEFAULT_LIMIT).await.0, 201);
    assert_eq!(gateway.get("/files/new.bin").await.body.len(), OVER_DEFAULT_LIMIT);
}

/// The content of the location in the document, for a gateway at `address`.
fn documented(address: SocketAddr) -> String {
    let document = include_str!("../../../docs/OPERATIONS.md");
    let (_, rest) = document.split_once("```nginx\n").expect("the document has a configuration");
    let (_, location) = rest.split_once("location / {\n").expect("the configuration has a location");
    let (location, _) = location.split_once('}').expect("the location ends");
    assert!(location.contains("http://127.0.0.1:8080"));
    location.replace("127.0.0.1:8080", &address.to_string())
}
