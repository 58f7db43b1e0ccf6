//! The client, and the calls that read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::limits::LIST_LIMIT_DEFAULT;
use shared::wire::{Call, Caller, FrameKind, Get, GetItem, Health, List, Message, Stat, Walk};
use shared::{Entry, ErrorCode, Order, VPath};

use super::address::Target;
use super::connection::Reply;
use super::error::ClientError;
use super::lease::Lease;
use super::listing::{Listing, ListingBlocks};
use super::owner::owner;
use super::pool::Pool;
use super::pool_config::{ConnectionClass, PoolConfig, PoolStatus};
use super::transfer::Transfer;
use super::walk::WalkPages;
use crate::admission::Who;

/// Calls a file server. Clones are cheap and share the pool.
#[derive(Clone)]
pub struct Client {
    pub(super) pool: Arc<Pool>,
}

impl Client {
    /// A client. It connects at the first call.
    pub fn new(target: Target, config: PoolConfig) -> Self {
        Self { pool: Arc::new(Pool::new(target, config)) }
    }

    /// Sends a request whose answer is one message, which comes at once.
    pub async fn call<C: Call>(&self, request: &C) -> Result<C::Answer, ClientError> {
        self.call_in(ConnectionClass::Metadata, request).await
    }

    /// Sends a request whose answer is one message.
    pub(super) async fn call_in<C: Call>(&self, class: ConnectionClass, request: &C) -> Result<C::Answer, ClientError> {
        let (lease, reply) = self.start(class, request.caller(), C::KIND, request).await?;
        lease.last_message(reply, C::ANSWER).await
    }

    /// One entry; needs the right to list.
    pub async fn stat(&self, caller: &Caller, path: &VPath) -> Result<Entry, ClientError> {
        let request = Stat { caller: caller.clone(), path: path.clone(), for_reading: None };
        Ok(self.call(&request).await?.entry)
    }

    /// The entry whose bytes a GET would send; needs the right to read.
    pub async fn stat_for_reading(&self, caller: &Caller, path: &VPath) -> Result<Entry, ClientError> {
        let request = Stat { caller: caller.clone(), path: path.clone(), for_reading: Some(true) };
        Ok(self.call(&request).await?.entry)
    }

    /// One page of a folder, complete.
    pub async fn list(
        &self,
        caller: &Caller,
        path: &VPath,
        order: Order,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Listing, ClientError> {
        self.list_blocks(caller, path, order, cursor, limit).await?.into_listing(path).await
    }

    /// One page of a folder, block by block as it arrives.
    pub async fn list_blocks(
        &self,
        caller: &Caller,
        path: &VPath,
        order: Order,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<ListingBlocks, ClientError> {
        let request =
            List { caller: caller.clone(), path: path.clone(), order, cursor: cursor.map(str::to_owned), limit };
        // A long page takes as long as its reader.
        let class = if limit <= LIST_LIMIT_DEFAULT { ConnectionClass::Metadata } else { ConnectionClass::Reading };
        let (lease, reply) = self.start(class, caller, FrameKind::List, &request).await?;
        ListingBlocks::new(lease, reply, limit).await
    }

    /// The bytes of the chosen files, in that order.
    pub async fn get(&self, caller: &Caller, items: Vec<GetItem>) -> Result<Transfer, ClientError> {
        self.get_by(Get { caller: caller.clone(), items, pass_fd: None }).await
    }

    /// The bytes of one file, or its descriptor ([`Transfer::take_fd`]): if the transport can pass descriptors (every
    /// [`super::ServerAddress`] but TCP) and the range is large enough for it.
    pub async fn get_fd(&self, caller: &Caller, item: GetItem) -> Result<Transfer, ClientError> {
        self.get_by(Get { caller: caller.clone(), items: vec![item], pass_fd: Some(true) }).await
    }

    async fn get_by(&self, request: Get) -> Result<Transfer, ClientError> {
        let (count, takes_fd) = (request.items.len(), request.pass_fd == Some(true));
        let (lease, reply) = self.start(ConnectionClass::Reading, &request.caller, FrameKind::Get, &request).await?;
        Transfer::new(lease, reply, count, takes_fd)
    }

    /// All entries below the chosen paths, page by page.
    pub async fn walk(
        &self,
        caller: &Caller,
        paths: Vec<VPath>,
        cursor: Option<String>,
    ) -> Result<WalkPages, ClientError> {
        let request = Walk { caller: caller.clone(), paths, cursor };
        let (lease, reply) = self.start(ConnectionClass::Reading, caller, FrameKind::Walk, &request).await?;
        WalkPages::new(lease, reply)
    }

    /// Checks that the file server can read its files and, with `for_changes`, change them.
    ///
    /// # Errors
    /// The failure that requests would meet, and [`ErrorCode::Unsupported`] of an older file server.
    pub async fn health(&self, caller: &Caller, for_changes: bool) -> Result<(), ClientError> {
        let request = Health { caller: caller.clone(), for_changes: Some(for_changes) };
        let (lease, reply) = self.start(ConnectionClass::Metadata, caller, FrameKind::Health, &request).await?;
        lease.no_message(reply)
    }

    /// Checks that the file server answers, and measures the round trip.
    pub async fn ping(&self) -> Result<Duration, ClientError> {
        let started = Instant::now();
        let mut lease = self.pool.lease(ConnectionClass::Metadata, Who::one()).await?;
        if let Err(error) = lease.ping().await {
            if !lease.was_pooled() {
                return Err(error);
            }
            drop(lease);
            lease = self.pool.lease_new(ConnectionClass::Metadata, Who::one()).await?;
            lease.ping().await?;
        }
        lease.finish();
        Ok(started.elapsed())
    }

    /// The state of the pool.
    pub fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Whether connections for the content of files are scarce: then a transfer that does not get on is to end.
    pub fn is_scarce(&self) -> bool {
        self.pool.is_scarce()
    }

    /// Sends a request and waits for the first frame of its answer. If a pooled connection turns out to be dead, the
    /// request is sent once more on a new one. So every request must have the same effect if it arrives twice: a change
    /// has a key, a PUT an offset, and a second upload without bytes expires.
    pub(super) async fn start<M: Message>(
        &self,
        class: ConnectionClass,
        caller: &Caller,
        kind: FrameKind,
        request: &M,
    ) -> Result<(Lease, Reply), ClientError> {
        let who = owner(caller);
        let mut lease = self.pool.lease(class, who).await?;
        match lease.call(kind, request).await {
            Err(error) if error.code == ErrorCode::Disconnected && lease.was_pooled() => {
                drop(lease);
                let mut lease = self.pool.lease_new(class, who).await?;
                let reply = lease.call(kind, request).await?;
                Ok((lease, reply))
            }
            reply => Ok((lease, reply?)),
        }
    }
}
