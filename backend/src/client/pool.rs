//! Connections, lent and taken back. Metadata has a class of its own: a thousand slow downloads never keep a listing
//! waiting. What idled is asked whether it lives before it is trusted; what broke is not taken back.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::ErrorCode;
use shared::limits::{HANDSHAKE_TIME, PING_AFTER};
use shared::wire::{Failure, FrameKind, Message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::debug;

use super::ClientError;
use super::connection::{Connection, DataReply, Reply};
use crate::transfer_budget::{TRANSFER_BYTES_MAX, TransferBudget, TransferShare};
use crate::wire::{Frame, InProcessConnector, Key};

/// Which file server, and by what key.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it is.
    pub address: ServerAddress,
    /// What both sides hold.
    pub key: Key,
}

/// Where a file server is.
#[derive(Clone, Debug)]
pub enum ServerAddress {
    /// Over TCP, at `host:port`.
    Tcp(String),
    /// On this machine, at a Unix socket.
    Unix(PathBuf),
    /// In this process, behind that door.
    InProcess(InProcessConnector),
}

/// What an address begins with that is the path of a Unix socket.
const UNIX_SCHEME: &str = "unix:";

impl ServerAddress {
    /// What `address` says: `unix:PATH`, or `host:port`.
    pub fn parse(address: &str) -> Self {
        match address.strip_prefix(UNIX_SCHEME) {
            Some(path) => Self::Unix(path.into()),
            None => Self::Tcp(address.to_owned()),
        }
    }
}

impl Target {
    /// The one over TCP at `host:port`.
    pub fn tcp(address: impl Into<String>, key: Key) -> Self {
        Self { address: ServerAddress::Tcp(address.into()), key }
    }

    /// The one in this process behind `connector`.
    pub fn in_process(connector: InProcessConnector, key: Key) -> Self {
        Self { address: ServerAddress::InProcess(connector), key }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => formatter.write_str(address),
            Self::Unix(path) => write!(formatter, "{UNIX_SCHEME}{}", path.display()),
            Self::InProcess(_) => formatter.write_str("the other end of this process"),
        }
    }
}

/// What a person may set.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Most connections for metadata.
    pub metadata_connections_max: usize,
    /// Most connections for the bytes of files and for walks.
    pub bulk_connections_max: usize,
    /// Most connections that wait for something to happen in a folder.
    pub watching_connections_max: usize,
    /// Memory for the bytes of files on their way, in bytes: more transfers at a time move them in shorter pieces, down to
    /// [`crate::transfer_budget::PIECE_BYTES_MIN`].
    pub transfer_bytes_max: usize,
    /// How long a call waits for a free connection.
    pub lease_time: Duration,
    /// How long opening a connection may take.
    pub connect_time: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            metadata_connections_max: 32,
            bulk_connections_max: 1024,
            watching_connections_max: 256,
            transfer_bytes_max: TRANSFER_BYTES_MAX,
            lease_time: Duration::from_secs(10),
            connect_time: HANDSHAKE_TIME,
        }
    }
}

/// What a connection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ConnectionClass {
    /// A short answer.
    Metadata,
    /// An answer that takes as long as its reader does, or as the work.
    Bulk,
    /// An answer that never ends by itself.
    Watching,
}

/// How many connections a class has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClassStatus {
    /// With a request on them.
    pub busy: usize,
    /// Waiting for one.
    pub idle: usize,
    /// Most there can be.
    pub max: usize,
}

/// How many connections there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolStatus {
    /// For metadata.
    pub metadata: ClassStatus,
    /// For bytes.
    pub bulk: ClassStatus,
    /// For what happens.
    pub watching: ClassStatus,
}

/// All connections to one file server.
pub(super) struct Pool {
    target: Target,
    config: PoolConfig,
    metadata: Slots,
    bulk: Slots,
    watching: Slots,
    transfer_budget: TransferBudget,
}

struct Slots {
    max: usize,
    permits: Arc<Semaphore>,
    /// Most recently used last, which is lent first: the others can grow old and go.
    idle: Mutex<Vec<Connection>>,
}

/// A lent connection. It goes back by [`Lease::finish`], at the end of its request; otherwise it is closed.
pub(super) struct Lease {
    connection: Connection,
    pool: Arc<Pool>,
    class: ConnectionClass,
    pooled: bool,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(target: Target, config: PoolConfig) -> Arc<Self> {
        let metadata = Slots::new(config.metadata_connections_max);
        let bulk = Slots::new(config.bulk_connections_max);
        let watching = Slots::new(config.watching_connections_max);
        let transfer_budget = TransferBudget::new(config.transfer_bytes_max);
        Arc::new(Self { target, config, metadata, bulk, watching, transfer_budget })
    }

