//! The three servers: both halves in one process, or one of them alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::{ErrorCode, Rights};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::announce::{PageAddresses, announce};
use super::error::RunError;
use super::keys::WatchedKeys;
use super::listeners::{FramedListeners, HttpListeners};
#[cfg(unix)]
use super::open_files;
use super::welcome::Permission;
use crate::client::{Client, PoolConfig, ServerAddress, Target};
use crate::config::{HttpConfig, ProcessConfig, TcpConfig};
use crate::gateway::Gateway;
use crate::server::{self, Database, DatabaseError, Listeners, Server, ServerConfig, ServerKey};
use crate::state::{KeyFolder, StateDir, read_key, read_or_make_key};
use crate::storage::local::LocalStorage;
use crate::storage::{Durability, StorageError};
use crate::wire::{Key, in_process};

/// Serves HTTP and the framed protocol in one process. Gateway and file server exchange frames through memory, and
/// authenticate with a key that only this process has.
///
/// # Errors
/// [`RunError`], before anything is served.
pub async fn serve(
    folder: &Path,
    http: HttpConfig,
    tcp: TcpConfig,
    process: ProcessConfig,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    prepare();
    let folder = resolve(folder)?;
    let state = StateDir::open(process.state.as_deref(), &folder)?;
    let local_key = state.local_key()?;
    let inner_key = Key::generate()?;
    let storage = open_storage(&folder, state.path())?;
    let framed = FramedListeners::open(&tcp).await?;
    let http_listeners = HttpListeners::open(&http).await?;
    let addresses = framed.addresses();
    framed.record_key(&state.key_path());

    let keys = [ServerKey::local(local_key), ServerKey::gateway(inner_key.clone())];
    let config = ServerConfig { drain_time: process.drain_time, ..tcp.server };
    let stop_server = CancellationToken::new();
    let (connector, in_process) = in_process();
    let database = open_database(&state, &config)?;
    let permission = permission(&http, database.is_some() && !is_beside_read_only_folder(&state, &folder, &process));
    let file_server = Server::new(storage.into(), database, keys, config);
    let watched_keys = WatchedKeys::open(KeyFolder::of(state.path()), Arc::clone(&file_server));
    tokio::spawn(watched_keys.follow(stop_server.clone()));
    let listeners = Listeners { in_process: Some(in_process), ..framed.into_listeners() };
    let admitting = Arc::clone(&file_server);
    let file_server = tokio::spawn(server::serve(listeners, file_server, stop_server.clone()));

    let client = Client::new(Target::in_process(connector, inner_key), pool(&http));
    let page = page_addresses(&http_listeners, &http, permission);
    let gateway = new_gateway(client, http, &process, Some(&folder));
    gateway.report_also(move || admitting.admission_figures());
    announce(&process, folder.display().to_string(), Some(page), Some(&addresses));
    info!(folder = %folder.display(), writable = permission == Permission::Write, "serving");
    http_listeners.serve(gateway, shutdown).await;
    stop_server.cancel();
    if let Err(error) = file_server.await {
        tracing::error!(%error, "the file server panicked");
    }
    Ok(())
}

/// Serves the framed protocol only.
///
/// # Errors
/// [`RunError`], before anything is served.
pub async fn serve_storage(
    folder: &Path,
    key: &Path,
    tcp: TcpConfig,
    process: ProcessConfig,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    prepare();
    let folder = resolve(folder)?;
    let state = StateDir::open(process.state.as_deref(), &folder)?;
    let keys = [(read_or_make_key(key)?, Rights::ALL).into(), ServerKey::local(state.local_key()?)];
    let storage = open_storage(&folder, state.path())?;
    let framed = FramedListeners::open(&tcp).await?;
    framed.record_key(&state.key_path());
    announce(&process, folder.display().to_string(), None, Some(&framed.addresses()));
    info!(folder = %folder.display(), "serving");
    let config = ServerConfig { drain_time: process.drain_time, ..tcp.server };
    let server = Server::new(storage.into(), open_database(&state, &config)?, keys, config);
    let watched_keys = WatchedKeys::open(KeyFolder::of(state.path()), Arc::clone(&server));
    tokio::spawn(watched_keys.follow(shutdown.clone()));
    server::serve(framed.into_listeners(), server, shutdown).await;
    Ok(())
}

