//! A file server in this process, on ports that the system chooses, and a typed client for it.

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

/// The name of the Unix socket.
const SOCKET: &str = "socket";

/// A file server that runs until it is dropped, and a client for it.
pub(crate) struct World {
    /// Over TCP, unless [`World::by`] chose another listener.
    pub(crate) client: Client,
    pub(crate) connector: InProcessConnector,
    pub(crate) key: Key,
    pub(crate) tcp: SocketAddr,
    /// Contains the Unix socket, on systems that have them.
    pub(crate) folder: TempDir,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: JoinHandle<()>,
}

/// The listeners between a file server and its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Tcp,
    Unix,
    InProcess,
}

impl Way {
    /// The listeners of this system.
    pub(crate) const ALL: &[Self] =
        if cfg!(unix) { &[Self::Tcp, Self::Unix, Self::InProcess] } else { &[Self::Tcp, Self::InProcess] };
    /// The listeners that pass open files.
    pub(crate) const PASSING_FDS: &[Self] =
        if cfg!(unix) { &[Self::Unix, Self::InProcess] } else { &[Self::InProcess] };
}

impl World {
    /// A file server over a small tree in memory.
    pub(crate) async fn start() -> Self {
        Self::over(Arc::new(small_tree())).await
    }

    /// A file server over this storage.
    pub(crate) async fn over(storage: Arc<dyn Storage>) -> Self {
        Self::with(storage, ServerConfig::default()).await
    }

    /// A file server over this storage, with this configuration.
    pub(crate) async fn with(storage: Arc<dyn Storage>, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, Key::generate().unwrap(), storage, config).await
    }

    /// A file server over this storage, with the records of an earlier one.
    pub(crate) async fn again(storage: Arc<dyn Storage>, records: Arc<Database>, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on_records(listener, Key::generate().unwrap(), storage, Some(records), config).await
    }

    /// A file server on this listener, with this key.
    pub(crate) async fn on(listener: TcpListener, key: Key, storage: Arc<dyn Storage>, config: ServerConfig) -> Self {
        let records = Some(Arc::new(Database::in_memory().unwrap()));
        Self::on_records(listener, key, storage, records, config).await
    }

    /// A file server on this listener, with this key and these records.
    pub(crate) async fn on_records(
        listener: TcpListener,
        key: Key,
        storage: Arc<dyn Storage>,
        records: Option<Arc<Database>>,
        config: ServerConfig,
    ) -> Self {
        let tcp = listener.local_addr().unwrap();
        let server = Server::new(storage, records, [(key.clone(), Rights::ALL)], config);
        let shutdown = CancellationToken::new();
        let (connector, in_process) = in_process();
        let folder = tempfile::tempdir().unwrap();
        let unix = cfg!(unix).then(|| UnixListener::open(&folder.path().join(SOCKET)).unwrap());
        let listeners = Listeners { tcp: Some(listener), unix, in_process: Some(in_process) };
        let server = tokio::spawn(serve(listeners, server, shutdown.clone()));
        let client = Client::new(Target::tcp(tcp.to_string(), key.clone()), PoolConfig::default());
        Self { client, connector, key, tcp, folder, shutdown, server }
    }

    /// The Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
    }

    /// This world with a client of another listener.
    pub(crate) fn by(mut self, way: Way) -> Self {
        let address = match way {
            Way::Tcp => ServerAddress::Tcp(self.tcp.to_string()),
            Way::Unix => ServerAddress::Unix(self.socket()),
            Way::InProcess => ServerAddress::InProcess(self.connector.clone()),
        };
        self.client = Client::new(Target { address, key: self.key.clone() }, PoolConfig::default());
        self
    }

    /// This world with a client in the server's process, as in `passerelle serve`.
    pub(crate) fn inside(self) -> Self {
        self.by(Way::InProcess)
    }

    /// Stops the file server, and waits for its end.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.server.await.unwrap();
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