    /// A connection that lives, as far as one can tell.
    pub(super) async fn lease(self: &Arc<Self>, class: ConnectionClass) -> Result<Lease, ClientError> {
        let permit = self.permit(class).await?;
        while let Some(mut connection) = self.slots(class).take() {
            let idle = connection.last_used.elapsed();
            // Near the end of the server's patience its goodbye may be on the way.
            if idle * 4 >= connection.idle_time * 3 {
                continue;
            }
            if idle < PING_AFTER || connection.ping().await.is_ok() {
                return Ok(Lease { connection, pool: Arc::clone(self), class, pooled: true, _permit: permit });
            }
            debug!("a pooled connection was dead");
            // To ask each of the others, which idled for longer, could take a silence each.
            self.slots(class).clear();
        }
        self.open(class, permit).await
    }

    /// A new connection. Those that idle are let go: one like them was just found dead.
    pub(super) async fn lease_new(self: &Arc<Self>, class: ConnectionClass) -> Result<Lease, ClientError> {
        let permit = self.permit(class).await?;
        self.slots(class).clear();
        self.open(class, permit).await
    }

    pub(super) fn status(&self) -> PoolStatus {
        PoolStatus { metadata: self.metadata.status(), bulk: self.bulk.status(), watching: self.watching.status() }
    }

    async fn permit(&self, class: ConnectionClass) -> Result<OwnedSemaphorePermit, ClientError> {
        let permits = Arc::clone(&self.slots(class).permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Ok(permit);
        }
        match timeout(self.config.lease_time, permits.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed; the other case is that all connections stayed busy.
            _ => Err(ClientError {
                retry_after: Some(self.config.lease_time),
                ..ClientError::new(ErrorCode::TooManyConnections, "all connections to the file server are busy")
            }),
        }
    }

    async fn open(
        self: &Arc<Self>,
        class: ConnectionClass,
        permit: OwnedSemaphorePermit,
    ) -> Result<Lease, ClientError> {
        let connection = Connection::open(&self.target, self.config.connect_time).await?;
        Ok(Lease { connection, pool: Arc::clone(self), class, pooled: false, _permit: permit })
    }

    fn slots(&self, class: ConnectionClass) -> &Slots {
        match class {
            ConnectionClass::Metadata => &self.metadata,
            ConnectionClass::Bulk => &self.bulk,
            ConnectionClass::Watching => &self.watching,
        }
    }
}

impl Slots {
    fn new(max: usize) -> Self {
        Self { max, permits: Arc::new(Semaphore::new(max)), idle: Mutex::new(Vec::new()) }
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The first was used the longest ago.
        let now = connection.last_used;
        let old = idle.iter().take_while(|other| now.duration_since(other.last_used) >= other.idle_time).count();
        idle.drain(..old);
        idle.push(connection);
    }

    fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn status(&self) -> ClassStatus {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).len();
        ClassStatus { busy: self.max - self.permits.available_permits(), idle, max: self.max }
    }
}

impl Lease {
    /// A part of the memory for transfers.
    pub(super) fn share(&self) -> TransferShare {
        self.pool.transfer_budget.share()
    }

    /// Whether the connection had served before.
    pub(super) fn was_pooled(&self) -> bool {
        self.pooled
    }

    /// Sends a request and waits for the first frame of its answer.
    pub(super) async fn call<M: Message>(&mut self, kind: FrameKind, request: &M) -> Result<Reply, ClientError> {
        self.connection.ask(kind, request).await?;
        self.connection.reply().await
    }

    /// The same with all the bytes that belong to the request.
    pub(super) async fn call_with<M: Message>(
        &mut self,
        kind: FrameKind,
        request: &M,
        bytes: &[u8],
    ) -> Result<Reply, ClientError> {
        self.connection.ask_with(kind, request, bytes).await?;
        self.connection.reply().await
    }

    /// Sends a message that belongs to the request that runs.
    pub(super) async fn tell<M: Message>(&mut self, kind: FrameKind, message: &M) -> Result<(), ClientError> {
        self.connection.tell(kind, message).await
    }

    /// See [`Connection::send_data`].
    pub(super) async fn send_data(&mut self, bytes: bytes::Bytes) -> Result<Option<Reply>, ClientError> {
        self.connection.send_data(bytes).await
    }

