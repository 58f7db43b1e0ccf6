//! Wires the rooms together, says where they listen, and owns the order in which they stop: HTTP first, then the file
//! server behind it. The only room that knows all others.

#[cfg(unix)]
mod descriptors;
mod ports;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::Rights;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::client::{Client, PoolConfig, ServerAddress, Target};
use crate::config::{CommonConfig, HttpConfig, TcpConfig};
use crate::gateway::{self, Gateway, Tls, TlsError};
use crate::server::{self, Database, DatabaseError, Server, ServerConfig, Ways};
use crate::sockets;
use crate::state::{State, StateError, read_key, read_or_make_key};
use crate::storage::local::LocalStorage;
use crate::storage::{Durability, StorageError};
use crate::wire::{Key, KeyError, UnixListenError, in_process};
use ports::{Places, Ports};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The folder cannot be served.
    #[error("{} cannot be served: {reason}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        reason: StorageError,
    },
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}{}", hint(source, *address))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The Unix socket cannot be listened on.
    #[error(transparent)]
    Unix(#[from] UnixListenError),
    /// There is no HTTPS with that certificate and that key.
    #[error("no HTTPS: {0}")]
    Tls(#[from] TlsError),
    /// The server's own directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file server's records, which are never thrown away to get going.
    #[error(transparent)]
    Records(#[from] DatabaseError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

fn hint(error: &std::io::Error, address: SocketAddr) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(" (port 0 chooses a free one: {}:0)", address.ip()),
        _ => String::new(),
    }
}

/// Both halves in one process. They speak the framed protocol all the same, in memory, by a key that only this process
/// has.
pub async fn serve(
    folder: &Path,
    http: HttpConfig,
    tcp: TcpConfig,
    common: CommonConfig,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    prepare();
    let folder = resolve(folder)?;
    let state = State::open(common.state.as_deref(), &folder)?;
    let local_key = state.local_key()?;
    let inner_key = Key::generate()?;
    let storage = open_storage(&folder, state.folder())?;
    let ports = Ports::open(&tcp).await?;
    let http_port = HttpPort::open(&http).await?;
    let places = ports.places();
    ports.note(&state.key_path());

    let keys = [(local_key, Rights::ALL), (inner_key.clone(), Rights::ALL)];
    let config = ServerConfig { drain_time: common.drain_time, ..tcp.server };
    let stop_server = CancellationToken::new();
    let (connector, in_process) = in_process();
    let file_server = Server::new(Arc::new(storage), open_records(&state, &config)?, keys, config);
    let ways = Ways { in_process: Some(in_process), ..ports.into_ways() };
    let file_server = tokio::spawn(server::serve(ways, file_server, stop_server.clone()));

    let client = Client::new(Target::in_process(connector, inner_key), pool(&http));
    let writable = http.gateway.anonymous.writable();
    let gateway = new_gateway(client, http, &common, Some(&folder));
    announce(&common, Some(&http_port), Some(&places));
    info!(folder = %folder.display(), writable, "serving");
    http_port.serve(gateway, shutdown).await;
    stop_server.cancel();
    if let Err(error) = file_server.await {
        tracing::error!(%error, "the file server ended badly");
    }
    Ok(())
}

/// How the gateway goes to its file server.
fn pool(http: &HttpConfig) -> PoolConfig {
    PoolConfig { transfer_bytes_max: http.transfer_bytes_max, ..PoolConfig::default() }
}

/// The file server alone.
pub async fn serve_storage(
    folder: &Path,
    key: &Path,
    tcp: TcpConfig,
    common: CommonConfig,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    prepare();
    let folder = resolve(folder)?;
    let state = State::open(common.state.as_deref(), &folder)?;
    let keys = [(read_or_make_key(key)?, Rights::ALL), (state.local_key()?, Rights::ALL)];
    let storage = open_storage(&folder, state.folder())?;
    let ports = Ports::open(&tcp).await?;
    ports.note(&state.key_path());
    announce(&common, None, Some(&ports.places()));
    info!(folder = %folder.display(), "serving");
    let config = ServerConfig { drain_time: common.drain_time, ..tcp.server };
    let server = Server::new(Arc::new(storage), open_records(&state, &config)?, keys, config);
    server::serve(ports.into_ways(), server, shutdown).await;
    Ok(())
}

/// The gateway alone.
pub async fn serve_gateway(
    server: &str,
    key: &Path,
    http: HttpConfig,
    common: CommonConfig,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    prepare();
    let client = Client::new(Target { address: ServerAddress::parse(server), key: read_key(key)? }, pool(&http));
    let port = HttpPort::open(&http).await?;
    let gateway = new_gateway(client, http, &common, None);
    announce(&common, Some(&port), None);
    port.serve(gateway, shutdown).await;
    Ok(())
}

/// What every server asks of the system first.
fn prepare() {
    #[cfg(unix)]
    descriptors::raise();
}

/// Asks for the end at Ctrl-C, and at SIGTERM where there is such a thing. The second time the process ends at once.
pub fn stop_at_signals(shutdown: CancellationToken) {
    tokio::spawn(async move {
        signal().await;
        info!("stopping: requests that run are served to their end; once more ends at once");
        shutdown.cancel();
        signal().await;
        crate::telemetry::flush();
        std::process::exit(1);
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // No handler can be set: Ctrl-C is what is left.
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}

fn resolve(folder: &Path) -> Result<PathBuf, RunError> {
    std::fs::canonicalize(folder).map_err(|error| RunError::Folder {
        folder: folder.to_owned(),
        reason: StorageError::from_io(error, "the folder cannot be opened"),
    })
}

fn open_storage(folder: &Path, hidden: &Path) -> Result<LocalStorage, RunError> {
    LocalStorage::open(folder, Some(hidden)).map_err(|reason| RunError::Folder { folder: folder.to_owned(), reason })
}

/// Where they cannot be written, files can still be read.
fn open_records(state: &State, config: &ServerConfig) -> Result<Option<Arc<Database>>, RunError> {
    if config.durability == Durability::Relaxed {
        warn!("uploads are acknowledged before they are on the disk: a crash of this machine may lose the last ones");
    }
    match Database::open(&state.records_path()) {
        Ok(records) => Ok(Some(Arc::new(records.keeping_uploads(config.durability)))),
        Err(error @ DatabaseError::ReadOnly { .. }) => {
            warn!(%error, "nothing can be changed, only read");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    sockets::listen(address).map_err(|source| RunError::Listen { address, source })
}

fn address(listener: &TcpListener, wanted: SocketAddr) -> Result<SocketAddr, RunError> {
    listener.local_addr().map_err(|source| RunError::Listen { address: wanted, source })
}

/// Where HTTP is served, and by what certificate.
struct HttpPort {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl HttpPort {
    async fn open(http: &HttpConfig) -> Result<Self, RunError> {
        let tls = http.tls.clone().map(Tls::open).transpose()?;
        let listener = listen(http.listen)?;
        Ok(Self { address: address(&listener, http.listen)?, listener, tls })
    }

    fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    async fn serve(self, gateway: Gateway, shutdown: CancellationToken) {
        match self.tls {
            Some(tls) => gateway::serve_tls(self.listener, gateway, tls, shutdown).await,
            None => gateway::serve(self.listener, gateway, shutdown).await,
        }
    }
}

fn new_gateway(client: Client, http: HttpConfig, common: &CommonConfig, folder: Option<&Path>) -> Gateway {
    let mut config = http.gateway;
    config.drain_time = common.drain_time;
    if config.name.is_empty() {
        let name = folder.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        config.name = name.unwrap_or_else(|| "Passerelle".into());
    }
    Gateway::new(client, config)
}

/// Standard output carries the addresses and nothing else, so that a script can read them.
fn announce(common: &CommonConfig, http: Option<&HttpPort>, framed: Option<&Places>) {
    let http = http.map(HttpPort::url);
    let tcp = framed.and_then(|places| places.tcp).map(|address| address.to_string());
    let unix = framed.and_then(|places| places.unix.as_ref()).map(|path| path.display().to_string());
    if common.json {
        let mut addresses = serde_json::Map::new();
        addresses.extend(http.map(|address| ("http".to_owned(), address.into())));
        addresses.extend(tcp.map(|address| ("tcp".to_owned(), address.into())));
        addresses.extend(unix.map(|path| ("unix".to_owned(), path.into())));
        print_line(&serde_json::Value::Object(addresses).to_string());
    } else {
        http.iter().for_each(|address| print_line(&format!("{address}/")));
        tcp.iter().for_each(|address| print_line(&format!("tcp://{address}")));
        unix.iter().for_each(|path| print_line(&format!("unix:{path}")));
    }
}

/// A closed standard output does not end a server.
fn print_line(line: &str) {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
