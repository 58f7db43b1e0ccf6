//! All rooms in one process, each on a port of its own choosing, and a typed client in front.

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

/// What the Unix socket is called.
const SOCKET: &str = "socket";

/// A file server that runs until it is dropped, and a client for it.
pub(crate) struct World {
    /// Over TCP, unless the world is [`World::by`] another way.
    pub(crate) client: Client,
    pub(crate) connector: InProcessConnector,
    pub(crate) key: Key,
    pub(crate) tcp: SocketAddr,
    /// With the socket in it, where there are such.
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
    /// Those of this system.
    pub(crate) const ALL: &[Self] =
        if cfg!(unix) { &[Self::Tcp, Self::Unix, Self::InProcess] } else { &[Self::Tcp, Self::InProcess] };
    /// Those of them that carry files.
    pub(crate) const PASSING_FDS: &[Self] =
        if cfg!(unix) { &[Self::Unix, Self::InProcess] } else { &[Self::InProcess] };
}

impl World {
    /// A file server over a small tree in memory.
    pub(crate) async fn start() -> Self {
        Self::over(Arc::new(small_tree())).await
    }

    /// A file server over that storage.
    pub(crate) async fn over(storage: Arc<dyn Storage>) -> Self {
        Self::with(storage, ServerConfig::default()).await
    }

    /// A file server over that storage, set so.
    pub(crate) async fn with(storage: Arc<dyn Storage>, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, Key::generate().unwrap(), storage, config).await
    }

    /// A file server over that storage, with the records of one before it.
    pub(crate) async fn again(storage: Arc<dyn Storage>, records: Arc<Database>, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on_records(listener, Key::generate().unwrap(), storage, Some(records), config).await
    }

    /// A file server on that listener, with that key.
    pub(crate) async fn on(listener: TcpListener, key: Key, storage: Arc<dyn Storage>, config: ServerConfig) -> Self {
        let records = Some(Arc::new(Database::in_memory().unwrap()));
        Self::on_records(listener, key, storage, records, config).await
    }

    /// The same, with those records.
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

    /// The same with a client that comes by that way.
    pub(crate) fn by(mut self, way: Way) -> Self {
        let address = match way {
            Way::Tcp => ServerAddress::Tcp(self.tcp.to_string()),
            Way::Unix => ServerAddress::Unix(self.socket()),
            Way::InProcess => ServerAddress::InProcess(self.connector.clone()),
        };
        self.client = Client::new(Target { address, key: self.key.clone() }, PoolConfig::default());
        self
    }

    /// The same with a client that is in the same process, as that of `passerelle serve` is.
    pub(crate) fn inside(self) -> Self {
        self.by(Way::InProcess)
    }

    /// Asks the file server to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.server.await.unwrap();
    }
}

/// Somebody who may read everything.
pub(crate) fn reader() -> Caller {
    Caller { scope: Scope::whole(Rights::READ_ONLY), ..Caller::default() }
}

/// Somebody who may do everything.
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
