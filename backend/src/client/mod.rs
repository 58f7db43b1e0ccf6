//! The framed protocol's other end: typed calls over a pool of connections to a file server.
//!
//! - [`mod@self`] is the calls;
//! - [`connection`] is one connection: handshake, one request at a time;
//! - [`pool`] passes_fds connections, keeps metadata apart from bulk, and finds a file server again that was away;
//! - [`transfer`] is an answer that takes long, which ends when it is dropped;
//! - [`upload`] sends bytes, [`change`] has everything else that changes files or tells of changes.

mod change;
mod connection;
mod error;
mod handshake;
mod listing;
mod pool;
mod transfer;
mod upload;

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::limits::LIST_LIMIT_DEFAULT;
use shared::wire::{FrameKind, Get, List, Message, Stat, Walk};
use shared::{Entry, ErrorCode, Order, VPath};

pub use change::Watcher;
pub use error::ClientError;
pub use listing::{Blocks, Listing};
pub use pool::{ClassStatus, PoolConfig, PoolStatus, ServerAddress, Target};
pub use shared::wire::{
    Caller, Commit, DigestsKnown, Failure, GetItem, Meta, Page, Skipped, Stage, Store, TrashPage, Upload,
};
pub use transfer::{Item, Transfer, Walking};
pub use upload::{Sending, Sent};

use connection::Reply;
use pool::{ConnectionClass, Lease, Pool};

/// Calls a file server. Cheap to clone; all clones share the pool.
#[derive(Clone)]
pub struct Client {
    pool: Arc<Pool>,
}

impl Client {
    /// A client that will connect when it is first asked for something.
    pub fn new(target: Target, config: PoolConfig) -> Self {
        Self { pool: Pool::new(target, config) }
    }

    /// One entry, for a caller that may list.
    pub async fn stat(&self, caller: &Caller, path: &VPath) -> Result<Entry, ClientError> {
        self.stat_by(Stat { caller: caller.clone(), path: path.clone(), for_reading: None }).await
    }

    /// The entry whose bytes a GET would send, for a caller that may read.
    pub async fn stat_for_reading(&self, caller: &Caller, path: &VPath) -> Result<Entry, ClientError> {
        self.stat_by(Stat { caller: caller.clone(), path: path.clone(), for_reading: Some(true) }).await
    }

    async fn stat_by(&self, request: Stat) -> Result<Entry, ClientError> {
        let (lease, reply) = self.start(ConnectionClass::Metadata, FrameKind::Stat, &request).await?;
        let frame = match reply {
            Reply::Frame(frame) => frame,
            Reply::End(error) => return Err(lease.end(error)),
        };
        let meta: Meta = lease.message(&frame, FrameKind::Meta)?;
        lease.expect_end().await?;
        Ok(meta.entry)
    }

    /// One page of a folder, whole.
    pub async fn list(
        &self,
        caller: &Caller,
        path: &VPath,
        order: Order,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Listing, ClientError> {
        self.list_blocks(caller, path, order, cursor, limit).await?.whole(path).await
    }

    /// One page of a folder, as it comes.
    pub async fn list_blocks(
        &self,
        caller: &Caller,
        path: &VPath,
        order: Order,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Blocks, ClientError> {
        let request =
            List { caller: caller.clone(), path: path.clone(), order, cursor: cursor.map(str::to_owned), limit };
        // A long page may take as long as its reader does.
        let class = if limit <= LIST_LIMIT_DEFAULT { ConnectionClass::Metadata } else { ConnectionClass::Bulk };
        let (lease, reply) = self.start(class, FrameKind::List, &request).await?;
        Blocks::new(lease, reply, limit).await
    }

    /// The bytes of chosen files, in that order.
    pub async fn get(&self, caller: &Caller, items: Vec<GetItem>) -> Result<Transfer, ClientError> {
        self.get_by(Get { caller: caller.clone(), items, pass_fd: None }).await
    }

    /// The bytes of one file, or the open file itself: [`Transfer::take_fd`], if the connection carries files (see
    /// [`ServerAddress`]: all but TCP) and the part that is wanted is large enough to be worth it.
    pub async fn get_fd(&self, caller: &Caller, item: GetItem) -> Result<Transfer, ClientError> {
        self.get_by(Get { caller: caller.clone(), items: vec![item], pass_fd: Some(true) }).await
    }

    async fn get_by(&self, request: Get) -> Result<Transfer, ClientError> {
        let (count, takes_fds) = (request.items.len(), request.pass_fd == Some(true));
        let (lease, reply) = self.start(ConnectionClass::Bulk, FrameKind::Get, &request).await?;
        Transfer::new(lease, reply, count, takes_fds)
    }

    /// Everything below chosen paths, page by page.
    pub async fn walk(
        &self,
        caller: &Caller,
        paths: Vec<VPath>,
        cursor: Option<String>,
    ) -> Result<Walking, ClientError> {
        let request = Walk { caller: caller.clone(), paths, cursor };
        let (lease, reply) = self.start(ConnectionClass::Bulk, FrameKind::Walk, &request).await?;
        Walking::new(lease, reply)
    }

    /// Whether the file server is there, and how long it takes to say so.
    pub async fn ping(&self) -> Result<Duration, ClientError> {
        let started = Instant::now();
        let mut lease = self.pool.lease(ConnectionClass::Metadata).await?;
        if let Err(error) = lease.ping().await {
            if !lease.was_pooled() {
                return Err(error);
            }
            drop(lease);
            lease = self.pool.lease_new(ConnectionClass::Metadata).await?;
            lease.ping().await?;
        }
        lease.finish();
        Ok(started.elapsed())
    }

    /// How many connections there are.
    pub fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Sends a request and waits for the first frame of its answer. Every request of this version may be sent twice
    /// (the one that changes something has a key, a PUT an offset, and a second upload without bytes just expires):
    /// where a pooled connection turns out to be dead, it is, on a new one.
    async fn start<M: Message>(
        &self,
        class: ConnectionClass,
        kind: FrameKind,
        request: &M,
    ) -> Result<(Lease, Reply), ClientError> {
        let mut lease = self.pool.lease(class).await?;
        match lease.call(kind, request).await {
            Err(error) if error.code == ErrorCode::Disconnected && lease.was_pooled() => {
                drop(lease);
                let mut lease = self.pool.lease_new(class).await?;
                let reply = lease.call(kind, request).await?;
                Ok((lease, reply))
            }
            reply => Ok((lease, reply?)),
        }
    }
}