    /// See [`Connection::said`].
    pub(super) async fn said(&mut self) -> Result<Reply, ClientError> {
        self.connection.said().await
    }

    /// The last of the answer's messages, of which all are of that kind; takes END and gives the connection back.
    pub(super) async fn last_message<M: Message>(self, first: Reply, kind: FrameKind) -> Result<M, ClientError> {
        let mut messages = self.all_messages(first, kind).await?;
        messages.pop().ok_or_else(|| ClientError::new(ErrorCode::Protocol, "an answer without a message"))
    }

    /// Every message of the answer, all of that kind; takes END and gives the connection back.
    pub(super) async fn all_messages<M: Message>(
        mut self,
        first: Reply,
        kind: FrameKind,
    ) -> Result<Vec<M>, ClientError> {
        let mut messages = Vec::new();
        let mut reply = first;
        loop {
            match reply {
                Reply::Frame(frame) => messages.push(self.message(&frame, kind)?),
                Reply::End(None) => {
                    self.finish();
                    return Ok(messages);
                }
                Reply::End(error) => return Err(self.end(error)),
            }
            reply = self.reply().await?;
        }
    }

    /// Takes an END that has no message before it.
    pub(super) fn no_message(self, reply: Reply) -> Result<(), ClientError> {
        match reply {
            Reply::End(None) => {
                self.finish();
                Ok(())
            }
            Reply::End(error) => Err(self.end(error)),
            Reply::Frame(_) => Err(self.broken("a message where the end is wanted")),
        }
    }

    /// The next frame of an answer that has no data in it.
    pub(super) async fn reply(&mut self) -> Result<Reply, ClientError> {
        self.connection.reply().await
    }

    /// The next frame of an answer.
    pub(super) async fn data_reply(&mut self) -> Result<DataReply, ClientError> {
        self.connection.data_reply().await
    }

    /// See [`Connection::piece`].
    pub(super) async fn piece(&mut self, bytes_max: usize) -> Result<bytes::Bytes, ClientError> {
        self.connection.piece(bytes_max).await
    }

    /// What is left of the DATA frame.
    pub(super) fn data_left(&self) -> usize {
        self.connection.data_left()
    }

    /// See [`Connection::take_fd`].
    pub(super) fn take_fd(&mut self) -> Option<File> {
        self.connection.take_fd()
    }

    /// See [`Connection::release_fd`].
    pub(super) async fn release_fd(&mut self) -> Result<(), ClientError> {
        self.connection.release_fd().await
    }

    /// Asks for the end of the request.
    pub(super) async fn cancel(&mut self) -> Result<(), ClientError> {
        self.connection.cancel().await
    }

    /// Asks whether the server is there.
    pub(super) async fn ping(&mut self) -> Result<(), ClientError> {
        self.connection.ping().await
    }

    /// The message in a frame, which must be of that kind.
    pub(super) fn message<M: Message>(&self, frame: &Frame, kind: FrameKind) -> Result<M, ClientError> {
        if frame.kind() == Some(kind) {
            Ok(frame.message()?)
        } else {
            Err(ClientError::new(ErrorCode::Protocol, "a frame that has no place in this answer"))
        }
    }

    /// Takes END, and gives the connection back.
    pub(super) async fn expect_end(mut self) -> Result<(), ClientError> {
        match self.reply().await? {
            Reply::End(None) => {
                self.finish();
                Ok(())
            }
            Reply::End(error) => Err(self.end(error)),
            Reply::Frame(_) => Err(self.broken("an answer that does not end")),
        }
    }

    /// The request ended with a failure; the connection is as good as before.
    pub(super) fn end(self, error: Option<Failure>) -> ClientError {
        self.finish();
        error.map_or_else(|| ClientError::new(ErrorCode::Protocol, "an answer that is no answer"), ClientError::from)
    }

    /// The server does not keep to the protocol; the connection is closed.
    pub(super) fn broken(self, sentence: &str) -> ClientError {
        ClientError::new(ErrorCode::Protocol, sentence)
    }

    /// See [`Connection::is_between_frames`].
    pub(super) fn is_between_frames(&self) -> bool {
        self.connection.is_between_frames()
    }

    /// Gives the connection back after END, unless a frame to the server is unfinished: the next request would be taken
    /// for the rest of it.
    pub(super) fn finish(self) {
        let Self { mut connection, pool, class, .. } = self;
        if connection.is_between_frames() {
            connection.rest();
            pool.slots(class).put(connection);
        }
    }
}
