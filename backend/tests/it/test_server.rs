//! A file server in the process of the test, on ports that the system chooses, and a typed client for it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use backend::client::{Caller, Client, PoolConfig, ServerAddress, Target};
use backend::server::{Database, Listeners, Server, ServerConfig, serve};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use backend::wire::{InProcessConnector, Key, UnixListener, in_process};
use shared::{Rights, Scope, VPath};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::captured_log::ask_about_each_line;

/// Name of the Unix socket in [`TestServer::folder`].
const SOCKET: &str = "socket";

/// A file server that runs until it is dropped, and a client for it.
pub(crate) struct TestServer {
    /// Connects over TCP, unless [`TestServer::via`] chose another transport.
    pub(crate) client: Client,
    pub(crate) connector: InProcessConnector,
    pub(crate) key: Key,
    pub(crate) server: Arc<Server>,
    pub(crate) tcp: SocketAddr,
    /// Contains the Unix socket, on systems that have them.
    pub(crate) folder: TempDir,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

/// The transport between a file server and its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    Tcp,
    Unix,
    InProcess,
}

impl Transport {
    /// The transports of this system.
    pub(crate) const ALL: &[Self] =
        if cfg!(unix) { &[Self::Tcp, Self::Unix, Self::InProcess] } else { &[Self::Tcp, Self::InProcess] };
    /// The transports that pass file descriptors.
    pub(crate) const PASSING_FDS: &[Self] =
        if cfg!(unix) { &[Self::Unix, Self::InProcess] } else { &[Self::InProcess] };
}

impl TestServer {
    /// A file server over a small tree in memory.
    pub(crate) async fn start() -> Self {
        Self::with_storage(Arc::new(small_tree())).await
    }

    /// A file server over this storage.
    pub(crate) async fn with_storage(storage: Arc<dyn Storage>) -> Self {
        Self::with_config(storage, ServerConfig::default()).await
    }

    /// A file server over this storage, with this configuration.
    pub(crate) async fn with_config(storage: Arc<dyn Storage>, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on_listener(listener, Key::generate().unwrap(), storage, config).await
    }

    /// A file server over this storage, with the records and the key of an earlier one: the key owns its uploads and jobs.
    pub(crate) async fn with_database(storage: Arc<dyn Storage>, records: Arc<Database>, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let key = format!("passerelle-key-1 lasting {}", "0".repeat(64)).parse().unwrap();
        Self::on_listener_with_database(listener, key, storage, Some(records), config).await
    }

    /// A file server on this listener, with this key.
    pub(crate) async fn on_listener(
        listener: TcpListener,
        key: Key,
        storage: Arc<dyn Storage>,
        config: ServerConfig,
    ) -> Self {
        let records = Some(Arc::new(Database::in_memory().unwrap()));
        Self::on_listener_with_database(listener, key, storage, records, config).await
    }

    /// A file server on this listener, with this key and these records.
    pub(crate) async fn on_listener_with_database(
        listener: TcpListener,
        key: Key,
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        config: ServerConfig,
    ) -> Self {
        ask_about_each_line();
        let tcp = listener.local_addr().unwrap();
        let server = Server::new(storage, records, [(key.clone(), Rights::ALL)], config);
        let shutdown = CancellationToken::new();
        let (connector, in_process) = in_process();
        let folder = tempfile::tempdir().unwrap();
        let unix = cfg!(unix).then(|| UnixListener::open(&folder.path().join(SOCKET)).unwrap());
        let listeners = Listeners { tcp: Some(listener), unix, in_process: Some(in_process) };
        let task = tokio::spawn(serve(listeners, Arc::clone(&server), shutdown.clone()));
        let client = Client::new(Target::tcp(tcp.to_string(), key.clone()), PoolConfig::default());
        Self { client, connector, key, server, tcp, folder, shutdown, task }
    }

    /// The Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// Replaces the client by one that connects over `transport`.
    pub(crate) fn via(mut self, transport: Transport) -> Self {
        let address = match transport {
            Transport::Tcp => ServerAddress::Tcp(self.tcp.to_string()),
            Transport::Unix => ServerAddress::Unix(self.socket()),
            Transport::InProcess => ServerAddress::InProcess(self.connector.clone()),
        };
        self.client = Client::new(Target { address, key: self.key.clone() }, PoolConfig::default());
        self
    }

    /// Replaces the client by one without a socket and with these limits.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_pool(mut self, pool: PoolConfig) -> Self {
        let address = ServerAddress::InProcess(self.connector.clone());
        self.client = Client::new(Target { address, key: self.key.clone() }, pool);
        self
    }

    /// Replaces the client by one without a socket, as in `passerelle serve`.
    pub(crate) fn in_process(self) -> Self {
        self.via(Transport::InProcess)
    }

    /// Stops the file server, and waits for its end.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

/// A caller that may read everything.
pub(crate) fn reader() -> Caller {
    Caller { scope: Scope::whole(Rights::READ_ONLY), ..Caller::default() }
}

/// A caller with all rights.
pub(crate) fn writer() -> Caller {
    Caller { scope: Scope::whole(Rights::ALL), ..Caller::default() }
}

/// A path from its percent-encoded text.
pub(crate) fn path(text: &str) -> VPath {
    VPath::parse(text).unwrap()
}

/// A few files and folders.
pub(crate) fn small_tree() -> MemoryStorage {
    let storage = MemoryStorage::new();
    storage.add_file("hello.txt", "hello, world\n").unwrap();
    storage.add_file("empty", "").unwrap();
    storage.add_file("docs/a b.txt", "spaces").unwrap();
    storage.add_file(b"docs/latin\xe9.txt", "latin").unwrap();
    storage.add_file("docs/deep/er/file.bin", vec![7; 300_000]).unwrap();
    storage.add_folder("docs/nothing").unwrap();
    storage
}