/// Serves HTTP only, in front of the file server at `server`.
///
/// # Errors
/// [`RunError`], before anything is served.
pub async fn serve_gateway(
    server: &str,
    key: &Path,
    http: HttpConfig,
    process: ProcessConfig,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    prepare();
    let client = Client::new(Target { address: ServerAddress::parse(server), key: read_key(key)? }, pool(&http));
    let listeners = HttpListeners::open(&http).await?;
    let page = page_addresses(&listeners, &http, permission(&http, true));
    let gateway = new_gateway(client, http, &process, None);
    announce(&process, format!("the files of {server}"), Some(page), None);
    listeners.serve(gateway, shutdown).await;
    Ok(())
}

fn prepare() {
    #[cfg(unix)]
    open_files::raise_limit();
}

/// What visitors may do. `changeable` is false if the file server cannot change the folder for any of them.
fn permission(http: &HttpConfig, changeable: bool) -> Permission {
    match http.gateway.anonymous.rights().contains(Rights::REPLACE) {
        true if changeable => Permission::Write,
        true => Permission::ReadOnlyFolder,
        false => Permission::Read,
    }
}

/// True if the state directory was made elsewhere because the folder cannot be written.
fn is_beside_read_only_folder(state: &StateDir, folder: &Path, process: &ProcessConfig) -> bool {
    process.state.is_none() && !state.path().starts_with(folder)
}

fn page_addresses(listeners: &HttpListeners, http: &HttpConfig, permission: Permission) -> PageAddresses {
    PageAddresses {
        encrypted: listeners.encrypted(),
        addresses: listeners.addresses().to_vec(),
        hosts: http.gateway.hosts.clone(),
        permission,
    }
}

fn pool(http: &HttpConfig) -> PoolConfig {
    let (transfer_bytes_max, owner_percent) = (http.transfer_bytes_max, http.gateway.client_percent);
    PoolConfig { transfer_bytes_max, owner_percent, ..PoolConfig::default() }
}

fn resolve(folder: &Path) -> Result<PathBuf, RunError> {
    let refused = |reason| RunError::Folder { folder: folder.to_owned(), reason };
    let unopened = |error| refused(StorageError::from_io(error, "the folder cannot be opened"));
    let resolved = std::fs::canonicalize(folder).map_err(unopened)?;
    // Before anything is made in it.
    if std::fs::metadata(&resolved).map_err(unopened)?.is_dir() {
        Ok(resolved)
    } else {
        Err(refused(StorageError::new(ErrorCode::NotFolder, "it is a file")))
    }
}

/// The storage of `folder`, in which `hidden` cannot be reached.
fn open_storage(folder: &Path, hidden: &Path) -> Result<LocalStorage, RunError> {
    LocalStorage::open(folder, Some(hidden)).map_err(|reason| RunError::Folder { folder: folder.to_owned(), reason })
}

/// The file server's database. `None` if it is read-only: files can still be read, but not changed.
fn open_database(state: &StateDir, config: &ServerConfig) -> Result<Option<Arc<Database>>, RunError> {
    if config.durability == Durability::Relaxed {
        warn!("uploads are acknowledged before they are on the disk: a crash of this machine may lose the last ones");
    }
    match Database::open(&state.database_path()) {
        Ok(database) => Ok(Some(Arc::new(database.keeping_uploads(config.durability)))),
        Err(error @ DatabaseError::ReadOnly { .. }) => {
            warn!(%error, "read-only: files can be read but not changed");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn new_gateway(client: Client, http: HttpConfig, process: &ProcessConfig, folder: Option<&Path>) -> Gateway {
    let mut config = http.gateway;
    config.drain_time = process.drain_time;
    if config.name.is_empty() {
        let name = folder.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        config.name = name.unwrap_or_else(|| "Passerelle".into());
    }
    Gateway::new(client, config)
}
